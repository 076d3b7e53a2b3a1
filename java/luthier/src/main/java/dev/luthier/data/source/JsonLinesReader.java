package dev.luthier.data.source;

import dev.luthier.data.DataException;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** JSON Lines: one object a line, empty lines allowed. A bad line spoils nothing but itself. */
final class JsonLinesReader implements RowReader {
    private final LineReader lines;

    JsonLinesReader(Path file, SourceOptions options) {
        lines = new LineReader(file, options.charset(), options.maxRowBytes());
    }

    @Override
    public Row next() {
        String line;
        do {
            line = lines.next();
            if (line == null) return null;
        } while (line.isBlank());
        JsonNode node;
        try {
            node = Json.MAPPER.readTree(line);
        } catch (JacksonException e) {
            throw DataException.row(lines.origin(), "is not valid JSON at column "
                    + Math.max(1, e.getLocation() == null ? 1 : e.getLocation().getColumnNr()) + " ("
                    + Json.reason(e) + "); correct the line or pass --skip-bad-rows");
        }
        if (node instanceof ObjectNode fields) return new Row(lines.origin(), fields);
        throw DataException.row(lines.origin(), "holds " + JsonReader.kind(node)
                + ", but every line must be one JSON object like {\"question\": ..., \"answer\": ...}");
    }

    @Override
    public void close() {
        lines.close();
    }
}
