package dev.luthier.tokenizer;

import dev.luthier.tokenizer.AddedTokens.Token;
import java.lang.reflect.Array;
import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/** Reads the vocabulary of a GGUF file from its metadata, {@code tokenizer.ggml.*}, of the kinds gpt2 and llama. */
final class GgmlReader {
    private static final String KEY = "tokenizer.ggml.";
    private static final String SPACE = "\u2581";

    private final String source;
    private final Map<String, ?> metadata;
    private final Vocabulary vocabulary;

    private GgmlReader(String source, Map<String, ?> metadata) {
        this.source = source;
        this.metadata = metadata;
        this.vocabulary = new Vocabulary(1 << 15);
    }

    static Parts read(String source, Map<String, ?> metadata) {
        return new GgmlReader(source, metadata).parts();
    }

    private Parts parts() {
        String model = string("model");
        if (!model.equals("gpt2") && !model.equals("llama")) throw error("model", TokenizerException.quote(model), "gpt2 or llama");
        readTokens();
        return model.equals("gpt2") ? bytePairs() : sentencePiece();
    }

    private Parts bytePairs() {
        String name = string("pre");
        GgmlPre pre = GgmlPre.named(name);
        if (pre == null) throw error("pre", TokenizerException.quote(name), "one of " + GgmlPre.ALL.stream().map(GgmlPre::name).toList()
                + ": without it text is cut wrongly; convert the model again");
        Merges merges = Merges.ofLines(strings("merges"), vocabulary, source, KEY + "merges");
        SpecialIds special = special();
        BpeModel model = new BpeModel(vocabulary.textTokens(), null, merges.extra(), vocabulary.size(), merges.table(),
                new BpeModel.Options(true, false, false, pre.ignoreMerges(), -1));
        List<Normalizer> normalizers = pre.composes() ? List.of(new Normalizer.Unicode(Form.NFC)) : List.of();
        return assemble(normalizers, pre.steps(source), model, merges, null, List.of(new Decoder.ByteLevel()), special, pre.addsBegin());
    }

    private Parts sentencePiece() {
        float[] scores = scores();
        Merges merges = Merges.ofScores(vocabulary, scores);
        SpecialIds special = special();
        int[] bytes = vocabulary.byteTokens();
        BpeModel model = new BpeModel(vocabulary.textTokens(), bytes, merges.extra(), vocabulary.size(), merges.table(),
                new BpeModel.Options(false, true, true, false, special.unknown()));
        boolean prefix = flag("add_space_prefix", true);
        List<Normalizer> normalizers = new ArrayList<>();
        if (flag("remove_extra_whitespaces", false)) throw error("remove_extra_whitespaces", "true", "false: no other value is supported");
        if (prefix) normalizers.add(new Normalizer.Prepend(SPACE));
        normalizers.add(new Normalizer.Replace(Replacement.literal(" ", SPACE, source)));
        List<Decoder> decoders = new ArrayList<>(List.of(new Decoder.Replace(Replacement.literal(SPACE, " ", source)), new Decoder.ByteFallback(),
                new Decoder.Fuse()));
        if (prefix) decoders.add(new Decoder.Strip(' ', 1, 0));
        return assemble(List.copyOf(normalizers), List.of(), model, merges, scores, List.copyOf(decoders), special, true);
    }

    private Parts assemble(List<Normalizer> normalizers, List<PieceStep> steps, Model model, Merges merges, float[] scores,
            List<Decoder> decoders, SpecialIds special, boolean addsBegin) {
        Boolean addsEnd = metadata.containsKey(KEY + "add_eos_token") ? (Boolean) flag("add_eos_token", false) : null;
        Boolean addsMiddle = metadata.containsKey(KEY + "add_sep_token") ? (Boolean) flag("add_sep_token", false) : null;
        boolean begin = flag("add_bos_token", addsBegin) && special.bos() >= 0;
        boolean end = Boolean.TRUE.equals(addsEnd) && special.eos() >= 0;
        PostProcessor around = new PostProcessor(begin ? new int[] {special.bos()} : new int[0], end ? new int[] {special.eos()} : new int[0], null);
        return new Parts(source, vocabulary, added(), new AddedTokens(List.of(), List.of(), new boolean[0], 0), normalizers, steps, model, merges,
                scores, around, decoders, special, addsEnd, addsMiddle);
    }

    private void readTokens() {
        List<String> tokens = strings("tokens");
        if (tokens.isEmpty() || tokens.size() > Vocabulary.MAX_SIZE) throw error("tokens", tokens.size() + " tokens", "1 to " + Vocabulary.MAX_SIZE);
        List<?> types = metadata.containsKey(KEY + "token_type") ? list("token_type") : null;
        if (types != null && types.size() != tokens.size()) throw error("token_type", types.size() + " entries", "one for each of " + tokens.size() + " tokens");
        for (int id = 0; id < tokens.size(); id++) {
            String text = tokens.get(id);
            TokenKind kind = TokenKind.NORMAL;
            if (types != null) {
                Object type = types.get(id);
                kind = type instanceof Number number ? TokenKind.ofGgml(number.intValue()) : null;
                if (kind == null) throw error("token_type[" + id + "]", String.valueOf(type), "a number from 1 to 6");
            }
            if (text.equals("[PAD" + id + "]")) kind = TokenKind.UNUSED; // what converters write for ids without a token
            if (text.isEmpty() && kind == TokenKind.NORMAL) kind = TokenKind.UNUSED;
            if (kind == TokenKind.USER_DEFINED) vocabulary.putAdded(id, text, kind);
            else vocabulary.put(id, text, kind);
            vocabulary.setSpecial(id, kind == TokenKind.CONTROL || kind == TokenKind.UNKNOWN);
        }
    }

    private AddedTokens added() {
        // Phi-3's own tokenizer swallows white space after all of its control tokens but these; the GGUF format has no field for it.
        boolean phi3 = "phi3".equals(metadata.get("general.architecture")) && "llama".equals(metadata.get(KEY + "model"));
        List<String> keepsSpace = List.of("<unk>", "<s>", "<|endoftext|>");
        List<Token> tokens = new ArrayList<>();
        for (int id = 0; id < vocabulary.size(); id++) {
            TokenKind kind = vocabulary.kind(id);
            String text = vocabulary.text(id);
            boolean control = kind == TokenKind.CONTROL || kind == TokenKind.UNKNOWN;
            if (!control && kind != TokenKind.USER_DEFINED || text.isEmpty() || vocabulary.id(text) != id) continue;
            tokens.add(new Token(id, text, false, false, phi3 && control && !keepsSpace.contains(text), false, control));
        }
        boolean[] control = new boolean[tokens.size()];
        for (int i = 0; i < control.length; i++) control[i] = tokens.get(i).special();
        return new AddedTokens(tokens, tokens.stream().map(Token::content).toList(), control, vocabulary.size());
    }

    private float[] scores() {
        List<?> list = list("scores");
        if (list.size() != vocabulary.size()) throw error("scores", list.size() + " entries", "one for each of " + vocabulary.size() + " tokens");
        float[] scores = new float[list.size()];
        for (int id = 0; id < scores.length; id++) {
            if (!(list.get(id) instanceof Number number) || !Float.isFinite(number.floatValue()))
                throw error("scores[" + id + "]", String.valueOf(list.get(id)), "a finite number");
            scores[id] = number.floatValue() + 0f; // no negative zero: it would sort below zero
        }
        return scores;
    }

    private SpecialIds special() {
        int bos = id("bos_token_id");
        int eos = id("eos_token_id");
        LinkedHashSet<Integer> stops = new LinkedHashSet<>();
        for (String key : List.of("eos_token_id", "eot_token_id", "eom_token_id")) if (id(key) >= 0) stops.add(id(key));
        return new SpecialIds(bos, eos, id("padding_token_id"), id("unknown_token_id"), stops, bos);
    }

    // ---------------------------------------------------------------- values

    private int id(String key) {
        Object value = metadata.get(KEY + key);
        if (value == null) return SpecialIds.NONE;
        if (!(value instanceof Number number) || number.longValue() < 0 || !vocabulary.has((int) Math.min(number.longValue(), Integer.MAX_VALUE)))
            throw error(key, String.valueOf(value), "the id of a token");
        return number.intValue();
    }

    private String string(String key) {
        Object value = metadata.get(KEY + key);
        if (value instanceof String text) return text;
        throw error(key, value == null ? "nothing" : "a value that is not text", "a string");
    }

    private boolean flag(String key, boolean otherwise) {
        Object value = metadata.containsKey(KEY + key) ? metadata.get(KEY + key) : otherwise;
        if (value instanceof Boolean flag) return flag;
        throw error(key, String.valueOf(value), "true or false");
    }

    private List<?> list(String key) {
        Object value = metadata.get(KEY + key);
        if (value instanceof List<?> list) return list;
        if (value == null || !value.getClass().isArray()) throw error(key, value == null ? "nothing" : "a value that is not an array", "an array");
        if (value instanceof Object[] objects) return Arrays.asList(objects);
        List<Object> list = new ArrayList<>(Array.getLength(value));
        for (int i = 0; i < Array.getLength(value); i++) list.add(Array.get(value, i));
        return list;
    }

    private List<String> strings(String key) {
        List<?> list = list(key);
        List<String> strings = new ArrayList<>(list.size());
        for (Object value : list) {
            if (!(value instanceof String text)) throw error(key + "[" + strings.size() + "]", "bytes that are not UTF-8", "text");
            strings.add(text);
        }
        return strings;
    }

    private TokenizerException error(String key, String found, String wanted) {
        return new TokenizerException(source, KEY + key, "found " + found + ", wanted " + wanted);
    }
}
