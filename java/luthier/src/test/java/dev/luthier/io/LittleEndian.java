package dev.luthier.io;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Builds files byte by byte, right or wrong. */
final class LittleEndian {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    LittleEndian int32(int x) {
        out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(x).array());
        return this;
    }

    LittleEndian int64(long x) {
        out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(x).array());
        return this;
    }

    LittleEndian raw(String latin) {
        return raw(latin.getBytes(StandardCharsets.ISO_8859_1));
    }

    LittleEndian raw(byte... bytes) {
        out.writeBytes(bytes);
        return this;
    }

    /** A 64-bit length and the bytes of a string. */
    LittleEndian string(String s) {
        return int64(s.length()).raw(s);
    }

    LittleEndian padTo(int alignment) {
        while (out.size() % alignment != 0) {
            out.write(0);
        }
        return this;
    }

    byte[] bytes() {
        return out.toByteArray();
    }

    /** A safetensors file: the length of the header, the header, so many bytes of data. */
    static byte[] safetensors(String header, int dataBytes) {
        byte[] utf8 = header.getBytes(StandardCharsets.UTF_8);
        return new LittleEndian().int64(utf8.length).raw(utf8).raw(new byte[dataBytes]).bytes();
    }
}
