package dev.luthier.tokenizer;

import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Mutated files end in a tokenizer that works or in a {@link TokenizerException}, soon. */
class TokenizerFuzzTest {
    private static final int FILES = 12_000;
    private static final int VOCABULARIES = 4_000;
    private static final String SPLIT = "{'type':'Sequence','pretokenizers':[{'type':'Split','pattern':{'Regex':'(?i:x|y)|[^\\\\r\\\\n\\\\p{L}]?\\\\p{L}+|\\\\p{N}{1,3}|\\\\s+(?!\\\\S)|\\\\s+'},"
            + "'behavior':'Isolated','invert':false},{'type':'ByteLevel','add_prefix_space':false,'use_regex':false}]}";

    private static List<byte[]> seeds() {
        return List.of(Tiny.byteLevel("h e", "l l", "he ll").with("pre_tokenizer", SPLIT).with("normalizer", "{'type':'NFC'}")
                        .added(259, "<|x|>", "'special':true").added(260, "<t>", "'lstrip':true,'rstrip':true,'single_word':true").bytes(),
                Tiny.sentencePiece(List.of("▁", "a", "b", "▁a", "ab"), List.of("▁ a", "a b")).bytes(),
                Tiny.bpe(List.of("a", "b", "ab", "<unk>"), List.of("a b")).model("unk_token", "'<unk>'").model("ignore_merges", "true")
                        .with("pre_tokenizer", "{'type':'Metaspace','replacement':'▁','prepend_scheme':'first','split':true}")
                        .with("normalizer", "{'type':'Sequence','normalizers':[{'type':'Strip','strip_left':true,'strip_right':true},{'type':'Replace','pattern':{'Regex':' {2,}'},'content':'a'},{'type':'Lowercase'}]}")
                        .with("decoder", "{'type':'Metaspace','replacement':'▁'}").bytes(),
                Tiny.unigram(0, "<unk>=0", "a=-1", "b=-1.5", "ab=-2", "▁=-3").model("byte_fallback", "false")
                        .with("pre_tokenizer", "{'type':'Sequence','pretokenizers':[{'type':'Punctuation','behavior':'Contiguous'},{'type':'Digits','individual_digits':true},{'type':'Whitespace'}]}")
                        .with("decoder", "{'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'▁'},'content':' '},{'type':'Strip','content':' ','start':1,'stop':1}]}").bytes());
    }

    @Test
    void mutatedFiles() {
        long seed = Long.getLong("luthier.fuzz.seed", 20261101L);
        int[] results = assertTimeoutPreemptively(Duration.ofMinutes(4), () -> {
            Random random = new Random(seed);
            List<byte[]> seeds = seeds();
            for (byte[] good : seeds) use(Tokenizer.parse("good", good), random);
            int accepted = 0;
            for (int run = 0; run < FILES; run++) {
                byte[] file = seeds.get(run % seeds.size());
                file = run % 3 == 0 ? mutateBytes(file, random) : mutateJson(file, random);
                if (survives(file, random, "seed " + seed + ", run " + run)) accepted++;
            }
            return new int[] {accepted, FILES - accepted};
        });
        assertTrue(results[0] > FILES / 20 && results[1] > FILES / 20, "accepted and refused: " + Arrays.toString(results));
    }

    private static boolean survives(byte[] file, Random random, String where) {
        long start = System.nanoTime();
        try {
            use(Tokenizer.parse("fuzz.json", file), random);
            return true;
        } catch (TokenizerException e) {
            assertTrue(e.getMessage().startsWith("fuzz.json") && !e.getMessage().contains("\n") && e.getMessage().length() < 2000, where + ": " + e.getMessage());
            return false;
        } catch (RuntimeException | Error e) {
            return fail(where + ": " + new String(file, StandardCharsets.UTF_8), e);
        } finally {
            assertTrue(System.nanoTime() - start < 30_000_000_000L, where + " took too long");
        }
    }

    private static void use(Tokenizer tokenizer, Random random) {
        for (String text : List.of("", "hello  world ab 123\n<|x|> <t> é😀", RandomText.text(random, 10), "a".repeat(200) + " ".repeat(200))) {
            int[] ids = tokenizer.encode(text, true, random.nextBoolean());
            tokenizer.decode(ids, random.nextBoolean());
            for (int id : ids) tokenizer.bytes(id);
        }
        try {
            tokenizer.ggml(tokenizer.vocabSize() + 2);
        } catch (TokenizerException e) {
            assertTrue(e.getMessage().contains("which a GGUF file cannot say"), e.getMessage());
        }
    }

    // ---------------------------------------------------------------- mutations

    private static byte[] mutateBytes(byte[] file, Random random) {
        byte[] bytes = file.clone();
        String[] pieces = {"{", "}", "[", "]", "\"", ",", ":", "null", "true", "-1", "1e999", "99999999999", "\\u0000", "\\ud800", "0.5", "\"type\":\"Fuse\"", "(", "*", "{1000}"};
        for (int n = 1 + random.nextInt(3); n > 0; n--) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(4)) {
                case 0 -> bytes[at] = (byte) random.nextInt(256);
                case 1 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
                case 2 -> bytes = splice(bytes, at, Math.min(bytes.length, at + random.nextInt(8)), pieces[random.nextInt(pieces.length)].getBytes(StandardCharsets.UTF_8));
                default -> bytes = splice(bytes, at, at, Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + random.nextInt(40))));
            }
        }
        return bytes;
    }

    private static byte[] splice(byte[] bytes, int from, int to, byte[] with) {
        byte[] out = Arrays.copyOf(bytes, bytes.length - (to - from) + with.length);
        System.arraycopy(with, 0, out, from, with.length);
        System.arraycopy(bytes, to, out, from + with.length, bytes.length - to);
        return out;
    }

    /** Replaces, removes, moves or renames values anywhere in the tree. */
    private static byte[] mutateJson(byte[] file, Random random) {
        ObjectNode root = (ObjectNode) Tiny.JSON.readTree(file);
        for (int n = 1 + random.nextInt(3); n > 0; n--) {
            List<JsonNode> containers = new ArrayList<>();
            collect(root, containers, random);
            JsonNode target = containers.get(random.nextInt(containers.size()));
            JsonNode value = random.nextInt(3) == 0 ? containers.get(random.nextInt(containers.size())).deepCopy() : value(random);
            if (target instanceof ObjectNode object && !object.isEmpty()) {
                List<String> names = new ArrayList<>(object.propertyNames());
                String name = names.get(random.nextInt(Math.min(names.size(), 12)));
                switch (random.nextInt(5)) {
                    case 0 -> object.remove(name);
                    case 1 -> object.set(name + "x", object.remove(name));
                    default -> object.set(name, object.get(name).isString() && random.nextBoolean() ? string(object.get(name).stringValue(), random) : value);
                }
            } else if (target instanceof ArrayNode array) {
                if (array.isEmpty() || random.nextInt(3) == 0) array.insert(random.nextInt(array.size() + 1), value);
                else if (random.nextBoolean()) array.set(random.nextInt(array.size()), value);
                else array.remove(random.nextInt(array.size()));
            }
        }
        return Tiny.JSON.writeValueAsBytes(root);
    }

    private static void collect(JsonNode node, List<JsonNode> containers, Random random) {
        if (!node.isContainer()) return;
        int weight = node.size() > 50 ? 1 : 3; // small objects are where the options are
        for (int i = 0; i < weight; i++) containers.add(node);
        int seen = 0;
        for (JsonNode child : node) if (seen++ < 50 || random.nextInt(20) == 0) collect(child, containers, random);
    }

    private static JsonNode value(Random random) {
        JsonNodeFactory f = JsonNodeFactory.instance;
        return switch (random.nextInt(14)) {
            case 0 -> f.nullNode();
            case 1 -> f.booleanNode(random.nextBoolean());
            case 2 -> f.numberNode(random.nextInt(600) - 50);
            case 3 -> f.numberNode(random.nextLong());
            case 4 -> f.numberNode(random.nextDouble() * 1e300);
            case 5 -> f.stringNode("");
            case 6 -> f.stringNode("a".repeat(random.nextInt(3000)));
            case 7 -> f.objectNode();
            case 8 -> f.arrayNode();
            case 9 -> Tiny.json("{'String':'a'}");
            case 10 -> Tiny.json("{'Regex':'(a|b)+c|(?=a)b?|(x+x+)+y|[^a]*?'}");
            case 11 -> Tiny.json("{'type':'Replace','pattern':{'String':'a'},'content':'" + "a".repeat(1 + random.nextInt(500)) + "'}");
            case 12 -> Tiny.json("{'type':'Sequence','normalizers':[],'pretokenizers':[],'decoders':[],'processors':[]}");
            default -> f.stringNode(RandomText.text(random, random.nextInt(8)));
        };
    }

    private static JsonNode string(String text, Random random) {
        String[] pieces = {"*", "+", "(", ")", "[", "]", "{2,}", "{,9}", "|", "\\", "\\p{", "^", "?", ".", "\uD83D\uDE00", "(?i)", "(?<=", "&&", "\\b", " "};
        StringBuilder out = new StringBuilder(text);
        for (int n = random.nextInt(4); n >= 0; n--) {
            int at = random.nextInt(out.length() + 1);
            if (random.nextInt(3) == 0 && at < out.length()) out.deleteCharAt(at);
            else out.insert(at, pieces[random.nextInt(pieces.length)]);
        }
        return JsonNodeFactory.instance.stringNode(Characters.wellFormed(out.toString()));
    }

    // ---------------------------------------------------------------- GGUF

    @Test
    void mutatedVocabularies() {
        long seed = Long.getLong("luthier.fuzz.seed", 20261102L);
        int accepted = assertTimeoutPreemptively(Duration.ofMinutes(2), () -> {
            Random random = new Random(seed);
            List<GgmlVocabulary> seeds = List.of(Tiny.byteLevel("h e", "l l").added(258, "<|x|>", "'special':true").load().ggml(262),
                    Tiny.sentencePiece(List.of("▁", "a", "b", "▁a"), List.of("▁ a")).load().ggml(270));
            int good = 0;
            for (int run = 0; run < VOCABULARIES; run++) {
                Map<String, Object> metadata = mutateMetadata(GgufVocabularyTest.values(seeds.get(run % 2)), random);
                try {
                    use(Tokenizer.fromGguf("fuzz.gguf", metadata), random);
                    good++;
                } catch (TokenizerException e) {
                    assertTrue(e.getMessage().startsWith("fuzz.gguf, tokenizer.ggml."), e.getMessage());
                } catch (RuntimeException | Error e) {
                    fail("seed " + seed + ", run " + run, e);
                }
            }
            return good;
        });
        assertTrue(accepted > VOCABULARIES / 20 && accepted < VOCABULARIES, "accepted: " + accepted);
    }

    private static Map<String, Object> mutateMetadata(Map<String, Object> good, Random random) {
        Map<String, Object> metadata = new HashMap<>(good);
        List<String> keys = new ArrayList<>(metadata.keySet());
        keys.sort(null);
        for (int n = 1 + random.nextInt(2); n > 0; n--) {
            String key = keys.get(random.nextInt(keys.size()));
            Object value = metadata.get(key);
            Object[] others = {null, "", "a b", 7L, -1L, 1e30f, true, List.of(), List.of("a b", "b"), new int[] {1, 2}, new float[] {Float.NaN}, new byte[3]};
            if (value instanceof List<?> list && !list.isEmpty() && random.nextInt(4) > 0) {
                List<Object> copy = new ArrayList<>(list);
                copy.set(random.nextInt(copy.size()), random.nextBoolean() ? others[random.nextInt(others.length)] : copy.get(random.nextInt(copy.size())));
                metadata.put(key, copy);
            } else if (value instanceof int[] ints && random.nextInt(4) > 0) {
                int[] copy = ints.clone();
                copy[random.nextInt(copy.length)] = random.nextInt(9) - 1;
                metadata.put(key, copy);
            } else if (random.nextInt(6) == 0) {
                metadata.remove(key);
            } else {
                metadata.put(key, others[random.nextInt(others.length)]);
            }
        }
        return metadata;
    }
}
