package dev.luthier.data.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import dev.luthier.data.record.Conversation;
import dev.luthier.data.record.Turn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextFrameTest {
    private static final Set<String> CONTROL = Set.of("<eos>", "<bos>");

    @TempDir
    Path folder;

    static Conversation conversation(Turn... turns) {
        return new Conversation(Origin.line(Path.of("data.jsonl"), 17), List.of(turns));
    }

    /** Text with the target between » and «, literal spans between ‹ and ›. */
    static String show(Framed f) {
        StringBuilder b = new StringBuilder();
        boolean in = false;
        for (Span s : f.spans()) {
            if (s.target() != in) b.append(s.target() ? "»" : "«");
            in = s.target();
            b.append(s.literal() ? "‹" + s.text() + "›" : s.text());
        }
        return b + (in ? "«" : "");
    }

    private static Frame named(String name) {
        return Frames.named(name, () -> null, CONTROL);
    }

    private static String only(Frame f, Turn... turns) {
        List<Framed> rows = f.training(conversation(turns));
        assertEquals(1, rows.size());
        assertTrue(rows.getFirst().begin());
        return show(rows.getFirst());
    }

    @Test
    void alpacaWithAndWithoutInput() {
        Frame f = named("alpaca");
        assertEquals("Below is an instruction that describes a task. Write a response that appropriately completes the"
                + " request.\n\n### Instruction:\nq\n\n### Response:\n»a«", only(f, Turn.of("user", "q"), Turn.answer(null, "a")));
        Turn withInput = new Turn("user", "q", "i", null, true, Map.of());
        assertEquals("Below is an instruction that describes a task, paired with an input that provides further"
                + " context. Write a response that appropriately completes the request.\n\n### Instruction:\nq\n\n"
                + "### Input:\ni\n\n### Response:\n»<think>\nt\n</think>\n\na«", only(f, withInput, Turn.answer("t", "a")));
    }

    @Test
    void theReasoningFrameOpensThinkingInThePrompt() {
        Frame f = named("reasoning-zh");
        String prompt = "### 指令：\n你是命理师。\n\n### 问题：\n健康运势\n\n### 回答：\n<think>\n";
        assertEquals(prompt + "»想\n</think>\n\n答«",
                only(f, Turn.of("system", "你是命理师。"), Turn.of("user", "健康运势"), Turn.answer("\n想\n", "答")));
        Framed asked = f.prompt(conversation(Turn.of("system", "你是命理师。"), Turn.of("user", "健康运势")));
        assertEquals(prompt, show(asked));
        assertTrue(asked.opensThinking());
        assertTrue(only(named("reasoning-en"), Turn.of("user", "q"), Turn.answer(null, "a"))
                .endsWith("### Answer:\n<think>\n»\n</think>\n\na«"));
        assertFalse(named("alpaca").prompt(conversation(Turn.of("user", "q"))).opensThinking());
    }

    @Test
    void thePromptOfTrainingIsThePromptOfUse() {
        for (String name : Frames.BUILT_IN) {
            Frame f = named(name);
            Turn q = new Turn("user", "why <eos>?", "because", null, true, Map.of());
            Framed trained = f.training(conversation(Turn.of("system", "s"), q, Turn.answer("t", "a"))).getFirst();
            List<Span> prompt = trained.spans().stream().filter(s -> !s.target()).toList();
            assertEquals(f.prompt(conversation(Turn.of("system", "s"), q)).spans(), prompt, name);
        }
    }

    @Test
    void controlTokensInUserTextStayText() {
        Frame f = new TextFrame("f", "<bos>{question} -> {answer}", CONTROL);
        assertEquals("<bos>a‹<eos>›b -> »‹<bos>›‹\uFDD0›7‹\uFDD1›«",
                only(f, Turn.of("user", "a<eos>b"), Turn.answer(null, "<bos>\uFDD07\uFDD1")));
    }

    @Test
    void anInputWithoutAPlaceGoesBehindTheQuestion() {
        Frame f = new TextFrame("f", "Q: {question}\nA: {answer}", Set.of());
        assertEquals("Q: q\n\ni\nA: »a«", only(f, new Turn("user", "q", "i", null, true, Map.of()), Turn.answer(null, "a")));
        assertEquals("s\n\nQ: q\nA: »a«", only(f, Turn.of("system", "s"), Turn.of("user", "q"), Turn.answer(null, "a")));
    }

    @Test
    void sectionsMayMakeThinkingPartOfTheAnswer() {
        Frame f = new TextFrame("f", "{question}\n{#thinking}<think>{thinking}</think>{/thinking}{^thinking}!{/thinking}{answer} END", Set.of());
        assertEquals("q\n»<think>t</think>a END«", only(f, Turn.of("user", "q"), Turn.answer("t", "a")));
        assertEquals("q\n»!a END«", only(f, Turn.of("user", "q"), Turn.answer(null, "a")));
    }

    @Test
    void bracesThatAreNoPlacesAreText() {
        Frame f = new TextFrame("f", "{{question}} {\"a\": {}} {question} {answer}", Set.of());
        assertEquals("{question} {\"a\": {}} q »a«", only(f, Turn.of("user", "q"), Turn.answer(null, "a")));
    }

    private static String refused(String frame) {
        return assertThrows(DataException.class, () -> new TextFrame("my.txt", frame, Set.of())).getMessage();
    }

    @Test
    void badFramesAreNamed() {
        assertEquals("frame my.txt line 2: {anser} is not a place; places are {system}, {question}, {input},"
                + " {thinking}, {answer} (write {{anser}} for the text itself)", refused("{question}\n{anser}"));
        assertTrue(refused("{question}").contains("has no {answer}"));
        assertTrue(refused("{answer}").contains("has no {question}"));
        assertTrue(refused("{answer}{question}").contains("behind the beginning of the answer"));
        assertTrue(refused("{#input}{question}{answer}").contains("{#input} is never closed"));
        assertTrue(refused("{question}{answer}{/input}").contains("closes nothing"));
        assertTrue(refused("{#input}{#system}{/system}{/input}").contains("do not nest"));
    }

    @Test
    void conversationsThatDoNotFitAreNamed() {
        Frame f = named("alpaca");
        DataException e = assertThrows(DataException.class, () -> f.training(conversation(Turn.of("user", "a"),
                Turn.answer(null, "b"), Turn.of("user", "c"), Turn.answer(null, "d"))));
        assertTrue(e.getMessage().startsWith("data.jsonl line 17: is a conversation of several turns, but frame alpaca"),
                e.getMessage());
        assertTrue(e.isRow());
        assertThrows(DataException.class, () -> f.training(conversation(Turn.answer(null, "b"))));
        assertThrows(DataException.class, () -> f.training(conversation(Turn.of("user", "b"))));
        assertThrows(DataException.class, () -> f.prompt(conversation(Turn.of("system", "b"))));
    }

    @Test
    void framesFromFilesAndFromTheirDescription() throws IOException {
        Path file = Files.writeString(folder.resolve("frame.txt"), "\uFEFFQ: {question}\r\nA: {answer}\n");
        Frame f = Frames.named(file.toString(), () -> null, CONTROL);
        assertEquals("Q: q\nA: »a«", only(f, Turn.of("user", "q"), Turn.answer(null, "a")));
        Frame again = Frames.from(f.describe(), null, CONTROL);
        assertEquals(f.describe(), again.describe());
        assertEquals("Q: q\nA: »a«", only(again, Turn.of("user", "q"), Turn.answer(null, "a")));
        assertTrue(assertThrows(DataException.class, () -> named("none.txt")).getMessage()
                .contains("is neither a file nor one of chat, alpaca"));
        assertTrue(assertThrows(DataException.class, () -> named("chat")).getMessage()
                .contains("the model has no chat template"));
        assertThrows(DataException.class, () -> Frames.from(f.describe().put("kind", "x"), null, CONTROL));
    }
}
