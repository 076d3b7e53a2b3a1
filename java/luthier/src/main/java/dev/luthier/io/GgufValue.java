package dev.luthier.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;

/**
 * A GGUF metadata value with its exact type.
 *
 * @param type    type of the value
 * @param element type of the elements of an array, else null
 * @param value   integers are {@link Long} ({@link BigInteger} above 2^63-1), floats {@link Float}
 *                or {@link Double}, booleans {@link Boolean}, strings {@link String} (byte[] where
 *                the bytes are not UTF-8), arrays a {@link List} of these, and an array of arrays a
 *                list of GgufValue
 */
public record GgufValue(GgufType type, GgufType element, Object value) {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    public GgufValue {
        Objects.requireNonNull(type);
        Objects.requireNonNull(value);
        if ((type == GgufType.ARRAY) != (element != null)) {
            throw new IllegalArgumentException("an element type belongs to arrays and to nothing else");
        }
    }

    public static GgufValue string(String value) {
        return new GgufValue(GgufType.STRING, null, value);
    }

    public static GgufValue bool(boolean value) {
        return new GgufValue(GgufType.BOOL, null, value);
    }

    public static GgufValue float32(float value) {
        return new GgufValue(GgufType.FLOAT32, null, value);
    }

    /** @throws IllegalArgumentException where the value is not in [0, 2^32) */
    public static GgufValue uint32(long value) {
        if (value >>> 32 != 0) {
            throw new IllegalArgumentException(value + " is not an unsigned 32-bit number");
        }
        return new GgufValue(GgufType.UINT32, null, value);
    }

    public static GgufValue int32(int value) {
        return new GgufValue(GgufType.INT32, null, (long) value);
    }

    /** @throws IllegalArgumentException where the value is negative */
    public static GgufValue uint64(long value) {
        if (value < 0) {
            throw new IllegalArgumentException(value + " is negative");
        }
        return new GgufValue(GgufType.UINT64, null, value);
    }

    public static GgufValue strings(List<String> values) {
        return new GgufValue(GgufType.ARRAY, GgufType.STRING, List.copyOf(values));
    }

    public static GgufValue int32s(int... values) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(4, values.length)).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(values);
        return new GgufValue(GgufType.ARRAY, GgufType.INT32, new Packed(GgufType.INT32, bytes.array()));
    }

    public static GgufValue float32s(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(4, values.length)).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return new GgufValue(GgufType.ARRAY, GgufType.FLOAT32, new Packed(GgufType.FLOAT32, bytes.array()));
    }

    /** The value without its types: as {@link #value}, with nested arrays as lists of lists. */
    public Object plain() {
        return element == GgufType.ARRAY
                ? ((List<?>) value).stream().map(v -> ((GgufValue) v).plain()).toList() : value;
    }

    /** A string or, where the bytes are not UTF-8, the bytes. */
    static Object text(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        return text.indexOf('\uFFFD') >= 0 && !Arrays.equals(text.getBytes(StandardCharsets.UTF_8), bytes)
                ? bytes : text;
    }

    /** The value of a fixed-size type at a byte of little-endian data. */
    static Object scalar(GgufType type, MemorySegment s, long at) {
        return switch (type) {
            case UINT8 -> (long) (s.get(ValueLayout.JAVA_BYTE, at) & 0xFF);
            case INT8 -> (long) s.get(ValueLayout.JAVA_BYTE, at);
            case UINT16 -> (long) (s.get(SHORT, at) & 0xFFFF);
            case INT16 -> (long) s.get(SHORT, at);
            case UINT32 -> s.get(INT, at) & 0xFFFF_FFFFL;
            case INT32 -> (long) s.get(INT, at);
            case UINT64 -> unsigned(s.get(LONG, at));
            case INT64 -> s.get(LONG, at);
            case FLOAT32 -> Float.intBitsToFloat(s.get(INT, at));
            case FLOAT64 -> Double.longBitsToDouble(s.get(LONG, at));
            case BOOL -> s.get(ValueLayout.JAVA_BYTE, at) != 0;
            case STRING, ARRAY -> throw new IllegalArgumentException(type + " has no fixed size");
        };
    }

    private static Object unsigned(long x) {
        if (x >= 0) {
            return x;
        }
        return new BigInteger(Long.toUnsignedString(x));
    }

    /** An array of a fixed-size type, kept as its bytes in the file. */
    static final class Packed extends AbstractList<Object> implements RandomAccess {
        private final GgufType type;
        private final byte[] bytes;

        Packed(GgufType type, byte[] bytes) {
            this.type = type;
            this.bytes = bytes;
        }

        byte[] bytes() {
            return bytes;
        }

        @Override
        public Object get(int index) {
            Objects.checkIndex(index, size());
            return scalar(type, MemorySegment.ofArray(bytes), (long) index * type.bytes());
        }

        @Override
        public int size() {
            return bytes.length / type.bytes();
        }
    }
}
