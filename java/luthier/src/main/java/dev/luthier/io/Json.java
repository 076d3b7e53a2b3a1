package dev.luthier.io;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Strict JSON (RFC 8259): UTF-8 only, duplicate keys refused, nothing after the value, sizes and
 * nesting limited. Errors are {@link FormatException}s with file, line and column.
 */
public final class Json {
    /** The longest JSON file read as a whole; the largest tokenizer.json in use has 35 MB. */
    public static final long MAX_FILE_BYTES = 256L << 20;
    private static final int MAX_NESTING = 200;
    /** Bounds the memory of a parsed value; the tokenizer.json with the most has about 4 million. */
    private static final long MAX_TOKENS = 1 << 25;
    private static final String REMEDY = "mend the file or fetch it again";

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_NESTING)
                            .maxDocumentLength(MAX_FILE_BYTES)
                            .maxStringLength((int) MAX_FILE_BYTES)
                            .maxNameLength(1 << 20)
                            .maxNumberLength(1000)
                            .maxTokenCount(MAX_TOKENS)
                            .build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .build();

    private Json() {
    }

    /** The mapper with the limits above; use it to build nodes and to write. */
    public static JsonMapper mapper() {
        return MAPPER;
    }

    /** Reads a whole file. */
    public static JsonNode read(Path file) throws IOException {
        long size = MappedFile.sizeOf(file);
        if (size > MAX_FILE_BYTES) {
            throw new FormatException(file, "", size + " bytes of JSON", "at most " + MAX_FILE_BYTES, REMEDY);
        }
        try (InputStream in = Files.newInputStream(file)) {
            return parse(utf8(in), file, "");
        }
    }

    /** Reads a file that holds a JSON object. */
    public static ObjectNode readObject(Path file) throws IOException {
        if (read(file) instanceof ObjectNode object) {
            return object;
        }
        throw new FormatException(file, "", "JSON that is not an object", "{...}", REMEDY);
    }

    /**
     * Parses one value.
     *
     * @param file  named in errors
     * @param place named in errors, such as {@code line 17}; empty to give line and column
     */
    public static JsonNode parse(String text, Path file, String place) {
        try {
            return required(MAPPER.readTree(text), file, place);
        } catch (JacksonException e) {
            throw invalid(e, file, place);
        }
    }

    private static JsonNode parse(Reader text, Path file, String place) {
        try {
            return required(MAPPER.readTree(text), file, place);
        } catch (JacksonException e) {
            throw invalid(e, file, place);
        }
    }

    private static JsonNode required(JsonNode node, Path file, String place) {
        if (node.isMissingNode()) {
            throw new FormatException(file, place, "nothing", "a JSON value", REMEDY);
        }
        return node;
    }

    /** The value on one line, keys in their order. */
    public static String text(JsonNode value) {
        return MAPPER.writeValueAsString(value);
    }

    /** Writes a value, indented, with a final newline, atomically. */
    public static void write(Path file, JsonNode value) throws IOException {
        AtomicFile.writeString(file, MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(value) + "\n");
    }

    /** A reader that refuses malformed UTF-8 with {@link CharacterCodingException}. */
    static Reader utf8(InputStream in) {
        return new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT));
    }

    /** A parser's complaint as one of ours. */
    static FormatException invalid(JacksonException e, Path file, String place) {
        if (e.getCause() instanceof CharacterCodingException) {
            return new FormatException(file, place, "bytes that are not UTF-8", "JSON in UTF-8", REMEDY, e);
        }
        TokenStreamLocation at = e.getLocation();
        String where = at == null || at.getLineNr() < 1 ? ""
                : place.isEmpty() ? "line " + at.getLineNr() + ", column " + at.getColumnNr()
                : ", column " + at.getColumnNr();
        String message = String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("");
        String what = FormatException.quote(message);
        return new FormatException(file, place + where, "malformed JSON (" + what.substring(1, what.length() - 1) + ")",
                "valid JSON without duplicate keys", REMEDY, e);
    }
}
