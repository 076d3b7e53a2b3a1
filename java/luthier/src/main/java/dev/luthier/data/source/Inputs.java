package dev.luthier.data.source;

import dev.luthier.data.DataException;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** Opening a file: gzip by its magic bytes, byte order marks, encodings; and what an I/O error means to the user. */
final class Inputs {
    static final int BUFFER = 1 << 16;

    private Inputs() {}

    /** The file's bytes, unpacked when they are gzip. */
    static BufferedInputStream bytes(Path file) {
        InputStream raw = null;
        try {
            if (Files.isDirectory(file)) {
                throw DataException.of(file + " is a folder; name the data files in it, for example '" + file
                        + "/*.jsonl'");
            }
            raw = Files.newInputStream(file);
            BufferedInputStream in = new BufferedInputStream(raw, BUFFER);
            in.mark(2);
            boolean gzip = in.read() == 0x1f && in.read() == 0x8b;
            in.reset();
            return gzip ? new BufferedInputStream(new GZIPInputStream(in, BUFFER), BUFFER) : in;
        } catch (IOException e) {
            closeQuietly(raw);
            throw failed(file, e);
        }
    }

    /** The file's text; a byte order mark is taken away and, without a named charset, obeyed. */
    static Reader text(Path file, Charset charset) {
        BufferedInputStream in = bytes(file);
        try {
            Charset marked = skipMark(in);
            Charset used = charset != null ? charset : marked != null ? marked : StandardCharsets.UTF_8;
            return new InputStreamReader(in, used.newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT));
        } catch (IOException e) {
            closeQuietly(in);
            throw failed(file, e);
        }
    }

    /** Steps over a byte order mark; returns the charset it stands for, or null. */
    static Charset skipMark(BufferedInputStream in) throws IOException {
        in.mark(3);
        int a = in.read(), b = in.read();
        if (a == 0xFE && b == 0xFF) return StandardCharsets.UTF_16BE;
        if (a == 0xFF && b == 0xFE) return StandardCharsets.UTF_16LE;
        if (a == 0xEF && b == 0xBB && in.read() == 0xBF) return StandardCharsets.UTF_8;
        in.reset();
        return null;
    }

    /** The sentence for an I/O error on a data file. */
    static DataException failed(Path file, IOException e) {
        return switch (e) {
            case NoSuchFileException x ->
                DataException.of(file + " does not exist; check the path given to --data", e);
            case AccessDeniedException x -> DataException.of(file + " cannot be read: permission denied", e);
            case CharacterCodingException x -> DataException.of(file + " " + badText(), e);
            case ZipException x -> damaged(file, e);
            case EOFException x -> damaged(file, e);
            default -> DataException.of(file + " cannot be read: " + e.getMessage(), e);
        };
    }

    /** What to do about bytes that are not text in the expected encoding. */
    static String badText() {
        return "holds bytes that are not valid in its encoding; save the file as UTF-8 or name its encoding with"
                + " --encoding (for example gb18030)";
    }

    private static DataException damaged(Path file, IOException e) {
        return DataException.of(file + " is a damaged or cut gzip file (" + e.getMessage() + "); fetch it again", e);
    }

    static void closeQuietly(AutoCloseable c) {
        if (c == null) return;
        try {
            c.close();
        } catch (Exception e) {
            // Only reading was done: nothing is lost when closing fails.
        }
    }
}
