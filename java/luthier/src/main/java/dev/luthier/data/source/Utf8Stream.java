package dev.luthier.data.source;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Text in any encoding as a stream of UTF-8 bytes; reading fails on bytes that the encoding does not have. */
final class Utf8Stream extends InputStream {
    private final Reader in;
    private final CharsetEncoder encoder = StandardCharsets.UTF_8.newEncoder()
            .onMalformedInput(CodingErrorAction.REPORT);
    private final CharBuffer chars = CharBuffer.allocate(8192).limit(0);
    private final ByteBuffer bytes = ByteBuffer.allocate(3 * 8192).limit(0);
    private boolean ended;

    Utf8Stream(InputStream in, Charset charset) {
        this.in = new InputStreamReader(in, charset.newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT));
    }

    @Override
    public int read() throws IOException {
        return refill() ? bytes.get() & 0xFF : -1;
    }

    @Override
    public int read(byte[] b, int off, int len) throws IOException {
        if (len == 0) return 0;
        if (!refill()) return -1;
        int n = Math.min(len, bytes.remaining());
        bytes.get(b, off, n);
        return n;
    }

    private boolean refill() throws IOException {
        while (!bytes.hasRemaining()) {
            if (ended) return false;
            chars.compact();
            ended = in.read(chars) < 0;
            chars.flip();
            bytes.clear();
            CoderResult r = encoder.encode(chars, bytes, ended);
            if (r.isError()) r.throwException();
            bytes.flip();
        }
        return true;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
