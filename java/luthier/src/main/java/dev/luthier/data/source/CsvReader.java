package dev.luthier.data.source;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/**
 * Delimited text with a header line (RFC 4180: fields may be quoted, a quote inside is doubled, line breaks inside
 * quotes belong to the field). LF, CRLF and CR end a record. The delimiter is found in the header when not given.
 */
final class CsvReader implements RowReader {
    private static final char[] DELIMITERS = {',', '\t', ';', '|'};

    private final Path file;
    private final int maxRowBytes;
    private final Reader in;
    private final char[] buffer = new char[Inputs.BUFFER / 2];
    private int at;
    private int end;
    private char delimiter;
    private long line = 1;
    private long rowChars;
    private List<String> header;
    private boolean ended;

    CsvReader(Path file, SourceOptions options, Character delimiter) {
        this.file = file;
        this.maxRowBytes = options.maxRowBytes();
        this.in = Inputs.text(file, options.charset());
        try {
            this.delimiter = delimiter != null ? delimiter : guessDelimiter();
            readHeader();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** The candidate that stands most often outside quotes in the first line. */
    private char guessDelimiter() {
        peek();
        int[] count = new int[DELIMITERS.length];
        boolean quoted = false;
        for (int i = at; i < end; i++) {
            char c = buffer[i];
            if (c == '"') quoted = !quoted;
            if (quoted) continue;
            if (c == '\n' || c == '\r') break;
            for (int d = 0; d < DELIMITERS.length; d++) {
                if (c == DELIMITERS[d]) count[d]++;
            }
        }
        int best = 0;
        for (int d = 1; d < DELIMITERS.length; d++) {
            if (count[d] > count[best]) best = d;
        }
        return DELIMITERS[best];
    }

    private void readHeader() {
        header = readRecord();
        if (header == null) return;
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < header.size(); i++) {
            String name = header.get(i).strip();
            header.set(i, name);
            if (!name.isEmpty() && !seen.add(name)) {
                throw DataException.fatal(Origin.line(file, 1), "names the column '" + name
                        + "' twice; give every column its own name");
            }
        }
        if (seen.isEmpty()) {
            throw DataException.fatal(Origin.line(file, 1),
                    "names no column; the first line must hold the column names");
        }
    }

    @Override
    public Row next() {
        if (header == null) return null;
        long start;
        List<String> record;
        do {
            start = line;
            record = readRecord();
            if (record == null) return null;
        } while (record.size() == 1 && record.getFirst().isBlank() && header.size() > 1);
        Origin origin = Origin.line(file, start);
        if (record.size() != header.size()) {
            throw DataException.row(origin, "has " + record.size() + " fields but the header names " + header.size()
                    + "; put double quotes around fields that hold '" + shown(delimiter)
                    + "', quotes or line breaks, or name the delimiter with --delimiter");
        }
        ObjectNode fields = Json.MAPPER.createObjectNode();
        for (int i = 0; i < record.size(); i++) {
            // An unnamed column is the row index that data frames write.
            if (!header.get(i).isEmpty()) fields.put(header.get(i), record.get(i));
        }
        return new Row(origin, fields);
    }

    /** The next record's fields, or null at the end. */
    private List<String> readRecord() {
        if (ended || peek() < 0) {
            ended = true;
            return null;
        }
        rowChars = 0;
        long start = line;
        List<String> fields = new ArrayList<>(header == null ? 8 : header.size());
        StringBuilder field = new StringBuilder();
        String strayQuote = null;
        while (true) {
            field.setLength(0);
            if (peek() == '"') {
                take();
                strayQuote = readQuoted(field, start, strayQuote);
            } else {
                int c;
                while ((c = peek()) >= 0 && c != delimiter && c != '\n' && c != '\r') field.append((char) take());
            }
            fields.add(field.toString());
            if (peek() != delimiter) break;
            take();
        }
        endOfRecord();
        if (strayQuote != null) throw DataException.row(Origin.line(file, start), strayQuote);
        return fields;
    }

    /** Reads behind an opening quote up to the field's end; returns what is wrong with the field, or {@code earlier}. */
    private String readQuoted(StringBuilder field, long start, String earlier) {
        while (true) {
            int c = take();
            if (c < 0) {
                ended = true;
                throw DataException.fatal(Origin.line(file, start),
                        "opens a quote that is never closed; close it, or double the quotes inside the field");
            }
            if (c != '"') {
                field.append((char) c);
                continue;
            }
            if (peek() == '"') {
                field.append((char) take());
                continue;
            }
            break;
        }
        int c = peek();
        if (c < 0 || c == delimiter || c == '\n' || c == '\r') return earlier;
        while ((c = peek()) >= 0 && c != delimiter && c != '\n' && c != '\r') take();
        return "has text behind a closing quote; double the quotes inside a quoted field";
    }

    private void endOfRecord() {
        int c = peek();
        if (c == '\r') {
            take();
            if (peek() == '\n') take();
            else line++;
        } else if (c == '\n') {
            take();
        }
    }

    private int peek() {
        if (at == end) {
            try {
                end = Math.max(0, in.read(buffer, 0, buffer.length));
                at = 0;
            } catch (CharacterCodingException e) {
                ended = true;
                throw DataException.of(file + " after line " + line + " " + Inputs.badText(), e);
            } catch (IOException e) {
                ended = true;
                throw Inputs.failed(file, e);
            }
            if (end == 0) return -1;
        }
        return buffer[at];
    }

    private int take() {
        int c = peek();
        if (c < 0) return c;
        at++;
        if (c == '\n') line++;
        if (++rowChars > maxRowBytes) {
            ended = true;
            throw DataException.fatal(Origin.line(file, line), "belongs to a record of more than " + maxRowBytes
                    + " characters; is a quote left open before it? Else raise --max-row-bytes");
        }
        return c;
    }

    private static String shown(char c) {
        return c == '\t' ? "\\t" : String.valueOf(c);
    }

    @Override
    public void close() {
        Inputs.closeQuietly(in);
    }
}
