package dev.luthier.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Small tokenizer files made by hand. JSON in arguments may be written with single quotes. */
final class Tiny {
    static final JsonMapper JSON = new JsonMapper();

    private final ObjectNode root = JSON.createObjectNode();

    private Tiny() {
        root.put("version", "1.0");
        root.putNull("truncation");
        root.putNull("padding");
        root.putArray("added_tokens");
        for (String part : List.of("normalizer", "pre_tokenizer", "post_processor", "decoder")) root.putNull(part);
    }

    static JsonNode json(String text) {
        return JSON.readTree(text.replace("'", "\""));
    }

    static Field field(String json) {
        return Field.parse("tiny.json", ("{\"it\":" + json(json) + "}").getBytes(StandardCharsets.UTF_8)).at("it");
    }

    /** A BPE whose vocabulary is the given tokens, ids in order, and whose merges are written {@code "a b"}. */
    static Tiny bpe(List<String> tokens, List<String> merges) {
        Tiny tiny = new Tiny();
        ObjectNode model = tiny.root.putObject("model").put("type", "BPE");
        ObjectNode vocab = model.putObject("vocab");
        for (String token : tokens) vocab.put(token, vocab.size());
        ArrayNode list = model.putArray("merges");
        merges.forEach(list::add);
        return tiny;
    }

    /** A byte-level BPE: the 256 bytes in GPT-2's alphabet, then what the merges make. */
    static Tiny byteLevel(String... merges) {
        List<String> tokens = new ArrayList<>();
        for (int b = 0; b < 256; b++) tokens.add(String.valueOf(ByteAlphabet.charOf(b)));
        for (String merge : merges) tokens.add(merge.replace(" ", ""));
        return bpe(tokens, List.of(merges)).with("pre_tokenizer", "{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true,'use_regex':true}")
                .with("decoder", "{'type':'ByteLevel','add_prefix_space':true,'trim_offsets':true,'use_regex':true}");
    }

    /** SentencePiece's BPE: an unknown token, begin and end, the 256 bytes, then pieces. */
    static Tiny sentencePiece(List<String> pieces, List<String> merges) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        for (int b = 0; b < 256; b++) tokens.add(String.format("<0x%02X>", b));
        tokens.addAll(pieces);
        return bpe(tokens, merges).model("byte_fallback", "true").model("fuse_unk", "true").model("unk_token", "'<unk>'")
                .added(0, "<unk>", "'special':true,'normalized':false").added(1, "<s>", "'special':true,'normalized':false")
                .added(2, "</s>", "'special':true,'normalized':false")
                .with("normalizer", "{'type':'Sequence','normalizers':[{'type':'Prepend','prepend':'▁'},{'type':'Replace','pattern':{'String':' '},'content':'▁'}]}")
                .with("decoder", "{'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'▁'},'content':' '},{'type':'ByteFallback'},"
                        + "{'type':'Fuse'},{'type':'Strip','content':' ','start':1,'stop':0}]}")
                .with("post_processor", "{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'<s>','type_id':0}},{'Sequence':{'id':'A','type_id':0}}],"
                        + "'pair':[],'special_tokens':{'<s>':{'id':'<s>','ids':[1],'tokens':['<s>']}}}");
    }

    /** A Unigram over tokens written {@code token=score}. */
    static Tiny unigram(int unknown, String... tokens) {
        Tiny tiny = new Tiny();
        ObjectNode model = tiny.root.putObject("model").put("type", "Unigram").put("unk_id", unknown);
        ArrayNode vocab = model.putArray("vocab");
        for (String token : tokens) {
            int cut = token.lastIndexOf('=');
            vocab.addArray().add(token.substring(0, cut)).add(Double.parseDouble(token.substring(cut + 1)));
        }
        return tiny;
    }

    Tiny with(String part, String json) {
        root.set(part, json(json));
        return this;
    }

    Tiny model(String field, String json) {
        ((ObjectNode) root.get("model")).set(field, json(json));
        return this;
    }

    /** @param flags such as {@code 'special':true,'lstrip':true} */
    Tiny added(int id, String content, String flags) {
        ObjectNode token = (ObjectNode) json("{'id':" + id + (flags.isEmpty() ? "" : "," + flags) + "}");
        ((ArrayNode) root.get("added_tokens")).add(token.put("content", content));
        return this;
    }

    byte[] bytes() {
        return JSON.writeValueAsBytes(root);
    }

    Tokenizer load() {
        return Tokenizer.parse("tiny.json", bytes());
    }
}
