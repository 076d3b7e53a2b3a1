package dev.luthier.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.luthier.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The same ids and texts as Hugging Face's own library, run beside ours on random Unicode. Its native library must load. */
class ReferenceTest {
    private static final int TEXTS = 1500;

    @TempDir
    static Path cache;

    @TempDir
    Path folder;

    @BeforeAll
    static void stayOffline() {
        System.setProperty("DJL_CACHE_DIR", cache.toString());
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("OPT_OUT_TRACKING", "true");
        System.setProperty("RUST_FLAVOR", "cpu");
    }

    private static HuggingFaceTokenizer reference(Path file) throws IOException {
        try {
            return HuggingFaceTokenizer.builder().optTokenizerPath(file).optTruncation(false).optPadding(false).build();
        } catch (UnsatisfiedLinkError | NoClassDefFoundError | ExceptionInInitializerError | IllegalStateException e) {
            return Assumptions.abort("the reference's native library does not load here: " + e);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tokenizers/llama-3", "tokenizers/deepseek-r1-distill-qwen", "models/stories260k"})
    void realVocabularies(String shared) throws IOException {
        compare(Shared.require(shared).resolve("tokenizer.json"), 300);
    }

    @Test
    void everyExpressionThatHasAName() throws IOException {
        for (GgmlPre pre : GgmlPre.ALL) {
            StringBuilder steps = new StringBuilder();
            for (String expression : pre.expressions())
                steps.append("{\"type\":\"Split\",\"pattern\":{\"Regex\":").append(Tiny.JSON.writeValueAsString(expression).replace("'", "\\u0027"))
                        .append("},\"behavior\":\"Isolated\",\"invert\":false},");
            Tiny tiny = Tiny.byteLevel("a b", "Ġ a", "Ġ t", "Ġ Ġ", "1 2", "12 3", "' s").with("pre_tokenizer", "{\"type\":\"Sequence\",\"pretokenizers\":["
                    + steps + "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}]}");
            compare(Files.write(folder.resolve(pre.name() + ".json"), tiny.bytes()), TEXTS / GgmlPre.ALL.size());
        }
    }

    @Test
    void componentsTogether() throws IOException {
        String strip = "{'type':'Sequence','normalizers':[{'type':'NFKC'},{'type':'Replace','pattern':{'Regex':' {2,}'},'content':'▁'}]}";
        Tiny metaspace = Tiny.unigram(0, "<unk>=0", "▁=-2", "▁a=-2.5", "a=-1", "b=-1.5", "ab=-2", "é=-3", "中=-3", "1=-2")
                .with("normalizer", strip).with("pre_tokenizer", "{'type':'Metaspace','replacement':'▁','prepend_scheme':'first','split':true}")
                .with("decoder", "{'type':'Metaspace','replacement':'▁','prepend_scheme':'first','split':true}")
                .added(9, "<x>", "'special':true,'normalized':false,'single_word':false,'lstrip':true,'rstrip':false");
        compare(Files.write(folder.resolve("metaspace.json"), metaspace.bytes()), TEXTS);
    }

    private static void compare(Path file, int texts) throws IOException {
        Tokenizer ours = Tokenizer.parse(file.toString(), Files.readAllBytes(file));
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (HuggingFaceTokenizer theirs = reference(file)) {
            for (int i = 0; i < texts; i++) {
                String text = i % 3 == 0 ? GgufVocabularyTest.texts(random.nextLong(), 1).getFirst() : RandomText.text(random, random.nextInt(40));
                String where = file + ", seed " + seed + ", text " + Tiny.JSON.writeValueAsString(text);
                for (boolean special : new boolean[] {true, false})
                    assertArrayEquals(ints(theirs.encode(text, special, false).getIds()), ours.encode(text, special), where);
                int[] ids = random.ints(random.nextInt(12), 0, ours.vocabSize()).toArray();
                for (boolean skip : new boolean[] {true, false})
                    assertEquals(theirs.decode(Arrays.stream(ids).asLongStream().toArray(), skip), ours.decode(ids, skip), where + Arrays.toString(ids));
            }
        }
    }

    private static int[] ints(long[] ids) {
        return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    }
}
