package dev.luthier.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole tokenizers, small and made by hand. */
class TokenizerTest {
    private static final String SPECIAL = "'special':true,'normalized':false";
    private static final String PLAIN = "'special':false,'normalized':false";

    @TempDir
    Path folder;

    // ---------------------------------------------------------------- models

    @Test
    void mergesGoByRankThenFromTheLeft() {
        Tokenizer tokenizer = Tiny.bpe(List.of("a", "b", "c", "ab", "bc", "abc", "aa"), List.of("b c", "a b", "a bc", "a a")).load();
        assertArrayEquals(new int[] {5}, tokenizer.encode("abc"));
        assertArrayEquals(new int[] {6, 0}, tokenizer.encode("aaa"));
        assertArrayEquals(new int[] {0, 3, 1}, tokenizer.encode("aabb"));
    }

    @Test
    void mergesInBothSpellings() {
        Tokenizer pairs = Tiny.bpe(List.of("a", " ", "a "), List.of()).model("merges", "[['a',' ']]").load();
        assertArrayEquals(new int[] {2, 0}, pairs.encode("a a"));
        Tokenizer lines = Tiny.bpe(List.of("a", "b", "ab"), List.of("#version: 0.2", "a b")).load();
        assertArrayEquals(new int[] {2}, lines.encode("ab"));
    }

    @ParameterizedTest
    @CsvSource({"true, 0 1 0", "false, 0 1 1 0"})
    void unknownCharacters(boolean fuse, String expected) {
        Tokenizer tokenizer = Tiny.bpe(List.of("a", "<unk>"), List.of()).model("unk_token", "'<unk>'").model("fuse_unk", String.valueOf(fuse)).load();
        assertEquals(expected, text(tokenizer.encode("axya")));
        assertEquals("0 0", text(Tiny.bpe(List.of("a"), List.of()).load().encode("axya")), "without an unknown token they are dropped");
    }

    @Test
    void bytesStandInForUnknownCharacters() {
        Tokenizer tokenizer = Tiny.sentencePiece(List.of("▁", "a"), List.of()).load();
        assertArrayEquals(new int[] {1, 259, 260, 3 + 0xC3, 3 + 0xA9}, tokenizer.encode("aé"));
        assertEquals("aé", tokenizer.decode(new int[] {1, 259, 260, 3 + 0xC3, 3 + 0xA9}, true));
    }

    @Test
    void ignoreMergesTakesWholeWords() {
        Tiny tiny = Tiny.byteLevel("h e", "l l", "he ll", "hell o");
        Tiny without = Tiny.byteLevel("h e", "l l", "he ll", "hell o").model("merges", "['h e','l l']");
        assertEquals(1, tiny.load().encode("hello").length);
        assertEquals(3, without.load().encode("hello").length, "he, ll and o");
        assertEquals(1, without.model("ignore_merges", "true").load().encode("hello").length);
    }

    @Test
    void unigramTakesTheBestSum() {
        Tokenizer tokenizer = Tiny.unigram(0, "<unk>=0", "a=-1", "b=-1", "ab=-3", "abc=-2.5", "c=-0.4").load();
        assertEquals("1 2 5", text(tokenizer.encode("abc")), "-2.4 beats -2.5 and -3.4");
        assertEquals("0 1 0", text(tokenizer.encode("xya\uD83D\uDE00z")), "unknown neighbours are one");
        Tokenizer none = Tokenizer.parse("tiny.json", new String(Tiny.unigram(0, "<unk>=0", "a=-1").bytes()).replace("\"unk_id\":0,", "").getBytes());
        TokenizerException e = assertThrows(TokenizerException.class, () -> none.encode("b"));
        assertTrue(e.getMessage().startsWith("tiny.json, model.unk_id: "), e.getMessage());
    }

    @Test
    void unigramFallsBackToBytes() {
        String[] tokens = new String[257];
        tokens[0] = "<unk>=0";
        for (int b = 0; b < 256; b++) tokens[b + 1] = String.format("<0x%02X>=0", b);
        Tokenizer tokenizer = Tiny.unigram(0, tokens).model("byte_fallback", "true").load();
        assertEquals((1 + 0xC3) + " " + (1 + 0xA9), text(tokenizer.encode("é")));
        assertEquals(6, tokenizer.encode("<0x41>").length, "the name of a byte in a text is text");
    }

    @Test
    void longTextsWithoutSpacesMergeInTime() {
        List<String> pieces = new ArrayList<>(List.of("a", "b"));
        List<String> merges = new ArrayList<>();
        for (int i = 1; i < 12; i++) {
            String half = "ab".repeat(1 << i - 1);
            if (i == 1) merges.add("a b");
            else merges.add("ab".repeat(1 << i - 2) + " " + "ab".repeat(1 << i - 2));
            pieces.add(half);
        }
        Tokenizer tokenizer = Tiny.bpe(pieces, merges).load();
        String text = "ab".repeat(1 << 20);
        int[] ids = assertTimeoutPreemptively(Duration.ofSeconds(60), () -> tokenizer.encode(text));
        assertEquals(1 << 10, ids.length);
    }

    // ---------------------------------------------------------------- added tokens

    @Test
    void addedTokensAreLeftmostAndLongest() {
        Tokenizer tokenizer = Tiny.bpe(List.of("a", "b", "<", ">"), List.of()).added(4, "<a>", SPECIAL).added(5, "<a>b", SPECIAL)
                .added(6, "a>ba", PLAIN).load();
        assertEquals("5 0 4 0", text(tokenizer.encode("<a>ba<a>a")));
        assertEquals("6", text(tokenizer.encode("a>ba")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"'lstrip':true~a [x] b~0 3 2 1", "'rstrip':true~a [x] b~0 2 3 1", "'lstrip':true,'rstrip':true~a \n[x]\t b~0 3 1",
            "'single_word':true~[x]a [x] b~0 2 3 2 1"})
    void whiteSpaceAndWordsAroundAddedTokens(String row) {
        String[] cells = row.split("~");
        String flags = cells[0];
        String text = cells[1];
        String expected = cells[2];
        Tokenizer tokenizer = Tiny.bpe(List.of("a", "b", " "), List.of()).added(3, "[x]", PLAIN + "," + flags).load();
        assertEquals(expected, text(tokenizer.encode(text)));
    }

    @Test
    void normalizedTokensMatchAfterNormalization() {
        Tokenizer tokenizer = Tiny.bpe(List.of("d", "a", "y"), List.of()).with("normalizer", "{'type':'Lowercase'}")
                .added(3, "DAY", "'special':false,'normalized':true").added(4, "YA", PLAIN).load();
        assertEquals("3 0", text(tokenizer.encode("Dayd")));
        assertEquals("4 2 1", text(tokenizer.encode("YAya")), "a token that is not normalized matches as it stands");
        assertEquals("day", tokenizer.decode(new int[] {3}, false));
    }

    @Test
    void specialTextCanBePlainText() {
        Tokenizer tokenizer = Tiny.byteLevel("< |", "| >").model("ignore_merges", "true").added(258, "<|eot|>", SPECIAL).added(259, "<think>", PLAIN)
                .added(260, "<\uFF5CUser\uFF5C>", PLAIN).load();
        String text = "a<|eot|><think><\uFF5CUser\uFF5C>";
        assertEquals("97 258 259 260", text(new int[] {97, tokenizer.encode(text)[1], tokenizer.encode(text)[2], tokenizer.encode(text)[3]}));
        int[] plain = tokenizer.encode(text, true, false);
        assertEquals(text, tokenizer.decode(plain, true));
        for (int id : plain) assertTrue(id < 258 || id == 259, "id " + id + " is a control token");
        assertTrue(contains(plain, 259), "<think> is text");
        assertEquals(TokenKind.CONTROL, tokenizer.kind(258));
        assertEquals(TokenKind.USER_DEFINED, tokenizer.kind(259));
        assertEquals(TokenKind.CONTROL, tokenizer.kind(260), "it structures the prompt though it is not called special");
        assertTrue(tokenizer.isSpecial(258));
        assertFalse(tokenizer.isSpecial(260));
    }

    @Test
    void plainTextNeverBecomesAControlTokenOfTheVocabulary() {
        Tokenizer unigram = Tiny.unigram(0, "<unk>=0", "<s>=0", "<=-1", "s=-1", ">=-1").added(1, "<s>", SPECIAL).load();
        assertEquals("1", text(unigram.encode("<s>")));
        assertEquals("2 3 4", text(unigram.encode("<s>", true, false)));
        Tokenizer whole = Tiny.bpe(List.of("<", "s", ">", "<s>"), List.of()).model("ignore_merges", "true").added(3, "<s>", SPECIAL).load();
        assertEquals("3", text(whole.encode("<s>")));
        assertEquals("0 1 2", text(whole.encode("<s>", true, false)));
    }

    // ---------------------------------------------------------------- around a text

    @Test
    void theTemplateGoesAround() {
        Tokenizer tokenizer = Tiny.bpe(List.of("a", "<s>", "</s>"), List.of()).with("post_processor", "{'type':'Sequence','processors':["
                + "{'type':'ByteLevel','add_prefix_space':true,'trim_offsets':false,'use_regex':true},{'type':'TemplateProcessing','single':["
                + "{'SpecialToken':{'id':'<s>','type_id':0}},{'Sequence':{'id':'A','type_id':0}},{'SpecialToken':{'id':'</s>','type_id':0}}],'pair':[],"
                + "'special_tokens':{'<s>':{'id':'<s>','ids':[1],'tokens':['<s>']},'</s>':{'id':'</s>','ids':[2,2],'tokens':['</s>','</s>']}}}]}").load();
        assertEquals("1 0 2 2", text(tokenizer.encode("a")));
        assertEquals("0", text(tokenizer.encode("a", false)));
        assertEquals("1 2 2", text(tokenizer.encode("")));
        assertEquals("1", text(tokenizer.prefix()));
        assertEquals("2 2", text(tokenizer.suffix()));
        assertEquals(1, tokenizer.bosId());
        assertEquals(2, tokenizer.eosId());
    }

    @Test
    void theFilesBesideSayWhichTokensHaveARole() throws IOException {
        write("tokenizer.json", new String(Tiny.bpe(List.of("a", "<s>", "</s>", "<pad>", "<eot>"), List.of()).bytes()));
        write("tokenizer_config.json", "{'bos_token':{'content':'<s>','lstrip':false},'eos_token':'</s>','add_bos_token':true,'tokenizer_class':'Wrong',"
                + "'added_tokens_decoder':{'5':{'content':'<new>','special':true},'4':{'content':'<eot>','special':true,'normalized':false}}}");
        write("special_tokens_map.json", "{'pad_token':'<pad>','eos_token':'<eot>'}");
        write("generation_config.json", "{'eos_token_id':[2,4,77]}");
        for (Path path : List.of(folder, folder.resolve("tokenizer.json"))) {
            Tokenizer tokenizer = Tokenizer.load(path);
            assertEquals(1, tokenizer.bosId());
            assertEquals(2, tokenizer.eosId());
            assertEquals(3, tokenizer.padId());
            assertEquals(-1, tokenizer.unknownId());
            assertEquals("[2, 4]", tokenizer.stopIds().toString());
            assertEquals("1 0 5 4", text(tokenizer.encode("a<new><eot>")));
            assertEquals(6, tokenizer.vocabSize());
        }
        write("tokenizer_config.json", "{'bos_token':null,'eos_token':'</s>','add_bos_token':false,'add_eos_token':true}");
        write("generation_config.json", "{'bos_token_id':3}");
        Tokenizer tokenizer = Tokenizer.load(folder);
        assertEquals(-1, tokenizer.bosId(), "null means none");
        assertEquals("0 2", text(tokenizer.encode("a")));
    }

    @Test
    void theFilesBesideMustFit() throws IOException {
        write("tokenizer.json", new String(Tiny.bpe(List.of("a", "b"), List.of()).bytes()));
        write("tokenizer_config.json", "{'pad_token':'[PAD]'}");
        TokenizerException e = assertThrows(TokenizerException.class, () -> Tokenizer.load(folder));
        assertEquals(folder.resolve("tokenizer_config.json") + ", pad_token: found '[PAD]', which tokenizer.json does not have; add it there or name"
                + " another token.", e.getMessage());
        write("tokenizer_config.json", "{'added_tokens_decoder':{'7':{'content':'x'}}}");
        e = assertThrows(TokenizerException.class, () -> Tokenizer.load(folder));
        assertTrue(e.getMessage().contains("added_tokens_decoder.7: found id 7 for 'x', wanted 2, which is the first free one"), e.getMessage());
    }

    private void write(String name, String json) throws IOException {
        Files.writeString(folder.resolve(name), json.replace("'", "\""));
    }

    // ---------------------------------------------------------------- tokens

    @Test
    void tokensTellWhatTheyAre() {
        Tokenizer tokenizer = Tiny.sentencePiece(List.of("▁", "▁a"), List.of()).added(261, "<x y>", PLAIN).load();
        assertEquals(262, tokenizer.vocabSize());
        assertEquals("▁a", tokenizer.token(260));
        assertEquals(OptionalInt.of(260), tokenizer.id("▁a"));
        assertEquals(OptionalInt.empty(), tokenizer.id("nothing"));
        assertArrayEquals(" a".getBytes(), tokenizer.bytes(260));
        assertArrayEquals(new byte[] {10}, tokenizer.bytes(3 + 10));
        assertArrayEquals("<x y>".getBytes(), tokenizer.bytes(261));
        assertEquals(TokenKind.UNKNOWN, tokenizer.kind(0));
        assertEquals(TokenKind.CONTROL, tokenizer.kind(1));
        assertEquals(TokenKind.BYTE, tokenizer.kind(3));
        assertEquals(TokenKind.NORMAL, tokenizer.kind(259));
        assertEquals(TokenKind.USER_DEFINED, tokenizer.kind(261));
        assertEquals(TokenKind.UNUSED, tokenizer.kind(999));
        assertNull(tokenizer.token(999));
        assertEquals(0, tokenizer.bytes(999).length);
        assertArrayEquals(new byte[] {(byte) 0xC3}, Tiny.byteLevel().load().bytes(0xC3));
    }

    @Test
    void textThatIsNotUnicode() {
        Tokenizer tokenizer = Tiny.byteLevel().load();
        assertEquals("a\uFFFDb\uD83D\uDE00\uFFFD", tokenizer.decode(tokenizer.encode("a\uD83Db\uD83D\uDE00\uDE00"), false));
        assertEquals("", tokenizer.decode(new int[] {99999}, false), "ids without a token mean no text");
        assertThrows(IllegalArgumentException.class, () -> tokenizer.decode(new int[] {-100}, false));
    }

    @Test
    void manyThreadsMayEncode() throws InterruptedException, ExecutionException {
        Tokenizer tokenizer = Tiny.byteLevel("h e", "l l", "he ll", "Ġ w", "o r", "Ġw or").load();
        List<String> texts = GgufVocabularyTest.texts(5, 400);
        List<int[]> expected = texts.stream().map(tokenizer::encode).toList();
        Tokenizer fresh = Tiny.byteLevel("h e", "l l", "he ll", "Ġ w", "o r", "Ġw or").load();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> jobs = new ArrayList<>();
            for (int t = 0; t < 8; t++)
                jobs.add(threads.submit(() -> {
                    for (int i = 0; i < texts.size(); i++) assertArrayEquals(expected.get(i), fresh.encode(texts.get(i)), texts.get(i));
                }));
            for (Future<?> job : jobs) job.get();
        }
    }

    // ---------------------------------------------------------------- refusals

    @ParameterizedTest
    @CsvSource(delimiter = '~', quoteCharacter = '`', value = {
            "dropout ~ 0.1 ~ model.dropout: found 0.1, wanted null: dropout cuts the same text differently each time",
            "type ~ 'WordPiece' ~ model.type: found 'WordPiece', which is not supported; supported are BPE, Unigram",
            "end_of_word_suffix ~ '</w>' ~ model.end_of_word_suffix: found '</w>', wanted null",
            "unk_token ~ '<none>' ~ model.unk_token: found '<none>', wanted a token of model.vocab",
            "vocab ~ {'a':0,'b':0} ~ model.vocab.b: found id 0, which 'a' has",
            "vocab ~ {'a':-1} ~ model.vocab.a: found -1, wanted an id from 0 to 1048575",
            "vocab ~ [] ~ model.vocab: found an array, wanted an object",
            "merges ~ ['a b'] ~ model.merges[0]: found a merge of 'ab', which is not in the vocabulary",
            "merges ~ ['ab'] ~ model.merges[0]: found 'ab', wanted two tokens with one space between them",
            "merges ~ [['a']] ~ model.merges[0]: found an array, wanted",
            "surprise ~ 1 ~ model.surprise: found a field that is not known here"})
    void aModelThatIsRefused(String field, String json, String message) {
        Tiny tiny = Tiny.bpe(List.of("a", "b"), List.of()).model(field, json);
        TokenizerException e = assertThrows(TokenizerException.class, tiny::load);
        assertTrue(e.getMessage().startsWith("tiny.json, " + message), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', quoteCharacter = '`', value = {
            "version ~ '2.0' ~ version: found '2.0', wanted \"1.0\"",
            "extra ~ {} ~ extra: found a field that is not known here",
            "added_tokens ~ [{'id':5,'content':'x'}] ~ added_tokens[0]: found id 5 for 'x', wanted 2, which is the first free one",
            "added_tokens ~ [{'id':0,'content':'b'}] ~ added_tokens[0]: found id 0 for 'b', wanted 1, which it already has",
            "added_tokens ~ [{'id':2,'content':''}] ~ added_tokens[0].content: found '', wanted a text of 1 to 1000 characters",
            "post_processor ~ {'type':'BertProcessing','sep':['x',1],'cls':['y',2]} ~ post_processor.type: found 'BertProcessing', which is not supported",
            "post_processor ~ {'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'q','type_id':0}},{'Sequence':{'id':'A','type_id':0}}],'pair':[],'special_tokens':{}} ~ post_processor.special_tokens.q: found nothing, wanted an object",
            "post_processor ~ {'type':'TemplateProcessing','single':[],'pair':[],'special_tokens':{}} ~ post_processor.single: found the text 0 times, wanted it once",
            "post_processor ~ {'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'q','type_id':0}},{'Sequence':{'id':'A','type_id':0}}],'pair':[],'special_tokens':{'q':{'id':'q','ids':[9],'tokens':['q']}}} ~ post_processor.special_tokens.q.ids[0]: found 9, wanted the id of a token"})
    void aFileThatIsRefused(String field, String json, String message) {
        Tiny tiny = Tiny.bpe(List.of("a", "b"), List.of()).with(field, json);
        TokenizerException e = assertThrows(TokenizerException.class, tiny::load);
        assertTrue(e.getMessage().startsWith("tiny.json, " + message), e.getMessage());
        assertFalse(e.getMessage().contains("\n"));
    }

    @Test
    void brokenJson() throws IOException {
        assertEquals("no.json: no such file", message(() -> Tokenizer.load(Path.of("no.json"))).substring(0, 21));
        assertTrue(message(() -> Tokenizer.parse("x.json", "{\"a\":1,\"a\":2}".getBytes())).startsWith("x.json, line 1, column "));
        assertTrue(message(() -> Tokenizer.parse("x.json", "[]".getBytes())).contains("JSON that is not an object"));
        assertTrue(message(() -> Tokenizer.parse("x.json", new byte[] {'{', '"', (byte) 0xFF})).contains("malformed JSON"));
        assertTrue(message(() -> Tokenizer.parse("x.json", "[".repeat(100_000).getBytes())).contains("malformed JSON"));
    }

    private static String message(org.junit.jupiter.api.function.Executable call) {
        return assertThrows(TokenizerException.class, call).getMessage();
    }

    private static boolean contains(int[] ids, int id) {
        for (int i : ids) if (i == id) return true;
        return false;
    }

    private static String text(int[] ids) {
        StringBuilder text = new StringBuilder();
        for (int id : ids) text.append(text.isEmpty() ? "" : " ").append(id);
        return text.toString();
    }
}
