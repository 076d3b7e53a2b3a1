package dev.luthier.data.source;

import dev.luthier.data.DataException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;

/** What the tests of this package do with files and readers. */
final class Rows {
    private Rows() {}

    static Path file(Path folder, String name, String text) {
        return file(folder, name, text.getBytes(StandardCharsets.UTF_8));
    }

    static Path file(Path folder, String name, byte[] bytes) {
        try {
            return Files.write(folder.resolve(name), bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] gzip(byte[] bytes) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gz = new GZIPOutputStream(out)) {
            gz.write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    /** Every row as {@code origin fields}; a bad row as {@code ! message}; an error that ends the reading is thrown. */
    static List<String> all(RowReader reader) {
        List<String> out = new ArrayList<>();
        try (reader) {
            while (true) {
                try {
                    Row row = reader.next();
                    if (row == null) return out;
                    out.add(row.origin() + " " + row.fields());
                } catch (DataException e) {
                    if (!e.isRow()) throw e;
                    out.add("! " + e.getMessage());
                }
            }
        }
    }

    static List<String> all(Path file) {
        return all(Sources.open(file, SourceOptions.DEFAULT));
    }

    static List<String> all(Path file, SourceOptions options) {
        return all(Sources.open(file, options));
    }
}
