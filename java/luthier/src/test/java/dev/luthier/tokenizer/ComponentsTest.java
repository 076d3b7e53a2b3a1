package dev.luthier.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Normalizers, pre-tokenizers and decoders one by one. JSON stands in single quotes. */
class ComponentsTest {

    @ParameterizedTest
    @ValueSource(strings = {
            "{'type':'NFC'}~e\u0301\uAC00~\u00E9\uAC00",
            "{'type':'NFD'}~\u00E9~e\u0301",
            "{'type':'NFKC'}~\uFB01\u2460~fi1",
            "{'type':'NFKD'}~\uFB01\u00E9~fie\u0301",
            "{'type':'Lowercase'}~HeLLO \u0130\u03A3~hello i\u0307\u03C3",
            "{'type':'Prepend','prepend':'▁'}~a~▁a",
            "{'type':'Prepend','prepend':'▁'}~~",
            "{'type':'Strip','strip_left':true,'strip_right':true}~\u3000 a b\u00A0\n~a b",
            "{'type':'Strip','strip_left':false,'strip_right':true}~ a ~ a",
            "{'type':'Replace','pattern':{'String':' '},'content':'▁'}~a  b~a▁▁b",
            "{'type':'Replace','pattern':{'String':'.'},'content':'$1'}~a.b~a$1b",
            "{'type':'Replace','pattern':{'Regex':' {2,}'},'content':'\\\\'}~a  b c   ~a\\b c\\",
            "{'type':'Replace','pattern':{'Regex':'x*'},'content':'-'}~ax\uD83D\uDE00~-a-\uD83D\uDE00-",
            "{'type':'Sequence','normalizers':[{'type':'Prepend','prepend':' '},{'type':'Replace','pattern':{'String':' '},'content':'▁'}]}~a b~▁a▁b"})
    void normalizers(String row) {
        String[] cells = row.split("~", -1);
        String json = cells[0];
        String text = cells[1];
        String expected = cells[2];
        assertEquals(expected, Normalizer.applyAll(Normalizer.of(Tiny.field(json)), text));
    }

    @ParameterizedTest
    @ValueSource(strings = {
            "{'type':'Split','pattern':{'String':'-'},'behavior':'Removed','invert':false}~the-final--countdown~[the, final, countdown]",
            "{'type':'Split','pattern':{'String':'-'},'behavior':'Isolated','invert':false}~the-final--countdown~[the, -, final, -, -, countdown]",
            "{'type':'Split','pattern':{'String':'-'},'behavior':'MergedWithPrevious','invert':false}~the-final--countdown~[the-, final-, -, countdown]",
            "{'type':'Split','pattern':{'String':'-'},'behavior':'MergedWithNext','invert':false}~the-final--countdown~[the, -final, -, -countdown]",
            "{'type':'Split','pattern':{'String':'-'},'behavior':'Contiguous','invert':false}~the-final--countdown~[the, -, final, --, countdown]",
            "{'type':'Split','pattern':{'Regex':'[a-z]+'},'behavior':'Removed','invert':true}~ab, cd!~[ab, cd]",
            "{'type':'Split','pattern':{'Regex':'[a-z]+'},'behavior':'MergedWithPrevious','invert':true}~ab, cd!~[ab, , cd!]",
            "{'type':'Split','pattern':{'Regex':'x*'},'behavior':'Contiguous','invert':false}~TT~[T, T]",
            "{'type':'Split','pattern':{'String':'.'},'behavior':'Isolated','invert':false}~a.b~[a, ., b]",
            "{'type':'ByteLevel','add_prefix_space':true}~Hi you're 42!~[ĠHi, Ġyou, 're, Ġ42, !]",
            "{'type':'ByteLevel','add_prefix_space':false}~Hi  é\n~[Hi, Ġ, ĠÃ©, Ċ]",
            "{'type':'ByteLevel','add_prefix_space':false,'use_regex':false,'trim_offsets':true}~a b~[aĠb]",
            "{'type':'Metaspace','replacement':'▁','prepend_scheme':'always','split':true}~a  b~[▁a, ▁, ▁b]",
            "{'type':'Metaspace','replacement':'▁','add_prefix_space':true}~ a b~[▁a, ▁b]",
            "{'type':'Metaspace','replacement':'▁','add_prefix_space':false,'split':false}~a b~[a▁b]",
            "{'type':'Metaspace','replacement':'_','prepend_scheme':'first','split':false}~a b~[_a_b]",
            "{'type':'Sequence','pretokenizers':[{'type':'WhitespaceSplit'},{'type':'Metaspace','replacement':'_','prepend_scheme':'first'}]}~a b~[_a, b]",
            "{'type':'Sequence','pretokenizers':[{'type':'WhitespaceSplit'},{'type':'Metaspace','replacement':'_','prepend_scheme':'always'}]}~a b~[_a, _b]",
            "{'type':'Digits','individual_digits':true}~a12½~[a, 1, 2, ½]",
            "{'type':'Digits','individual_digits':false}~a12½b~[a, 12½, b]",
            "{'type':'Punctuation'}~a,b¿$~[a, ,, b, ¿, $]",
            "{'type':'Punctuation','behavior':'MergedWithPrevious'}~a, b~[a,,  b]",
            "{'type':'Whitespace'}~a_1, ²b\u200Cc!~[a_1, ,, ², b\u200Cc, !]",
            "{'type':'WhitespaceSplit'}~ a\u3000b,c\n~[a, b,c]",
            "{'type':'Sequence','pretokenizers':[]}~a b~[a b]"})
    void preTokenizers(String row) {
        String[] cells = row.split("~", -1);
        String json = cells[0];
        String text = cells[1];
        String expected = cells[2];
        List<String> pieces = new ArrayList<>();
        PieceStep.chain(PreTokenizers.of(Tiny.field(json)), (s, start, end, first) -> pieces.add(s.substring(start, end)))
                .piece(text, 0, text.length(), true);
        assertEquals(expected, pieces.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {
            "{'type':'ByteLevel'}~Hi|ĠÃ|©|<x y>~Hi é<x y>",
            "{'type':'ByteLevel'}~ðŁĺ|a~\uFFFDa",
            "{'type':'ByteFallback'}~<0x61>|<0xe3>|<0x81>|b|<0xE3>|<0x81>|<0x82>~\uFFFD\uFFFD\uFFFDbあ",
            "{'type':'ByteFallback'}~<0x6g>|<0x610>~<0x6g><0x610>",
            "{'type':'Fuse'}~a|b~ab",
            "{'type':'Strip','content':'_','start':1,'stop':0}~__a_|_b~_a_b",
            "{'type':'Strip','content':'_','start':0,'stop':2}~a___|_~a_",
            "{'type':'Sequence','decoders':[{'type':'Fuse'},{'type':'Strip','content':' ','start':1,'stop':1}]}~ | a| b| ~ a b",
            "{'type':'Replace','pattern':{'String':'▁'},'content':' '}~▁a|▁~ a ",
            "{'type':'Sequence','decoders':[{'type':'Fuse'},{'type':'Replace','pattern':{'String':'ab'},'content':'X'}]}~a|ba|b~XX",
            "{'type':'Replace','pattern':{'Regex':'[aeiou]+'},'content':'*'}~hou|se~h*s*",
            "{'type':'Metaspace','replacement':'▁','prepend_scheme':'always'}~▁a▁|▁b~a b",
            "{'type':'Metaspace','replacement':'▁','prepend_scheme':'never'}~▁a|▁b~ a b",
            "{'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'▁'},'content':' '},{'type':'ByteFallback'},{'type':'Fuse'},"
                    + "{'type':'Strip','content':' ','start':1,'stop':0}]}~▁▁Hi|<0x0A>|▁you~ Hi\n you",
            "null~a|b~a b"})
    void decoders(String row) {
        String[] cells = row.split("~", -1);
        String json = cells[0];
        String tokens = cells[1];
        String expected = cells[2];
        StringBuilder text = new StringBuilder();
        Decoder.Sink sink = new Decoder.Sink() {
            @Override
            public void part(String part, boolean ends) {
                text.append(part);
            }

            @Override
            public void finish() {
                text.append('$');
            }
        };
        for (Decoder step : Decoder.of(Tiny.field(json)).reversed()) sink = step.before(sink);
        for (String token : tokens.split("\\|")) sink.part(token, true);
        sink.finish();
        assertEquals(expected + "$", text.toString());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', quoteCharacter = '`', value = {
            "normalizer ~ {'type':'Precompiled','precompiled_charsmap':''} ~ it.type: found 'Precompiled', which is not supported; supported are NFC",
            "normalizer ~ {'type':'NFC','extra':1} ~ it.extra: found a field that is not known here, wanted one of type",
            "normalizer ~ {'type':'Replace','pattern':{'String':''},'content':''} ~ it.pattern.String: found '', wanted a text that is not empty",
            "normalizer ~ {'type':'Replace','pattern':{'Regex':'(a'},'content':''} ~ it.pattern.Regex: found 'a ( without ) at character 2",
            "normalizer ~ {'type':'Replace','pattern':{'Regex':'(a*)*'},'content':''} ~ a repeat of a group that can match nothing",
            "normalizer ~ {'type':'Strip','strip_left':1,'strip_right':true} ~ it.strip_left: found 1, wanted true or false",
            "normalizer ~ {'type':'Sequence','normalizers':[{'type':'NFC'},{'type':'Nmt'}]} ~ it.normalizers[1].type: found 'Nmt'",
            "normalizer ~ 'NFC' ~ it: found 'NFC', wanted an object with a type",
            "pre_tokenizer ~ {'type':'BertPreTokenizer'} ~ it.type: found 'BertPreTokenizer', which is not supported",
            "pre_tokenizer ~ {'type':'Split','pattern':{'String':'a'},'behavior':'isolated','invert':false} ~ it.behavior: found 'isolated', wanted Removed",
            "pre_tokenizer ~ {'type':'Split','pattern':{},'behavior':'Isolated','invert':false} ~ it.pattern: found an object, wanted either String or Regex",
            "pre_tokenizer ~ {'type':'Metaspace','replacement':'ab'} ~ it.replacement: found 'ab', wanted one character",
            "pre_tokenizer ~ {'type':'Metaspace','replacement':'_','prepend_scheme':'last'} ~ it.prepend_scheme: found 'last', wanted always",
            "pre_tokenizer ~ {'type':'Metaspace','replacement':'_','prepend_scheme':'always','add_prefix_space':false} ~ wanted \"never\"",
            "decoder ~ {'type':'WordPiece','prefix':'##','cleanup':true} ~ it.type: found 'WordPiece', which is not supported",
            "decoder ~ {'type':'Strip','content':' ','start':-1,'stop':0} ~ it.start: found -1, wanted a whole number from 0 to 1000"})
    void refusals(String kind, String json, String message) {
        Field field = Tiny.field(json);
        TokenizerException e = assertThrows(TokenizerException.class, () -> {
            switch (kind) {
                case "normalizer" -> Normalizer.of(field);
                case "pre_tokenizer" -> PreTokenizers.of(field);
                default -> Decoder.of(field);
            }
        });
        assertTrue(e.getMessage().contains(message), e.getMessage());
        assertTrue(e.getMessage().startsWith("tiny.json, it"), e.getMessage());
    }

    @Test
    void textCannotGrowWithoutBound() {
        String doubling = "{'type':'Replace','pattern':{'String':'a'},'content':'aaaaaaaaaaaaaaaa'}";
        List<Normalizer> normalizers = Normalizer.of(Tiny.field("{'type':'Sequence','normalizers':[" + String.join(",", Collections.nCopies(20, doubling)) + "]}"));
        TokenizerException e = assertThrows(TokenizerException.class, () -> Normalizer.applyAll(normalizers, "a"));
        assertTrue(e.getMessage().contains("lets this text grow beyond 65600 characters"), e.getMessage());
        Field decoder = Tiny.field("{'type':'Sequence','decoders':[" + String.join(",", Collections.nCopies(5, doubling)) + "]}");
        e = assertThrows(TokenizerException.class, () -> Decoder.of(decoder));
        assertTrue(e.getMessage().contains("more than 4 Replace steps that lengthen the text"), e.getMessage());
        Tokenizer tokenizer = Tiny.bpe(List.of("a"), List.of()).with("decoder",
                "{'type':'Sequence','decoders':[" + String.join(",", Collections.nCopies(4, doubling)) + "]}").load();
        assertThrows(TokenizerException.class, () -> tokenizer.decode(new int[1000], false));
        assertEquals(65536, tokenizer.decode(new int[1], false).length());
    }
}
