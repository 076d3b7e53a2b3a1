package dev.luthier.tokenizer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A JSON value together with the file and the place it came from, so that every complaint can name both. */
record Field(String source, String path, JsonNode node) {
    private static final long MAX_FILE_BYTES = 256L << 20;
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).maxDocumentLength(MAX_FILE_BYTES)
                            .maxStringLength(1 << 24).maxNameLength(1 << 20).maxNumberLength(400).build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .build();

    /** Reads a file that holds one JSON object. */
    static Field read(Path file) throws IOException {
        String source = file.toString();
        if (!Files.isRegularFile(file)) throw new TokenizerException(source, "", "no such file");
        long size = Files.size(file);
        if (size > MAX_FILE_BYTES) throw new TokenizerException(source, "", "found " + size + " bytes, wanted at most " + MAX_FILE_BYTES);
        return parse(source, Files.readAllBytes(file));
    }

    /** Parses UTF-8 bytes that hold one JSON object; duplicate keys are refused. */
    static Field parse(String source, byte[] utf8) {
        JsonNode node;
        try {
            node = MAPPER.readTree(utf8);
        } catch (JacksonException e) {
            String first = String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("");
            String where = e.getLocation() == null ? "" : "line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr();
            throw new TokenizerException(source, where, "malformed JSON (" + TokenizerException.quote(first) + "); fetch the file again");
        }
        if (!node.isObject()) throw new TokenizerException(source, "", "found JSON that is not an object, wanted {...}");
        return new Field(source, "", node);
    }

    /** The member of that name; it may be absent. */
    Field at(String name) {
        return new Field(source, path.isEmpty() ? name : path + "." + name, node.path(name));
    }

    /** True unless the value is missing or null. */
    boolean present() {
        return !node.isMissingNode() && !node.isNull();
    }

    /** The elements of an array. */
    List<Field> items() {
        if (!node.isArray()) throw wanted("an array");
        List<Field> items = new ArrayList<>(node.size());
        for (int i = 0; i < node.size(); i++) items.add(new Field(source, path + "[" + i + "]", node.get(i)));
        return items;
    }

    String text() {
        if (!node.isString()) throw wanted("a string");
        return node.stringValue();
    }

    boolean flag() {
        if (!node.isBoolean()) throw wanted("true or false");
        return node.booleanValue();
    }

    boolean flag(boolean otherwise) {
        return present() ? flag() : otherwise;
    }

    int integer(int min, int max) {
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < min || node.intValue() > max)
            throw wanted("a whole number from " + min + " to " + max);
        return node.intValue();
    }

    /** A string that holds exactly one character. */
    int character() {
        String text = text();
        if (text.isEmpty() || text.codePointCount(0, text.length()) != 1) throw wanted("one character");
        return text.codePointAt(0);
    }

    /** The {@code type} of a component, after refusing anything that is not an object. */
    String type() {
        if (!node.isObject()) throw wanted("an object with a type");
        return at("type").text();
    }

    /** Refuses members of other names. */
    void only(String... names) {
        if (!node.isObject()) throw wanted("an object");
        Set<String> known = Set.of(names);
        for (String name : node.propertyNames())
            if (!known.contains(name)) throw at(name).problem("found a field that is not known here, wanted one of " + String.join(", ", names));
    }

    TokenizerException wanted(String wanted) {
        String found = node.isMissingNode() ? "nothing" : node.isString() ? TokenizerException.quote(node.stringValue())
                : node.isContainer() ? (node.isArray() ? "an array" : "an object") : node.toString();
        return problem("found " + found + ", wanted " + wanted);
    }

    TokenizerException unsupported(String what, String supported) {
        return problem("found " + TokenizerException.quote(what) + ", which is not supported; supported are " + supported);
    }

    TokenizerException problem(String problem) {
        return new TokenizerException(source, path, problem);
    }
}
