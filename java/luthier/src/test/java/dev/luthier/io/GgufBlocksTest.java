package dev.luthier.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GgufBlocksTest {

    /**
     * 64 blocks of bytes from a congruential generator, their half-precision fields kept finite;
     * checksums of the float32 values that llama.cpp's Python package gguf 0.19.0
     * (gguf.quants.dequantize) gives for them, with -0 as 0.
     */
    @ParameterizedTest
    @CsvSource({"Q4_0,7a97de8c,0,-1", "Q4_1,7415aacb,0,2", "Q5_0,179b70ce,0,-1", "Q5_1,412c0015,0,2", "Q8_0,5db6937e,0,-1",
        "Q2_K,bd9f0aea,80,82", "Q3_K,a4701dbc,108,-1", "Q4_K,8dca9cd5,0,2", "Q5_K,057e1548,0,2", "Q6_K,674ef6d9,208,-1"})
    void valuesAreThoseOfTheGgufPackage(DType type, String checksum, int firstHalf, int secondHalf) {
        int blocks = 64;
        byte[] b = new byte[blocks * type.blockBytes()];
        long state = 12345;
        for (int i = 0; i < b.length; i++) {
            state = state * 6364136223846793005L + 1442695040888963407L;
            b[i] = (byte) (state >>> 56);
        }
        for (int k = 0; k < blocks; k++) {
            for (int half : new int[] {firstHalf, secondHalf}) {
                if (half >= 0) {
                    int i = k * type.blockBytes() + half + 1;
                    b[i] = (byte) (b[i] & 0x83 | 0x28);
                }
            }
        }
        float[] y = new float[blocks * type.blockElements()];
        Floats.decode(type, MemorySegment.ofArray(b), 0, y, 0, y.length);
        ByteBuffer bytes = ByteBuffer.allocate(4 * y.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float v : y) {
            bytes.putFloat(v + 0f);
        }
        CRC32 crc = new CRC32();
        crc.update(bytes.array());
        assertEquals(checksum, String.format("%08x", crc.getValue()));

        int first = 17 * type.blockElements();
        float[] part = new float[3 * type.blockElements() + 1];
        Floats.decode(type, MemorySegment.ofArray(b), first, part, 1, part.length - 1);
        assertArrayEquals(Arrays.copyOfRange(y, first, first + part.length - 1), Arrays.copyOfRange(part, 1, part.length));
        assertThrows(ArithmeticException.class, () -> Floats.decode(type, MemorySegment.ofArray(b), 1, part, 0, 32));
    }

    @Test
    void moreThanAPieceAtATime() {
        int n = 8192 * 2 + 32;
        byte[] b = new byte[(int) DType.Q8_0.bytes(n)];
        float[] wanted = new float[n];
        for (int i = 0; i < n; i++) {
            int o = i / 32 * 34;
            b[o + 1] = 0x3C;
            b[o + 2 + i % 32] = (byte) (i % 251);
            wanted[i] = (byte) (i % 251);
        }
        float[] y = new float[n];
        Floats.decode(DType.Q8_0, MemorySegment.ofArray(b), 0, y, 0, n);
        assertArrayEquals(wanted, y);
        float[] viaConvert = new float[n];
        Floats.convert(DType.Q8_0, MemorySegment.ofArray(b), DType.F32, MemorySegment.ofArray(viaConvert), n);
        assertArrayEquals(wanted, viaConvert);
    }

    @Test
    void blockSizesAreThoseOfTheFieldsTheyHold() {
        assertEquals(2 + 16, DType.Q4_0.bytes(32));
        assertEquals(2 + 2 + 12 + 128, DType.Q4_K.bytes(256));
        assertEquals(2 * (128 + 64 + 16 + 2), DType.Q6_K.bytes(512));
        assertEquals(4 + 256 + 32, DType.Q8_K.bytes(256));
        assertThrows(ArithmeticException.class, () -> DType.Q8_0.bytes(33));
        assertThrows(ArithmeticException.class, () -> DType.F64.bytes(1L << 60));
        assertThrows(IllegalStateException.class, DType.U8::ggml);
    }
}
