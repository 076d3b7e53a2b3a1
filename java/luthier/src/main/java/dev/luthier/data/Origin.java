package dev.luthier.data;

import java.nio.file.Path;

/**
 * Where a row came from, as shown to the user: {@code data.jsonl line 17}.
 *
 * @param file   file name without folders
 * @param unit   what is counted: {@code line}, {@code item}, {@code row} or {@code paragraph}
 * @param number 1-based
 * @param line   1-based line where the row begins, or 0 when it says nothing more than {@code number}
 */
public record Origin(String file, String unit, long number, long line) {
    public static Origin line(Path file, long number) {
        return new Origin(name(file), "line", number, 0);
    }

    public static Origin item(Path file, long number, long line) {
        return new Origin(name(file), "item", number, line);
    }

    public static Origin row(Path file, long number) {
        return new Origin(name(file), "row", number, 0);
    }

    private static String name(Path file) {
        return String.valueOf(file.getFileName());
    }

    @Override
    public String toString() {
        return file + " " + unit + " " + number + (line > 0 ? " (line " + line + ")" : "");
    }
}
