package dev.luthier.data.source;

import dev.luthier.data.DataException;
import java.util.Arrays;
import java.util.Locale;

/** The file formats that can be read; each may also be compressed with gzip, except Parquet. */
public enum Format {
    /** One JSON object a line. */
    JSONL,
    /** An array of objects, or objects one after another. */
    JSON,
    CSV,
    TSV,
    XML,
    TEXT,
    PARQUET;

    /** The format by its name on a command line. */
    public static Format named(String name) {
        for (Format f : values()) {
            if (f.name().equalsIgnoreCase(name)) return f;
        }
        throw DataException.of("data format '" + name + "' is not known; it can be one of "
                + Arrays.toString(values()).toLowerCase(Locale.ROOT));
    }

    /** The format by a file name's ending ({@code .gz} ignored), or null when the ending says nothing. */
    static Format byEnding(String fileName) {
        String n = fileName.toLowerCase(Locale.ROOT);
        if (n.endsWith(".gz")) n = n.substring(0, n.length() - 3);
        return switch (n.substring(n.lastIndexOf('.') + 1)) {
            case "jsonl", "ndjson" -> JSONL;
            case "json" -> JSON;
            case "csv" -> CSV;
            case "tsv", "tab" -> TSV;
            case "xml" -> XML;
            case "txt", "text", "md" -> TEXT;
            case "parquet" -> PARQUET;
            default -> null;
        };
    }
}
