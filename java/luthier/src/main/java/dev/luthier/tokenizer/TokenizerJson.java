package dev.luthier.tokenizer;

import dev.luthier.tokenizer.AddedTokens.Token;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Reads {@code tokenizer.json}, the format of Hugging Face's tokenizers library; whatever it does not know is refused by name. */
final class TokenizerJson {
    private static final int MAX_ADDED_LENGTH = 1000;

    private final Field root;
    private final TokenizerConfig config;
    private final Vocabulary vocabulary;
    private final Map<String, Token> added = new LinkedHashMap<>();

    private TokenizerJson(Field root, TokenizerConfig config) {
        this.root = root;
        this.config = config;
        this.vocabulary = new Vocabulary(root.at("model").at("vocab").node().size());
    }

    static Parts read(Field root, TokenizerConfig config) {
        return new TokenizerJson(root, config).parts();
    }

    private Parts parts() {
        root.only("version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model");
        if (root.at("version").present() && !root.at("version").text().equals("1.0")) throw root.at("version").wanted("\"1.0\"");
        Field model = root.at("model");
        String type = modelType(model);
        List<PieceStep> steps = PreTokenizers.of(root.at("pre_tokenizer"));
        boolean byteFallback = model.at("byte_fallback").flag(false);
        boolean byteLevel = type.equals("BPE") && !byteFallback && !steps.isEmpty() && steps.getLast() instanceof PieceStep.Bytes;
        double[] scores = type.equals("BPE") ? readVocabulary(model.at("vocab")) : readScoredVocabulary(model.at("vocab"));
        addTokens();
        int unknown = type.equals("BPE") ? unknownOf(model.at("unk_token"))
                : model.at("unk_id").present() ? model.at("unk_id").integer(0, scores.length - 1) : -1;
        if (unknown >= 0 && !byteLevel) vocabulary.put(unknown, vocabulary.text(unknown), TokenKind.UNKNOWN);
        int[] bytes = byteFallback ? byteTokens() : noBytes();
        List<Normalizer> normalizers = Normalizer.of(root.at("normalizer"));
        PostProcessor around = PostProcessor.of(root.at("post_processor"), vocabulary);
        Merges merges = type.equals("BPE") ? Merges.of(model.at("merges"), vocabulary) : null;
        SpecialIds special = SpecialIds.of(config, vocabulary, unknown, around);
        around = configured(around, special);
        AddedTokens raw = patterns(List.of(), false);
        AddedTokens normalized = patterns(normalizers, true);
        return new Parts(root.source(), vocabulary, raw, normalized, normalizers, byteLevel ? steps.subList(0, steps.size() - 1) : steps,
                merges != null ? bpe(model, merges, bytes, byteLevel, unknown)
                        : new UnigramModel(vocabulary.textTokens(), scores, unknown, byteFallback ? bytes : null, root.source()),
                merges, null, around, Decoder.of(root.at("decoder")), special,
                around.suffix().length > 0 ? Boolean.TRUE : config.adds("eos"), addsMiddle(around, special));
    }

    /** Older files do not write the type. */
    private static String modelType(Field model) {
        String type = model.at("type").present() ? model.at("type").text() : model.at("merges").present() ? "BPE" : "Unigram";
        switch (type) {
            case "BPE" -> model.only("type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                    "byte_fallback", "ignore_merges", "vocab", "merges");
            case "Unigram" -> model.only("type", "unk_id", "vocab", "byte_fallback");
            default -> throw model.at("type").unsupported(type, "BPE, Unigram");
        }
        return type;
    }

    private BpeModel bpe(Field model, Merges merges, int[] bytes, boolean byteLevel, int unknown) {
        JsonNode dropout = model.at("dropout").node();
        if (model.at("dropout").present() && !(dropout.isNumber() && dropout.doubleValue() == 0))
            throw model.at("dropout").wanted("null: dropout cuts the same text differently each time");
        for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix"))
            if (model.at(affix).present() && !model.at(affix).text().isEmpty()) throw model.at(affix).wanted("null, as no other value is supported");
        return new BpeModel(vocabulary.textTokens(), bytes, merges.extra(), vocabulary.size(), merges.table(),
                new BpeModel.Options(byteLevel, model.at("byte_fallback").flag(false), model.at("fuse_unk").flag(false),
                        model.at("ignore_merges").flag(false), unknown));
    }

    private int unknownOf(Field token) {
        if (!token.present()) return -1;
        int id = vocabulary.modelId(token.text());
        if (id < 0) throw token.wanted("a token of model.vocab");
        return id;
    }

    private int[] byteTokens() {
        int[] bytes = vocabulary.byteTokens();
        for (int id : bytes) if (id >= 0) vocabulary.put(id, vocabulary.text(id), TokenKind.BYTE);
        return bytes;
    }

    private static int[] noBytes() {
        int[] bytes = new int[256];
        Arrays.fill(bytes, -1);
        return bytes;
    }

    // ---------------------------------------------------------------- vocabulary

    private double[] readVocabulary(Field vocab) {
        if (!vocab.node().isObject()) throw vocab.wanted("an object of ids by token");
        for (Map.Entry<String, JsonNode> entry : vocab.node().properties()) {
            JsonNode id = entry.getValue();
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0 || id.intValue() >= Vocabulary.MAX_SIZE)
                throw vocab.at(entry.getKey()).wanted("an id from 0 to " + (Vocabulary.MAX_SIZE - 1));
            if (vocabulary.has(id.intValue()))
                throw vocab.at(entry.getKey()).problem("found id " + id + ", which " + TokenizerException.quote(vocabulary.text(id.intValue())) + " has");
            vocabulary.put(id.intValue(), entry.getKey(), TokenKind.NORMAL);
        }
        return null;
    }

    private double[] readScoredVocabulary(Field vocab) {
        if (!vocab.node().isArray() || vocab.node().isEmpty()) throw vocab.wanted("an array of [token, score]");
        double[] scores = new double[vocab.node().size()];
        if (scores.length >= Vocabulary.MAX_SIZE) throw vocab.wanted("fewer than " + Vocabulary.MAX_SIZE + " tokens");
        int id = 0;
        for (JsonNode entry : vocab.node()) {
            if (!entry.isArray() || entry.size() != 2 || !entry.get(0).isString() || !entry.get(1).isNumber()
                    || !Double.isFinite(entry.get(1).doubleValue()))
                throw new Field(vocab.source(), vocab.path() + "[" + id + "]", entry).wanted("[token, score]");
            scores[id] = entry.get(1).doubleValue();
            vocabulary.put(id++, entry.get(0).stringValue(), TokenKind.NORMAL);
        }
        return scores;
    }

    // ---------------------------------------------------------------- added tokens

    private void addTokens() {
        if (root.at("added_tokens").present())
            for (Field field : root.at("added_tokens").items()) {
                field.only("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special");
                add(field, field.at("id").integer(0, Vocabulary.MAX_SIZE - 1));
            }
        Field more = config.addedTokens();
        if (!more.present()) return;
        List<String> ids = new ArrayList<>(more.node().propertyNames());
        for (String id : ids) if (!id.matches("[0-9]{1,7}")) throw more.at(id).problem("found a name that is not an id");
        ids.sort((a, b) -> Integer.compare(Integer.parseInt(a), Integer.parseInt(b)));
        for (String id : ids) add(more.at(id), Integer.parseInt(id));
    }

    private void add(Field field, int id) {
        String content = field.at("content").text();
        if (content.isEmpty() || content.length() > MAX_ADDED_LENGTH)
            throw field.at("content").wanted("a text of 1 to " + MAX_ADDED_LENGTH + " characters");
        int known = vocabulary.id(content);
        int expected = known >= 0 ? known : vocabulary.count();
        if (id != expected) throw field.problem("found id " + id + " for " + TokenizerException.quote(content) + ", wanted "
                + expected + ", which " + (known >= 0 ? "it already has" : "is the first free one"));
        boolean special = field.at("special").flag(false);
        added.put(content, new Token(id, content, field.at("single_word").flag(false), field.at("lstrip").flag(false),
                field.at("rstrip").flag(false), field.at("normalized").flag(!special), special));
        vocabulary.putAdded(id, content, special || looksSpecial(content) ? TokenKind.CONTROL : TokenKind.USER_DEFINED);
        vocabulary.setSpecial(id, special);
    }

    /**
     * Some files call tokens that structure a prompt not special; these are the spellings by which llama.cpp's converter tells them, so that
     * an exported file has the same kinds.
     */
    private static boolean looksSpecial(String content) {
        return content.startsWith("<|") && content.endsWith("|>") || content.startsWith("<\uFF5C") && content.endsWith("\uFF5C>")
                || content.startsWith("<unused") && content.endsWith(">")
                || List.of("<pad>", "<mask>", "<2mass>", "[@BOS@]").contains(content);
    }

    private AddedTokens patterns(List<Normalizer> normalizers, boolean normalized) {
        List<Token> tokens = added.values().stream().filter(token -> token.normalized() == normalized).toList();
        List<String> patterns = new ArrayList<>();
        boolean[] control = new boolean[tokens.size()];
        for (int i = 0; i < control.length; i++) {
            Token token = tokens.get(i);
            String pattern = Normalizer.applyAll(normalizers, token.content());
            patterns.add(pattern);
            if (!pattern.equals(token.content())) vocabulary.setDecoded(token.id(), pattern);
            TokenKind kind = vocabulary.kind(token.id());
            control[i] = kind == TokenKind.CONTROL || kind == TokenKind.UNKNOWN;
        }
        return new AddedTokens(tokens, patterns, control, vocabulary.size());
    }

    // ---------------------------------------------------------------- what the files beside say

    /** tokenizer_config.json overrides the template where it says outright whether to add a token. */
    private PostProcessor configured(PostProcessor around, SpecialIds special) {
        Boolean begin = config.adds("bos");
        Boolean end = config.adds("eos");
        if (begin != null && special.bos() >= 0) around = around.withPrefix(special.bos(), begin);
        if (end != null && special.eos() >= 0) around = around.withSuffix(special.eos(), end);
        return around;
    }

    private Boolean addsMiddle(PostProcessor around, SpecialIds special) {
        Boolean said = config.adds("sep");
        if (said != null || around.middle() == null || around.middle().isEmpty()) return said;
        String separator = config.tokenText("sep_token");
        String end = special.eos() < 0 ? null : vocabulary.text(special.eos());
        List<String> ends = new ArrayList<>();
        if (separator != null) ends.add(separator);
        if (end != null) ends.add(end);
        return ends.contains(around.middle().getFirst()) && around.suffix().length == 0
                || around.middle().size() == 2 && ends.contains(around.middle().get(1));
    }
}
