package dev.luthier.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.io.GgufFile;
import dev.luthier.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Vocabularies out of GGUF files and into them. */
class GgufVocabularyTest {
    private static final String KEY = "tokenizer.ggml.";

    @ParameterizedTest
    @CsvSource({"gpt-2,", "deepseek-llm,", "llama-spm,", "qwen2, tokenizers/deepseek-r1-distill-qwen", "llama-bpe, tokenizers/llama-3"})
    void llamaCppsVectors(String name, String folder) throws IOException {
        String stem = "tok/ggml-vocab-" + name + ".gguf";
        String[] texts = Files.readString(Shared.require(stem + ".inp")).split("\n__ggml_vocab_test__\n", -1);
        List<String> expected = Files.readAllLines(Shared.require(stem + ".out"));
        Tokenizer tokenizer = folder == null ? fromGguf(Shared.require(stem)) : Tokenizer.load(Shared.require(folder));
        assertEquals(46, expected.size());
        for (int i = 0; i < expected.size(); i++) {
            int[] ids = expected.get(i).isBlank() ? new int[0]
                    : Arrays.stream(expected.get(i).strip().split(" ")).mapToInt(Integer::parseInt).toArray();
            assertArrayEquals(ids, tokenizer.encode(texts[i], false, false), "text " + i + ": " + texts[i]);
            assertEquals(texts[i], tokenizer.decode(ids, false), "text " + i);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "qwen2"})
    void theConvertersValues(String name) throws IOException {
        Tokenizer tokenizer = Tokenizer.load(Shared.require("gguf_oracle/" + name + "/hf"));
        Map<String, Object> written = metadata(Shared.require("gguf_oracle/" + name + "/" + name + "-f16.gguf"));
        Map<String, Object> ours = values(tokenizer.ggml(512));
        for (String key : List.of("model", "pre", "tokens", "token_type", "merges", "bos_token_id", "eos_token_id", "padding_token_id",
                "add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix", "scores"))
            assertEquals(plain(written.get(KEY + key)), plain(ours.get(KEY + key)), key);
    }

    /** Lists compared as text, so that a Long in one and an Integer in the other are equal. */
    private static String plain(Object value) {
        if (value instanceof int[] ints) return Arrays.toString(ints);
        if (value instanceof float[] floats) return Arrays.toString(floats);
        return String.valueOf(value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"models/stories260k", "tokenizers/llama-3", "gguf_oracle/qwen2/hf"})
    void writtenAndReadBackItCutsTheSame(String folder) throws IOException {
        Tokenizer tokenizer = Tokenizer.load(Shared.require(folder));
        Tokenizer back = Tokenizer.fromGguf("back", values(tokenizer.ggml(tokenizer.vocabSize() + 3)));
        for (int id = 0; id < tokenizer.vocabSize(); id++) assertEquals(tokenizer.kind(id), back.kind(id), "kind of " + id);
        assertEquals(TokenKind.UNUSED, back.kind(tokenizer.vocabSize() + 2));
        for (String text : texts(20261101, 300)) {
            assertArrayEquals(tokenizer.encode(text), back.encode(text), text);
            assertEquals(tokenizer.decode(tokenizer.encode(text), true), back.decode(tokenizer.encode(text), true), text);
        }
    }

    @Test
    void scoresMergeAsRanksDo() {
        // "ab" before "bc" before "abc": scores fall with rank, and the leftmost of equals goes first
        Tokenizer tokenizer = Tiny.sentencePiece(List.of("▁", "a", "b", "c", "ab", "bc", "abc", "aa"),
                List.of("a b", "b c", "ab c", "a a")).load();
        GgmlVocabulary vocabulary = tokenizer.ggml(tokenizer.vocabSize());
        assertEquals("llama", vocabulary.model());
        assertEquals("default", vocabulary.pre());
        assertEquals(1, vocabulary.bos());
        assertTrue(vocabulary.addBos());
        Tokenizer back = Tokenizer.fromGguf("back", values(vocabulary));
        for (String text : List.of("abc", "bcab", "aaa", "aaab", "x abc", "日本", "a\nb", ""))
            assertArrayEquals(tokenizer.encode(text), back.encode(text), text);
        assertArrayEquals(new int[] {259, 266, 260}, back.encode("aaa", false));
    }

    @Test
    void aTokenMayNeedACharacterThatIsNoToken() {
        // q is no token, but qu is: SentencePiece merges it from a character it does not know
        Map<String, Object> metadata = spm(new String[] {"<unk>", "▁", "u", "qu"}, new float[] {0, -3, -2, -1}, new int[] {2, 1, 1, 1});
        Tokenizer tokenizer = Tokenizer.fromGguf("map", metadata);
        assertArrayEquals(new int[] {1, 3, 2, 0}, tokenizer.encode("quuq", false));
    }

    private static Map<String, Object> spm(String[] tokens, float[] scores, int[] types) {
        return new HashMap<>(Map.of(KEY + "model", "llama", KEY + "tokens", tokens, KEY + "scores", scores, KEY + "token_type", types,
                KEY + "unknown_token_id", 0L));
    }

    @Test
    void phi3SwallowsWhiteSpaceAfterControlTokens() {
        Map<String, Object> metadata = spm(new String[] {"<unk>", "▁", "a", "<|end|>"}, new float[] {0, -1, -2, 0}, new int[] {2, 1, 1, 3});
        assertArrayEquals(new int[] {3, 1, 0, 2}, Tokenizer.fromGguf("map", metadata).encode("<|end|>\na", false));
        metadata.put("general.architecture", "phi3");
        assertArrayEquals(new int[] {3, 1, 2}, Tokenizer.fromGguf("map", metadata).encode("<|end|>\na", false));
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {
            "model; 7; tokenizer.ggml.model: found a value that is not text, wanted a string",
            "model; rwkv; found 'rwkv', wanted gpt2 or llama",
            "pre; default; found 'default', wanted one of [llama-bpe",
            "tokens; 1; found a value that is not an array",
            "token_type; 1; found a value that is not an array",
            "merges; x y z; tokenizer.ggml.merges[0]: found 'x y z'",
            "bos_token_id; 99999; found 99999, wanted the id of a token"})
    void brokenMetadataIsRefused(String key, String value, String message) {
        Map<String, Object> metadata = values(Tiny.byteLevel("h e").load().ggml(257));
        metadata.put(KEY + key, value.equals("x y z") ? List.of(value) : value.matches("[0-9]+") ? (Object) Long.valueOf(value) : value);
        TokenizerException e = assertThrows(TokenizerException.class, () -> Tokenizer.fromGguf("m.gguf", metadata));
        assertTrue(e.getMessage().startsWith("m.gguf, ") && e.getMessage().contains(message), e.getMessage());
    }

    // ---------------------------------------------------------------- the names of ways of cutting

    @ParameterizedTest
    @CsvSource(delimiter = '~', value = {
            "llama-bpe ~ true ~ (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
            "dbrx ~ false ~ (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
            "qwen2 ~ false ~ (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
            "qwen35 ~ false ~ (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
            "tekken ~ true ~ [^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
            "gpt-4o ~ false ~ [^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
            quoteCharacter = '`')
    void ggmlPreIsToldByWhatTheTokenizerDoes(String name, boolean ignoreMerges, String regex) {
        Tiny tiny = Tiny.byteLevel("h e").model("ignore_merges", String.valueOf(ignoreMerges));
        String json = Tiny.JSON.writeValueAsString(regex);
        Tokenizer tokenizer = null;
        for (String how : List.of("'behavior':'Isolated','invert':false", "'behavior':'Removed','invert':true")) {
            tiny.with("pre_tokenizer", Tiny.json("{'type':'Sequence','pretokenizers':[{'type':'Split','pattern':{'Regex':0}," + how + "},"
                    + "{'type':'ByteLevel','add_prefix_space':false,'use_regex':false}]}").toString().replace("\"Regex\":0", "\"Regex\":" + json).replace("'", "\\u0027"));
            tokenizer = tiny.load();
            assertEquals(name, tokenizer.ggmlPre());
        }
        Tokenizer back = Tokenizer.fromGguf("back", values(tokenizer.ggml(257)));
        for (String text : texts(7, 100)) {
            // the models of this name normalize, which their GGUF files do not say
            String normal = java.text.Normalizer.normalize(text, java.text.Normalizer.Form.NFC);
            assertArrayEquals(tokenizer.encode(normal, false), back.encode(normal, false), text);
        }
    }

    @Test
    void expressionsThatStandAloneMatchAllText() {
        Random random = new Random(11);
        for (GgmlPre pre : GgmlPre.ALL) {
            if (pre.expressions().size() > 1) continue;
            for (int i = 0; i < 300; i++) {
                String text = RandomText.text(random, 30);
                int[] done = {0};
                BoundedText.search(OnigurumaRegex.compile(pre.expressions().getFirst()), text, 0, text.length(), "test", (start, end) -> {
                    assertEquals(done[0], start, pre.name() + ": " + text);
                    done[0] = end;
                });
                assertEquals(text.length(), done[0], pre.name() + ": " + text);
            }
        }
    }

    @Test
    void moreNames() {
        assertEquals("gpt-2", Tiny.byteLevel().load().ggmlPre());
        String digits = "{'type':'Sequence','pretokenizers':[{'type':'Digits','individual_digits':true},{'type':'ByteLevel','add_prefix_space':false}]}";
        assertEquals("smollm", Tiny.byteLevel().with("pre_tokenizer", digits).load().ggmlPre());
    }

    @Test
    void whatGgufCannotSayIsRefused() {
        Tiny contiguous = Tiny.byteLevel().with("pre_tokenizer",
                "{'type':'Sequence','pretokenizers':[{'type':'Digits','individual_digits':false},{'type':'ByteLevel','add_prefix_space':false}]}");
        refused(contiguous, "a pre-tokenizer that has no name in GGUF files");
        refused(Tiny.byteLevel().model("ignore_merges", "true"), "a pre-tokenizer with ignore_merges that has no name");
        refused(Tiny.byteLevel().with("normalizer", "{'type':'Lowercase'}"), "the normalizer Lowercase");
        refused(Tiny.unigram(0, "<unk>=0", "a=-1"), "found Unigram");
        refused(Tiny.sentencePiece(List.of("▁"), List.of()).with("pre_tokenizer", "{'type':'Digits','individual_digits':true}"), "the pre-tokenizer Split");
        refused(Tiny.sentencePiece(List.of("▁"), List.of()).with("normalizer", "{'type':'NFKC'}"), "the normalizer Unicode");
        refused(Tiny.sentencePiece(List.of("▁"), List.of()).with("normalizer", "null"), "does not write spaces");
    }

    private static void refused(Tiny tiny, String message) {
        TokenizerException e = assertThrows(TokenizerException.class, tiny.load()::ggmlPre);
        assertTrue(e.getMessage().contains(message), e.getMessage());
    }

    // ---------------------------------------------------------------- helpers

    static Tokenizer fromGguf(Path file) throws IOException {
        return Tokenizer.fromGguf(file.toString(), metadata(file));
    }

    private static Map<String, Object> metadata(Path file) throws IOException {
        try (GgufFile gguf = GgufFile.open(file)) {
            return gguf.metadata();
        }
    }

    /** The values as a GGUF file's metadata. */
    static Map<String, Object> values(GgmlVocabulary v) {
        Map<String, Object> map = new HashMap<>();
        map.put(KEY + "model", v.model());
        map.put(KEY + "pre", v.pre());
        map.put(KEY + "tokens", v.tokens());
        map.put(KEY + "token_type", v.types());
        if (v.merges() != null) map.put(KEY + "merges", v.merges());
        if (v.scores() != null) map.put(KEY + "scores", v.scores());
        if (v.bos() >= 0) map.put(KEY + "bos_token_id", v.bos());
        if (v.eos() >= 0) map.put(KEY + "eos_token_id", v.eos());
        if (v.unknown() >= 0) map.put(KEY + "unknown_token_id", v.unknown());
        if (v.padding() >= 0) map.put(KEY + "padding_token_id", v.padding());
        map.put(KEY + "add_bos_token", v.addBos());
        if (v.addEos() != null) map.put(KEY + "add_eos_token", v.addEos());
        if (v.addSep() != null) map.put(KEY + "add_sep_token", v.addSep());
        if (v.addSpacePrefix() != null) map.put(KEY + "add_space_prefix", v.addSpacePrefix());
        return map;
    }

    /** Random texts of words, spaces, digits and characters of many scripts. */
    static List<String> texts(long seed, int count) {
        Random random = new Random(seed);
        String[] words = {"hello", " world", "I'm", "YOU'LL", "  ", "\n", "\r\n\t", "123456", "naïve", "日本語", "😀", "नमस्ते", "…", "e\u0301", "<s>", "</s>"};
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(20); n > 0; n--) {
                if (random.nextInt(3) > 0) text.append(words[random.nextInt(words.length)]);
                else text.appendCodePoint(RandomText.codePoint(random));
            }
            texts.add(text.toString());
        }
        return texts;
    }
}
