package dev.luthier.data.source;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A JSON file that is an array of objects, or objects one after another with or without line breaks inside. Read as a
 * stream, one object at a time; after a syntax error there is no safe place to go on.
 */
final class JsonReader implements RowReader {
    private final Path file;
    private final int maxRowBytes;
    private final BudgetReader in;
    private final JsonParser parser;
    private boolean inArray;
    private boolean ended;
    private long item;
    private long line = 1;

    JsonReader(Path file, SourceOptions options) {
        this.file = file;
        this.maxRowBytes = options.maxRowBytes();
        in = new BudgetReader(Inputs.text(file, options.charset()), maxRowBytes);
        parser = Json.MAPPER.createParser(in);
    }

    @Override
    public Row next() {
        if (ended) return null;
        in.renew();
        try {
            return read();
        } catch (JacksonException e) {
            ended = true;
            throw explain(e);
        }
    }

    private Row read() {
        while (true) {
            JsonToken t = parser.nextToken();
            if (t == null || (inArray && t == JsonToken.END_ARRAY)) {
                inArray = false;
                if (t == null) {
                    ended = true;
                    return null;
                }
                continue;
            }
            if (!inArray && t == JsonToken.START_ARRAY) {
                inArray = true;
                continue;
            }
            item++;
            line = parser.currentTokenLocation().getLineNr();
            Origin origin = Origin.item(file, item, line);
            JsonNode node = parser.readValueAsTree();
            if (node instanceof ObjectNode fields) return new Row(origin, fields);
            throw DataException.row(origin, "is " + kind(node)
                    + ", but every item must be a JSON object like {\"question\": ..., \"answer\": ...}");
        }
    }

    private DataException explain(JacksonException e) {
        long at = e.getLocation() == null ? line : Math.max(line, e.getLocation().getLineNr());
        Origin origin = Origin.line(file, at);
        for (Throwable c = e; c != null; c = c.getCause()) {
            if (c instanceof BudgetReader.Spent) {
                return DataException.fatal(Origin.item(file, item, line), "is longer than " + maxRowBytes
                        + " characters; split the record or raise --max-row-bytes");
            }
            if (c instanceof CharacterCodingException) {
                return DataException.of(file + " after line " + at + " " + Inputs.badText(), e);
            }
            if (c instanceof IOException io) return Inputs.failed(file, io);
        }
        return DataException.fatal(origin, "is not valid JSON in item " + Math.max(1, item) + ", column "
                + (e.getLocation() == null ? 1 : Math.max(1, e.getLocation().getColumnNr())) + " (" + Json.reason(e)
                + "); correct the file, or store one record a line as .jsonl, where a bad line can be skipped");
    }

    /** A JSON value's kind in words. */
    static String kind(JsonNode node) {
        return switch (node.getNodeType()) {
            case ARRAY -> "an array";
            case BOOLEAN -> "a boolean";
            case NULL -> "null";
            case NUMBER -> "a number";
            case STRING -> "a string";
            case OBJECT -> "an object";
            default -> "nothing";
        };
    }

    @Override
    public void close() {
        Inputs.closeQuietly(parser);
        Inputs.closeQuietly(in);
    }
}
