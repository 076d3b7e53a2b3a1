package dev.luthier.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Decoding piece by piece. */
class StreamDecoderTest {

    @Test
    void charactersComeOutWhole() {
        Tokenizer tokenizer = Tiny.byteLevel().load();
        StreamDecoder stream = tokenizer.stream(false);
        assertEquals("a", stream.next('a'));
        byte[] smile = "😀".getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < 3; i++) assertEquals("", stream.next(smile[i] & 0xFF));
        assertEquals("😀", stream.next(smile[3] & 0xFF));
        assertEquals("", stream.next(0xE3));
        assertEquals("\uFFFDb", stream.next('b'));
        assertEquals("", stream.next(0xE3));
        assertEquals("\uFFFD", stream.finish());
        assertThrows(IllegalStateException.class, () -> stream.next('a'));
    }

    @Test
    void runsOfByteTokensComeOutWhenTheyEnd() {
        Tokenizer tokenizer = Tiny.sentencePiece(List.of("▁", "a"), List.of()).load();
        StreamDecoder stream = tokenizer.stream(true);
        assertEquals("", stream.next(1) + stream.next(259), "the space put before a text is cut off again");
        assertEquals("a", stream.next(260));
        assertEquals("", stream.next(3 + 0xC3) + stream.next(3 + 0xA9));
        assertEquals("éa", stream.next(260));
        assertEquals("", stream.next(3 + 0xC3));
        assertEquals("\uFFFD", stream.finish());
    }

    @Test
    void piecesPutTogetherAreTheWhole() {
        List<Tokenizer> tokenizers = List.of(Tiny.byteLevel("h e", "Ã ©").added(258, "<x>", "'special':true").load(),
                Tiny.sentencePiece(List.of("▁", "a", "▁a"), List.of("▁ a")).load(),
                Tiny.unigram(0, "<unk>=0", "▁a=-1", "▁=-2", "b=-1").with("decoder", "{'type':'Metaspace','replacement':'▁'}").load());
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (Tokenizer tokenizer : tokenizers) {
            for (int run = 0; run < 500; run++) {
                int[] ids = random.ints(random.nextInt(30), 0, tokenizer.vocabSize()).toArray();
                assertEquals(tokenizer.decode(ids, false), VectorsTest.streamed(tokenizer, ids), "seed " + seed);
            }
        }
    }

    @Test
    void brokenUtf8CountsAsUnicodeRecommends() {
        Tokenizer tokenizer = Tiny.byteLevel().load();
        assertEquals("\uFFFD\uFFFD\uFFFD", tokenizer.decode(new int[] {0xED, 0xA0, 0x80}, false), "a surrogate");
        assertEquals("\uFFFDa", tokenizer.decode(new int[] {0xF0, 0x9F, 0x98, 'a'}, false), "the start of a character");
        assertEquals("\uFFFD\uFFFD", tokenizer.decode(new int[] {0xC0, 0x80}, false), "more bytes than needed");
        assertEquals("\uFFFD\uFFFD\uFFFD\uFFFD", tokenizer.decode(new int[] {0xF4, 0x90, 0x80, 0x80}, false), "above U+10FFFF");
    }
}
