package dev.luthier.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FloatsTest {

    /** The value of a small float by its definition: (-1)^s 2^e (1 + m / 2^bits), subnormals, infinities. */
    private static double value(int code, int exponentBits, int mantissaBits) {
        int bias = (1 << exponentBits - 1) - 1;
        int exponent = code >> mantissaBits & (1 << exponentBits) - 1;
        double mantissa = (code & (1 << mantissaBits) - 1) / (double) (1 << mantissaBits);
        double sign = (code >> exponentBits + mantissaBits & 1) == 0 ? 1 : -1;
        if (exponent == (1 << exponentBits) - 1) {
            return mantissa == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
        }
        return sign * (exponent == 0 ? Math.scalb(mantissa, 1 - bias) : Math.scalb(1 + mantissa, exponent - bias));
    }

    @Test
    void everySixteenBitCodeDecodesToItsValueAndBack() {
        short[] codes = new short[65536];
        for (int i = 0; i < codes.length; i++) {
            codes[i] = (short) i;
        }
        for (DType type : new DType[] {DType.F16, DType.BF16}) {
            int exponentBits = type == DType.F16 ? 5 : 8;
            float[] values = new float[codes.length];
            Floats.decode(type, MemorySegment.ofArray(codes), 0, values, 0, codes.length);
            short[] back = new short[codes.length];
            Floats.encode(type, values, 0, values.length, MemorySegment.ofArray(back), 0);
            for (int i = 0; i < codes.length; i++) {
                double wanted = value(i, exponentBits, 15 - exponentBits);
                assertEquals(wanted, values[i], 0, type + " " + i);
                assertEquals(Math.copySign(1, wanted), Double.isNaN(wanted) ? Math.copySign(1, wanted) : Math.copySign(1, values[i]));
                if (Double.isNaN(wanted)) {
                    assertTrue(Double.isNaN(value(back[i] & 0xFFFF, exponentBits, 15 - exponentBits)), type + " " + i);
                } else {
                    assertEquals(codes[i], back[i], type + " " + i);
                }
            }
        }
    }

    /** Each pair of neighbouring codes with what lies between them: nearest wins, a tie goes to the even code. */
    @Test
    void encodingRoundsToNearestEven() {
        for (DType type : new DType[] {DType.F16, DType.BF16}) {
            int exponentBits = type == DType.F16 ? 5 : 8;
            int mantissaBits = 15 - exponentBits;
            int infinity = (1 << exponentBits) - 1 << mantissaBits;
            for (int code = 0; code < infinity; code++) {
                double low = value(code, exponentBits, mantissaBits);
                double high = code + 1 == infinity ? Math.scalb(1.0, 1 << exponentBits - 1) : value(code + 1, exponentBits, mantissaBits);
                float middle = (float) ((low + high) / 2);
                float[] x = {(float) low, Math.nextDown(middle), middle, Math.nextUp(middle), -middle};
                int even = code % 2 == 0 ? code : code + 1;
                int[] wanted = {code, code, even, code + 1, even | 0x8000};
                if (middle != (low + high) / 2) {
                    throw new AssertionError("no exact middle at " + code);
                }
                short[] got = new short[x.length];
                Floats.encode(type, x, 0, x.length, MemorySegment.ofArray(got), 0);
                for (int i = 0; i < x.length; i++) {
                    assertEquals((short) wanted[i], got[i], type + " of " + x[i]);
                }
            }
        }
    }

    @Test
    void extremes() {
        float[] x = {Float.MAX_VALUE, -Float.MAX_VALUE, Float.MIN_VALUE, -0f, Float.POSITIVE_INFINITY, Float.NaN,
            Float.intBitsToFloat(0x7F800001), Float.intBitsToFloat(0xFFFFFFFF)};
        for (int i = 0; i < x.length; i++) {
            short b = Floats.toBf16(x[i]);
            float back = Floats.fromBf16(b);
            assertEquals(Float.isNaN(x[i]), Float.isNaN(back));
            if (!Float.isNaN(x[i])) {
                assertEquals(Math.abs(x[i]) == Float.MAX_VALUE ? x[i] * 2 : x[i] * 0 == 0 && Math.abs(x[i]) < 1 ? x[i] * 0 : x[i], back);
            }
        }
    }

    @Test
    void integersAndBooleans() {
        assertDecodes(DType.I8, MemorySegment.ofArray(new byte[] {-128, 127, 0}), -128, 127, 0);
        assertDecodes(DType.U8, MemorySegment.ofArray(new byte[] {-128, 127, 0}), 128, 127, 0);
        assertDecodes(DType.BOOL, MemorySegment.ofArray(new byte[] {0, 1, 2}), 0, 1, 1);
        assertDecodes(DType.I16, MemorySegment.ofArray(new short[] {-32768, 5}), -32768, 5);
        assertDecodes(DType.U16, MemorySegment.ofArray(new short[] {-32768, 5}), 32768, 5);
        assertDecodes(DType.I32, MemorySegment.ofArray(new int[] {Integer.MIN_VALUE, 5}), -0x1p31f, 5);
        assertDecodes(DType.U32, MemorySegment.ofArray(new int[] {Integer.MIN_VALUE, -1}), 0x1p31f, 0x1p32f);
        assertDecodes(DType.I64, MemorySegment.ofArray(new long[] {Long.MIN_VALUE, 5}), -0x1p63f, 5);
        assertDecodes(DType.U64, MemorySegment.ofArray(new long[] {Long.MIN_VALUE, -1, 5,
            0x8000_0080_0000_0000L, 0x8000_0080_0000_0001L}), 0x1p63f, 0x1p64f, 5, 0x1p63f, 0x1.000002p63f);
        assertDecodes(DType.F64, MemorySegment.ofArray(new double[] {0.1, -1e300}), 0.1f, Float.NEGATIVE_INFINITY);
        assertFalse(Floats.canDecode(DType.C64));
        assertFalse(Floats.canDecode(DType.F8_E4M3));
        assertThrows(IllegalArgumentException.class, () -> Floats.decode(DType.C64, MemorySegment.NULL, 0, new float[0], 0, 0));
        assertThrows(IllegalArgumentException.class, () -> Floats.encode(DType.Q8_0, new float[32], 0, 32, MemorySegment.ofArray(new byte[34]), 0));
    }

    private static void assertDecodes(DType type, MemorySegment source, float... wanted) {
        float[] got = new float[wanted.length];
        Floats.decode(type, source, 0, got, 0, got.length);
        assertArrayEquals(wanted, got, type.toString());
    }

    /** Any start, any length, any byte address. */
    @Test
    void ranges() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int n = 20_001;
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        for (DType type : new DType[] {DType.F32, DType.F16, DType.BF16}) {
            MemorySegment stored = MemorySegment.ofArray(new byte[1 + (int) type.bytes(n)]).asSlice(1);
            Floats.convert(DType.F32, MemorySegment.ofArray(x), type, stored, n);
            int first = random.nextInt(n);
            int count = random.nextInt(n - first + 1);
            float[] got = new float[count + 3];
            Floats.decode(type, stored, first, got, 2, count);
            float ulp = type == DType.F32 ? 0 : type == DType.F16 ? 0x1p-11f : 0x1p-8f;
            for (int i = 0; i < count; i++) {
                assertEquals(x[first + i], got[2 + i], Math.abs(x[first + i]) * ulp + 0x1p-25, type + " seed " + seed);
            }
            assertEquals(0, got[1]);
            assertEquals(0, got[count + 2]);
            MemorySegment copy = MemorySegment.ofArray(new byte[(int) type.bytes(n)]);
            Floats.convert(type, stored, type, copy, n);
            assertEquals(-1, stored.mismatch(copy));
        }
        assertThrows(IndexOutOfBoundsException.class, () -> Floats.decode(DType.F16, MemorySegment.ofArray(new byte[10]), 3, new float[9], 0, 3));
    }
}
