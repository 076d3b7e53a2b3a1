package dev.luthier.data.source;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import java.nio.file.Path;
import tools.jackson.databind.node.ObjectNode;

/** Plain text: a line, a paragraph or the whole file becomes a row with the one field {@code text}. */
final class TextReader implements RowReader {
    private final LineReader lines;
    private final SourceOptions.TextUnit unit;
    private final int maxRowBytes;

    TextReader(Path file, SourceOptions options) {
        lines = new LineReader(file, options.charset(), options.maxRowBytes());
        unit = options.textUnit();
        maxRowBytes = options.maxRowBytes();
    }

    @Override
    public Row next() {
        String line = lines.next();
        while (line != null && line.isBlank()) line = lines.next();
        if (line == null) return null;
        Origin origin = lines.origin();
        if (unit == SourceOptions.TextUnit.LINE) return row(origin, line);

        StringBuilder text = new StringBuilder(line);
        int blank = 0;
        while ((line = lines.next()) != null) {
            if (line.isBlank()) {
                if (unit == SourceOptions.TextUnit.PARAGRAPH) break;
                blank++;
                continue;
            }
            text.append("\n".repeat(blank + 1)).append(line);
            blank = 0;
            if (text.length() > maxRowBytes) {
                throw DataException.fatal(origin, "begins a text of more than " + maxRowBytes + " characters; use"
                        + " --text-unit line, or raise --max-row-bytes");
            }
        }
        return row(origin, text.toString());
    }

    private static Row row(Origin origin, String text) {
        ObjectNode fields = Json.MAPPER.createObjectNode();
        fields.put("text", text);
        return new Row(origin, fields);
    }

    @Override
    public void close() {
        lines.close();
    }
}
