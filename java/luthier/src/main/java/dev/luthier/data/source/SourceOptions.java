package dev.luthier.data.source;

import java.nio.charset.Charset;

/**
 * How files are read.
 *
 * @param format      null: by the file's ending and first bytes
 * @param charset     null: UTF-8, or UTF-16 where a byte order mark says so
 * @param maxRowBytes a longer row is an error; bounds the memory a damaged or hostile file can take
 * @param element     XML: name of the element that is a record; null: the first child of the root
 * @param textUnit    plain text: what becomes a record
 * @param delimiter   CSV: null: found in the header line
 */
public record SourceOptions(
        Format format, Charset charset, int maxRowBytes, String element, TextUnit textUnit, Character delimiter) {
    /** What a record of a plain text file is. */
    public enum TextUnit {
        LINE,
        /** Lines up to an empty one. */
        PARAGRAPH,
        FILE
    }

    public static final SourceOptions DEFAULT =
            new SourceOptions(null, null, 64 << 20, null, TextUnit.PARAGRAPH, null);

    public SourceOptions withFormat(Format f) {
        return new SourceOptions(f, charset, maxRowBytes, element, textUnit, delimiter);
    }

    public SourceOptions withCharset(Charset c) {
        return new SourceOptions(format, c, maxRowBytes, element, textUnit, delimiter);
    }

    public SourceOptions withMaxRowBytes(int n) {
        return new SourceOptions(format, charset, n, element, textUnit, delimiter);
    }

    public SourceOptions withElement(String e) {
        return new SourceOptions(format, charset, maxRowBytes, e, textUnit, delimiter);
    }

    public SourceOptions withTextUnit(TextUnit u) {
        return new SourceOptions(format, charset, maxRowBytes, element, u, delimiter);
    }

    public SourceOptions withDelimiter(Character d) {
        return new SourceOptions(format, charset, maxRowBytes, element, textUnit, d);
    }
}
