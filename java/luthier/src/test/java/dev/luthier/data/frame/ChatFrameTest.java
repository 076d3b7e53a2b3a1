package dev.luthier.data.frame;

import static dev.luthier.data.frame.TextFrameTest.conversation;
import static dev.luthier.data.frame.TextFrameTest.show;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import dev.luthier.data.record.Conversation;
import dev.luthier.data.record.Turn;
import dev.luthier.data.source.Json;
import dev.luthier.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChatFrameTest {
    private static final Set<String> CONTROL = Set.of("<bos>", "<eos>", "<eot>", "<im>", "<u>", "<a>");
    private static final Turn Q = Turn.of("user", "q");

    private static final Object TOOL = Map.of("type", "function", "function", Map.of("name", "rain", "description", "d",
            "parameters", Map.of("type", "object", "properties", Map.of("city", Map.of("type", "string",
                    "description", "c")), "required", List.of("city"))));

    private static Frame frame(String template) {
        return new ChatFrame(Templates.renderer(template), CONTROL);
    }

    private static List<String> rows(String template, Turn... turns) {
        return frame(template).training(conversation(turns)).stream().map(TextFrameTest::show).toList();
    }

    @Test
    void promptAndAnswerApart() {
        assertEquals(List.of("<bos>[system]\ns<eot>[user]\nq<eot>[assistant]\n»a<eot>«"),
                rows(Templates.HEADERS, Turn.of("system", " s "), Q, Turn.answer(null, " a ")));
        assertEquals(List.of("<im>user\nq<eot>\n<im>assistant\n»a<eot>\n«"), rows(Templates.LINES, Q, Turn.answer(null, "a")));
    }

    @Test
    void everyAnswerOfAConversationIsLearnedInOneRow() {
        assertEquals(List.of("<im>user\nq<eot>\n<im>assistant\n»a<eot>\n«<im>user\nr<eot>\n<im>assistant\n»b<eot>\n«"),
                rows(Templates.LINES, Q, Turn.answer(null, "a"), Turn.of("user", "r"), Turn.answer(null, "b")));
    }

    @Test
    void turnsOfWeightZeroAreContext() {
        assertEquals(List.of("<im>user\nq<eot>\n<im>assistant\na<eot>\n<im>user\nr<eot>\n<im>assistant\n»b<eot>\n«"),
                rows(Templates.LINES, Q, Turn.answer(null, "a").untrained(), Turn.of("user", "r"), Turn.answer(null, "b")));
        assertEquals(List.of("<im>user\nq<eot>\n<im>assistant\n»a<eot>\n«"), rows(Templates.LINES, Q,
                Turn.answer(null, "a"), Turn.of("user", "r"), Turn.answer(null, "b").untrained(), Turn.of("user", "tail")));
    }

    /** The trap of the R1 templates: the reasoning being learned would be deleted. */
    @Test
    void reasoningThatTheTemplateDeletesIsKept() {
        assertEquals(List.of("<bos><u>q<a><think>\n»because\n</think>\n\na<eos>«"),
                rows(Templates.OPENS, Q, Turn.answer("\nbecause\n", "a")));
        assertEquals(List.of("<bos><u>q<a><think>\n»\n</think>\n\na<eos>«"), rows(Templates.OPENS, Q, Turn.answer(null, "a")));
        assertTrue(frame(Templates.OPENS).prompt(conversation(Q)).opensThinking());
        assertFalse(frame(Templates.LINES).prompt(conversation(Q)).opensThinking());
    }

    /** Old reasoning is not seen in use, so each answer gets the context that it will have. */
    @Test
    void answersWhoseContextChangesGetRowsOfTheirOwn() {
        Turn[] turns = {Q, Turn.answer("t1", "a"), Turn.of("user", "r"), Turn.answer("t2", "b")};
        assertEquals(List.of("<bos><u>q<a><think>\n»t1\n</think>\n\na<eos>«",
                "<bos><u>q<a>a<eos><u>r<a><think>\n»t2\n</think>\n\nb<eos>«"), rows(Templates.OPENS, turns));
        assertEquals(List.of("<im>user\nq<eot>\n<im>assistant\n»<think>\nt1\n</think>\n\na<eot>\n«",
                "<im>user\nq<eot>\n<im>assistant\na<eot>\n<im>user\nr<eot>\n<im>assistant\n»<think>\nt2\n</think>\n\nb<eot>\n«"),
                rows(Templates.KEEPS_LAST, turns));
    }

    @Test
    void reasoningIsWrittenInlineWhereTheTemplateKnowsNone() {
        assertEquals(List.of("<im>user\nq<eot>\n<im>assistant\n»<think>\nt\n</think>\n\na<eot>\n«"),
                rows(Templates.LINES, Q, Turn.answer("t", "a")));
        assertEquals(List.of("<im>user\nq<eot>\n<im>assistant\n»<think>\n\n</think>\n\na<eot>\n«"),
                rows(Templates.KEEPS_LAST, Q, Turn.answer(null, "a")));
    }

    @Test
    void promptsThatCloseTheReasoning() {
        assertEquals(List.of("<im>user\nq<eot>\n<im>assistant\n<think>\n</think>»\n\na<eot>\n«"),
                rows(Templates.CLOSES, Q, Turn.answer(null, "a")));
        assertTrue(assertThrows(DataException.class, () -> rows(Templates.CLOSES, Q, Turn.answer("t", "a"))).getMessage()
                .contains("enable_thinking=true"));
        Frame on = new ChatFrame(new TemplateRenderer(Templates.CLOSES, null, null, LocalDate.of(2024, 7, 26),
                Map.of("enable_thinking", true)), CONTROL);
        Frame again = Frames.from(on.describe(), TemplateRenderer::from, CONTROL);
        assertEquals("<im>user\nq<eot>\n<im>assistant\n<think>\n»t\n</think>\n\na<eot>\n«",
                show(again.training(conversation(Q, Turn.answer("t", "a"))).getFirst()));
    }

    @Test
    void controlTokensInMessagesStayText() {
        assertEquals(List.of("<im>user\nsay ‹<eot>›<think>!<eot>\n<im>assistant\n»no ‹<im>›<eot>\n«"),
                rows(Templates.LINES, Turn.of("user", "say <eot><think>!"), Turn.answer(null, "no <im>")));
    }

    @Test
    void refusalsOfTheTemplateNameTheRow() {
        DataException e = assertThrows(DataException.class,
                () -> rows(Templates.STRICT, Turn.of("system", "s"), Q, Turn.answer(null, "a")));
        assertTrue(e.getMessage().startsWith("data.jsonl line 17: is refused by the chat template (")
                && e.getMessage().contains("no system role here"), e.getMessage());
        assertTrue(e.isRow());
        DataException gone = assertThrows(DataException.class, () -> rows(
                "{% for m in messages %}{{ m.role }}:{% endfor %}{% if add_generation_prompt %}assistant:<think>\n{% endif %}",
                Q, Turn.answer("t", "a")));
        assertTrue(gone.getMessage().contains("leaves out or changes the answer's text"), gone.getMessage());
    }

    @Test
    void alpacaInputStandsBehindTheQuestion() {
        assertEquals(List.of("<im>user\nq\n\ni<eot>\n<im>assistant\n»a<eot>\n«"),
                rows(Templates.LINES, new Turn("user", "q", "i", null, true, Map.of()), Turn.answer(null, "a")));
    }

    @Test
    void theDateIsPinnedAndStored() {
        Frame f = frame(Templates.DATED);
        Framed prompt = f.prompt(conversation(Q));
        assertTrue(prompt.text().startsWith("26 Jul 2024 <im>user"), prompt.text());
        Frame again = Frames.from(Json.MAPPER.readTree(f.describe().toString()), TemplateRenderer::from, CONTROL);
        assertEquals(prompt, again.prompt(conversation(Q)));
        assertEquals(f.describe(), again.describe());
        assertThrows(DataException.class, () -> Frames.from(Json.MAPPER.createObjectNode().put("kind", "chat"),
                TemplateRenderer::from, CONTROL));
    }

    /** For every template: what is put before each answer in training is the prompt of use, up to the answer. */
    @ParameterizedTest
    @ValueSource(strings = {Templates.HEADERS, Templates.LINES, Templates.OPENS, Templates.KEEPS_LAST, Templates.BARE})
    void theContextOfTrainingIsThePromptOfUse(String template) {
        checkContexts(frame(template), List.of());
    }

    private static void checkContexts(Frame f, List<Object> tools) {
        Turn[][] talks = {
            {Q, Turn.answer("why", "a")}, {Q, Turn.answer(null, "a")},
            {Q, Turn.answer("t1", "a1"), Turn.of("user", "r"), Turn.answer("t2", "a2")},
            {Q, Turn.answer(null, "a1"), Turn.of("user", "r"), Turn.answer("t2", "a2")}};
        for (Turn[] talk : talks) {
            Conversation c = new Conversation(Origin.line(Path.of("d.jsonl"), 1), List.of(talk), tools);
            List<String> contexts = new ArrayList<>();
            List<String> answers = new ArrayList<>();
            for (Framed row : f.training(c)) {
                StringBuilder text = new StringBuilder();
                for (Span s : row.spans()) {
                    if (s.target()) {
                        contexts.add(text.toString());
                        answers.add(s.text());
                    }
                    text.append(s.text());
                }
            }
            int n = 0;
            for (int i = 0; i < talk.length; i++) {
                if (!talk[i].isAssistant()) continue;
                String prompt = f.prompt(c.first(i)).text();
                assertEquals(prompt, contexts.get(n));
                String learned = answers.get(n++);
                assertTrue(learned.contains(talk[i].content()), learned);
                String whole = prompt + learned;
                String thinking = talk[i].thinking();
                assertTrue(thinking == null || whole.contains("<think>\n" + thinking + "\n</think>"), whole);
            }
            assertEquals(n, contexts.size());
        }
    }

    /** The same on the templates of real models. */
    @Test
    void realTemplates() throws IOException {
        Path folder = Shared.require("templates");
        List<Path> templates;
        try (Stream<Path> files = Files.list(folder)) {
            templates = files.filter(p -> p.toString().endsWith(".jinja")).sorted().toList();
        }
        assertTrue(templates.size() >= 10);
        for (Path t : templates) {
            Frame f = new ChatFrame(new TemplateRenderer(Files.readString(t), "<BOS>", "<EOS>", LocalDate.of(2024, 7, 26),
                    Map.of("enable_thinking", true)),
                    Set.of("<BOS>", "<EOS>"));
            try {
                // A template for tools alone cannot do without one.
                boolean toolUse = t.toString().contains("tool_use");
                checkContexts(f, toolUse ? List.of(TOOL) : List.of());
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError(t.getFileName() + ": " + e.getMessage(), e);
            }
        }
    }
}
