package dev.luthier.data.source;

import dev.luthier.data.DataException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;

/** From what the user typed after {@code --data} to a reader of rows. */
public final class Sources {
    private static final int SNIFF = 1 << 16;

    private Sources() {}

    /**
     * The files that paths and globs name, in the order given; the files of one glob in the order of their names. Every
     * file stands once.
     *
     * @param patterns files, or globs as of {@link java.nio.file.FileSystem#getPathMatcher}, such as
     *                 {@code data/*.jsonl} or {@code **}{@code /part-?.parquet}
     */
    public static List<Path> expand(List<String> patterns) {
        List<Path> files = new ArrayList<>();
        for (String pattern : patterns) {
            Path literal = Path.of(pattern);
            if (!isGlob(pattern) || Files.exists(literal)) {
                if (!Files.exists(literal)) {
                    throw DataException.of(pattern + " does not exist; check the path given to --data");
                }
                addOnce(files, literal);
                continue;
            }
            TreeSet<Path> found = match(pattern);
            if (found.isEmpty()) {
                throw DataException.of("no file matches '" + pattern + "'; check the pattern given to --data");
            }
            found.forEach(f -> addOnce(files, f));
        }
        if (files.isEmpty()) throw DataException.of("no data file is named; pass --data FILE");
        return files;
    }

    private static void addOnce(List<Path> files, Path f) {
        if (!files.contains(f)) files.add(f);
    }

    private static boolean isGlob(String s) {
        return s.chars().anyMatch(c -> "*?[{".indexOf(c) >= 0);
    }

    private static TreeSet<Path> match(String pattern) {
        int glob = 0;
        while ("*?[{".indexOf(pattern.charAt(glob)) < 0) glob++;
        int slash = pattern.lastIndexOf('/', glob);
        Path root = Path.of(slash < 0 ? "." : slash == 0 ? "/" : pattern.substring(0, slash));
        String rest = pattern.substring(slash + 1);
        TreeSet<Path> found = new TreeSet<>();
        if (!Files.isDirectory(root)) return found;
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + rest);
        int depth = rest.contains("**") ? Integer.MAX_VALUE : (int) rest.chars().filter(c -> c == '/').count() + 1;
        try (Stream<Path> walk = Files.walk(root, depth)) {
            walk.filter(Files::isRegularFile)
                    .filter(p -> matcher.matches(root.relativize(p)))
                    .forEach(p -> found.add(slash < 0 ? root.relativize(p) : p));
        } catch (IOException e) {
            throw Inputs.failed(root, e);
        }
        return found;
    }

    /** The rows of all files, one file after another. A file is opened when the one before it is used up. */
    public static RowReader open(List<Path> files, SourceOptions options) {
        return new RowReader() {
            private int next;
            private RowReader current;

            @Override
            public Row next() {
                while (true) {
                    if (current == null) {
                        if (next == files.size()) return null;
                        current = Sources.open(files.get(next++), options);
                    }
                    Row row = current.next();
                    if (row != null) return row;
                    current.close();
                    current = null;
                }
            }

            @Override
            public void close() {
                if (current != null) current.close();
            }
        };
    }

    /** The rows of one file. */
    public static RowReader open(Path file, SourceOptions options) {
        return switch (formatOf(file, options)) {
            case JSONL -> new JsonLinesReader(file, options);
            case JSON -> new JsonReader(file, options);
            case CSV -> new CsvReader(file, options, options.delimiter());
            case TSV -> new CsvReader(file, options, options.delimiter() == null ? '\t' : options.delimiter());
            case XML -> new XmlReader(file, options);
            case TEXT -> new TextReader(file, options);
            case PARQUET -> new ParquetReader(file, options);
        };
    }

    /** The format as the options, the name and the first bytes tell it. */
    static Format formatOf(Path file, SourceOptions options) {
        if (options.format() != null) return options.format();
        Format byName = Format.byEnding(String.valueOf(file.getFileName()));
        if (byName != null && byName != Format.JSON) return byName;
        String head = head(file, options);
        if (byName == null && head.startsWith("PAR1")) return Format.PARQUET;
        String start = head.stripLeading();
        if (start.startsWith("[")) return Format.JSON;
        if (start.startsWith("{")) return firstLineIsWhole(start) ? Format.JSONL : Format.JSON;
        if (byName != null) return byName;
        if (start.startsWith("<")) return Format.XML;
        throw DataException.of(file + " has no ending that names a format and does not begin like JSON or XML; name"
                + " its format with --format (jsonl, json, csv, tsv, xml, text, parquet)");
    }

    /** Text that begins the file, as far as it decodes. */
    private static String head(Path file, SourceOptions options) {
        try (BufferedInputStream in = Inputs.bytes(file)) {
            var marked = Inputs.skipMark(in);
            var charset = options.charset() != null ? options.charset()
                    : marked != null ? marked : StandardCharsets.UTF_8;
            return new String(in.readNBytes(SNIFF), charset);
        } catch (IOException e) {
            throw Inputs.failed(file, e);
        }
    }

    /** True when the first line is a JSON object by itself, as in JSON Lines, or too long to tell. */
    private static boolean firstLineIsWhole(String start) {
        int nl = start.indexOf('\n');
        String line = nl < 0 ? start : start.substring(0, nl);
        if (nl < 0 && start.length() >= SNIFF / 4) return true;
        try {
            return Json.MAPPER.readTree(line).isObject();
        } catch (JacksonException e) {
            return false;
        }
    }
}
