package dev.luthier.data.rows;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.CharacterEncoder;
import dev.luthier.data.ConversationRenderer;
import dev.luthier.data.DataException;
import dev.luthier.data.Example;
import dev.luthier.data.Origin;
import dev.luthier.data.frame.ChatFrame;
import dev.luthier.data.frame.Frame;
import dev.luthier.data.frame.TemplateRenderer;
import dev.luthier.data.frame.TextFrame;
import dev.luthier.data.record.Conversation;
import dev.luthier.data.record.Preference;
import dev.luthier.data.record.RawText;
import dev.luthier.data.record.Sample;
import dev.luthier.data.record.TokenRow;
import dev.luthier.data.record.Turn;
import dev.luthier.data.rows.EncodeOptions.LongRows;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RowEncoderTest {
    private static final Origin ORIGIN = Origin.line(Path.of("data.jsonl"), 17);
    private static final CharacterEncoder ENCODER = new CharacterEncoder("<bos>", List.of("<eos>", "<eot>"), "<im>");
    private static final EncodeOptions LONG = EncodeOptions.ofLength(1000);
    private static final String LINES = "{% for m in messages %}<im>{{ m.role }}:{{ m.content }}<eot>\n{% endfor %}"
            + "{% if add_generation_prompt %}<im>assistant:{% endif %}";

    private static Conversation talk(Turn... turns) {
        return new Conversation(ORIGIN, List.of(turns));
    }

    private static Conversation qa(String q, String a) {
        return talk(Turn.of("user", q), Turn.answer(null, a));
    }

    private static Frame text(String frame) {
        return new TextFrame("f", frame, ENCODER.controlTokens());
    }

    private static Frame chat(String template) {
        ConversationRenderer r = new TemplateRenderer(template, "<bos>", "<eos>", LocalDate.of(2024, 7, 26), Map.of());
        return new ChatFrame(r, ENCODER.controlTokens());
    }

    private static List<String> show(Frame frame, EncodeOptions o, Sample s) {
        return new RowEncoder(frame, ENCODER, o).encode(s).examples().stream().map(ENCODER::show).toList();
    }

    private static EncodeOptions options(int max, LongRows policy) {
        return new EncodeOptions(max, policy, false, 0);
    }

    @Test
    void theAnswerAndOneEndAreLearned() {
        assertEquals(List.of("<bos>Q:q A:»a<eos>«"), show(text("Q:{question} A:{answer}"), LONG, qa("q", "a")));
        assertEquals(List.of("<im>user:q<eot>\n<im>assistant:»a<eot>«"), show(chat(LINES), LONG, qa("q", "a")));
    }

    @Test
    void anEndThatTheFrameWritesIsNotDoubled() {
        assertEquals(List.of("<bos>q»a<eos>«"), show(text("{question}{answer}<eos>"), LONG, qa("q", "a")));
        assertEquals(List.of("<bos>q»a.<eot>«"), show(text("{question}{answer}.<eot>\nEND<eos>"), LONG, qa("q", "a")));
    }

    @Test
    void aBeginThatTheFrameWritesIsNotDoubled() {
        assertEquals(List.of("<bos>q»a<eos>«"), show(text("<bos>{question}{answer}"), LONG, qa("q", "a")));
        assertEquals(List.of("<bos>q»a<eos>«"), show(chat("{{ bos_token }}{% for m in messages %}{{ m.content }}"
                + "{% if m.role == 'assistant' %}<eos>{% endif %}{% endfor %}"), LONG, qa("q", "a")));
    }

    @Test
    void controlTokensInTheAnswerDoNotEndIt() {
        Example e = new RowEncoder(text("{question}{answer}"), ENCODER, LONG).encode(qa("<eos>", "x<eos>y<eot>"))
                .examples().getFirst();
        assertEquals("<bos><eos>»x<eos>y<eot><eos>«", ENCODER.show(e));
        assertEquals(1, Arrays.stream(e.ids()).filter(ENCODER::isEnd).count());
        assertEquals(ENCODER.end(), e.labels()[e.length() - 1]);
    }

    @Test
    void severalAnswersAreLearnedEachWithItsEnd() {
        assertEquals(List.of("<im>user:q<eot>\n<im>assistant:»a<eot>«\n<im>user:r<eot>\n<im>assistant:»b<eot>«"),
                show(chat(LINES), LONG, talk(Turn.of("user", "q"), Turn.answer(null, "a"), Turn.of("user", "r"),
                        Turn.answer(null, "b"))));
    }

    @Test
    void trainOnPromptLearnsAll() {
        EncodeOptions all = new EncodeOptions(1000, LongRows.TRUNCATE, true, 0);
        assertEquals(List.of("»<bos>qa<eos>«"), show(text("{question}{answer}"), all, qa("q", "a")));
        assertEquals(List.of("»<bos>hello<eos>«"), show(text("{question}{answer}"), all, new RawText(ORIGIN, "hello")));
    }

    @Test
    void rawTextIsPlainText() {
        assertEquals(List.of("<bos>»a<eos>b<eos>«"), show(text("{question}{answer}"), LONG, new RawText(ORIGIN, "a<eos>b")));
    }

    @Test
    void thePromptOfUseIsThePrefixOfTraining() {
        for (Frame f : List.of(text("<im>Q: {question}\nA: {answer}"), chat(LINES))) {
            RowEncoder e = new RowEncoder(f, ENCODER, LONG);
            Example row = e.encode(qa("why <im>?", "a")).examples().getFirst();
            int[] prompt = e.prompt(talk(Turn.of("user", "why <im>?")));
            assertArrayEquals(prompt, Arrays.copyOf(row.ids(), prompt.length));
            for (int t = 0; t < row.length(); t++) {
                assertEquals(t < prompt.length ? Example.IGNORE : row.ids()[t], row.labels()[t]);
            }
        }
    }

    @Test
    void truncationLosesTheEndAndIsCounted() {
        Encoded e = new RowEncoder(text("{question}{answer}"), ENCODER, options(5, LongRows.TRUNCATE)).encode(qa("q", "abcdef"));
        assertEquals("<bos>q»abc«", ENCODER.show(e.examples().getFirst()));
        assertEquals(1, e.truncated());
        assertEquals(9, e.longest());
    }

    @Test
    void aRowWithNothingToLearnIsNamed() {
        DataException e = assertThrows(DataException.class,
                () -> show(text("{question}{answer}"), options(5, LongRows.TRUNCATE), qa("question", "a")));
        assertEquals("data.jsonl line 17: has no token to learn within --max-length 5 (the row has 11 tokens and its"
                + " answer begins behind the cut); raise --max-length, pass --long-rows drop, or pass --skip-bad-rows",
                e.getMessage());
        assertTrue(e.isRow());
        DataException masked = assertThrows(DataException.class, () -> show(null, LONG,
                new TokenRow(ORIGIN, new int[] {1, 2, 3}, new int[] {1, -100, -100})));
        assertTrue(masked.getMessage().startsWith("data.jsonl line 17: has no token to learn: all 3 labels are masked"),
                masked.getMessage());
        assertThrows(DataException.class, () -> show(null, LONG, new TokenRow(ORIGIN, new int[0], new int[0])));
    }

    @Test
    void longRowsAreDroppedOrSplit() {
        Encoded dropped = new RowEncoder(text("{question}{answer}"), ENCODER, options(5, LongRows.DROP)).encode(qa("q", "abcdef"));
        assertEquals(List.of(), dropped.examples());
        assertEquals(1, dropped.dropped());
        Encoded split = new RowEncoder(text("{question}{answer}"), ENCODER, options(4, LongRows.SPLIT))
                .encode(qa("question", "abcdef"));
        assertEquals(List.of("n»abc«", "»def<eos>«"), split.examples().stream().map(ENCODER::show).toList());
        assertEquals(2, split.pieces());
        assertEquals("data.jsonl line 17 piece 3", split.examples().getFirst().origin());
    }

    @Test
    void foreignTokenIdsAreRefused() {
        EncodeOptions o = new EncodeOptions(100, LongRows.TRUNCATE, false, 512);
        DataException e = assertThrows(DataException.class,
                () -> show(null, o, new TokenRow(ORIGIN, new int[] {1, 512}, new int[] {1, 2})));
        assertTrue(e.getMessage().startsWith("data.jsonl line 17: input_ids[1] is 512, but token ids of this model run"
                + " from 0 to 511"), e.getMessage());
        assertThrows(DataException.class, () -> show(null, o, new TokenRow(ORIGIN, new int[] {1, 2}, new int[] {1, -1})));
        assertThrows(DataException.class, () -> show(null, LONG, new TokenRow(ORIGIN, new int[] {1, -2}, new int[] {1, 2})));
    }

    @Test
    void preferencesStayPairs() {
        Turn q = Turn.of("user", "q");
        Preference p = new Preference(ORIGIN, talk(q, Turn.answer(null, "good")), talk(q, Turn.answer(null, "bad, very")));
        assertEquals(List.of("<bos>q»good<eos>«", "<bos>q»bad, very<eos>«"), show(text("{question}{answer}"), LONG, p));
        Encoded e = new RowEncoder(text("{question}{answer}"), ENCODER, options(8, LongRows.DROP)).encode(p);
        assertEquals(List.of(), e.examples());
        assertEquals(1, e.dropped());
    }
}
