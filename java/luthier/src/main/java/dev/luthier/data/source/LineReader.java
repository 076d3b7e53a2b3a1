package dev.luthier.data.source;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.CharBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Lines of a text file with strict decoding: a line that is too long or not valid text is an error of that line alone.
 * Lines end with LF or CRLF. Files in another encoding than UTF-8 are re-encoded on the way in, so that one
 * line splitter works on bytes.
 */
final class LineReader implements AutoCloseable {
    private final Path file;
    private final int maxBytes;
    private final InputStream in;
    private final byte[] chunk = new byte[Inputs.BUFFER];
    private int at;
    private int end;
    private byte[] line = new byte[1024];
    private int length;
    private long number;

    LineReader(Path file, Charset charset, int maxBytes) {
        this.file = file;
        this.maxBytes = maxBytes;
        BufferedInputStream bytes = Inputs.bytes(file);
        try {
            Charset marked = Inputs.skipMark(bytes);
            Charset used = charset != null ? charset : marked != null ? marked : StandardCharsets.UTF_8;
            this.in = used.equals(StandardCharsets.UTF_8) ? bytes : new Utf8Stream(bytes, used);
        } catch (IOException e) {
            Inputs.closeQuietly(bytes);
            throw Inputs.failed(file, e);
        }
    }

    /** 1-based number of the line last read. */
    long number() {
        return number;
    }

    Origin origin() {
        return Origin.line(file, number);
    }

    /** The next line without its end, or null after the last. */
    String next() {
        if (!fill()) return null;
        number++;
        length = 0;
        boolean tooLong = false;
        try {
            while (fill()) {
                int nl = indexOfNewline();
                int stop = nl < 0 ? end : nl;
                int n = stop - at;
                if (n > maxBytes - length) {
                    tooLong = true;
                } else if (!tooLong) {
                    append(n);
                }
                at = nl < 0 ? end : nl + 1;
                if (nl >= 0) break;
            }
        } finally {
            // A single huge line must not keep its buffer for the rest of the file.
            if (tooLong) line = new byte[1024];
        }
        if (tooLong) {
            throw DataException.row(origin(), "is longer than " + maxBytes
                    + " bytes; split the record or raise --max-row-bytes (is every record on its own line?)");
        }
        if (length > 0 && line[length - 1] == '\r') length--;
        return decode();
    }

    private String decode() {
        String s = new String(line, 0, length, StandardCharsets.UTF_8);
        if (s.indexOf('\uFFFD') >= 0) checkStrictly();
        return s;
    }

    /** The fast decoder replaces what it cannot read: a replacement character is either in the file or an error. */
    private void checkStrictly() {
        ByteBuffer bytes = ByteBuffer.wrap(line, 0, length);
        CharBuffer chars = CharBuffer.allocate(length);
        CoderResult r = StandardCharsets.UTF_8.newDecoder().decode(bytes, chars, true);
        if (r.isError()) {
            throw DataException.row(origin(), String.format("byte %d (0x%02X) is not valid UTF-8; save the file as"
                    + " UTF-8 or name its encoding with --encoding (for example gb18030)",
                    bytes.position() + 1, bytes.get(bytes.position())));
        }
    }

    private boolean fill() {
        if (at < end) return true;
        try {
            end = in.read(chunk, 0, chunk.length);
            at = 0;
            if (end <= 0) {
                end = 0;
                return false;
            }
            return true;
        } catch (CharacterCodingException e) {
            throw DataException.of(file + " after line " + number + " " + Inputs.badText(), e);
        } catch (IOException e) {
            throw Inputs.failed(file, e);
        }
    }

    private int indexOfNewline() {
        for (int i = at; i < end; i++) {
            if (chunk[i] == '\n') return i;
        }
        return -1;
    }

    private void append(int n) {
        if (length + n > line.length) {
            line = Arrays.copyOf(line, (int) Math.min(Math.max(length + n, line.length * 2L), maxBytes));
        }
        System.arraycopy(chunk, at, line, length, n);
        length += n;
    }

    @Override
    public void close() {
        Inputs.closeQuietly(in);
    }
}
