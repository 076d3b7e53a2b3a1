package dev.luthier.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;

/**
 * Conversions between stored elements and floats, little-endian. Narrowing rounds to nearest, ties
 * to even, keeps subnormals and infinities, and gives a quiet NaN for a NaN.
 */
public final class Floats {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** Elements converted at a time: a multiple of every block, small enough for the cache. */
    private static final int PIECE = 8192;

    /** Reads {@code count} elements from byte {@code from} of {@code source}. */
    private interface Decoder {
        void decode(MemorySegment source, long from, float[] target, int at, int count);
    }

    /** Writes {@code count} floats from byte {@code to} of {@code target}. */
    private interface Encoder {
        void encode(float[] source, int at, int count, MemorySegment target, long to);
    }

    private static final Map<DType, Decoder> DECODERS = new EnumMap<>(DType.class);
    private static final Map<DType, Encoder> ENCODERS = new EnumMap<>(DType.class);

    static {
        DECODERS.put(DType.F32, (s, from, y, at, n) -> MemorySegment.copy(s, FLOAT, from, y, at, n));
        DECODERS.put(DType.F16, Floats::decodeF16);
        DECODERS.put(DType.BF16, Floats::decodeBf16);
        DECODERS.put(DType.F64, each(8, (s, o) -> (float) s.get(DOUBLE, o)));
        DECODERS.put(DType.BOOL, each(1, (s, o) -> s.get(ValueLayout.JAVA_BYTE, o) == 0 ? 0 : 1));
        DECODERS.put(DType.I8, each(1, (s, o) -> s.get(ValueLayout.JAVA_BYTE, o)));
        DECODERS.put(DType.U8, each(1, (s, o) -> s.get(ValueLayout.JAVA_BYTE, o) & 0xFF));
        DECODERS.put(DType.I16, each(2, (s, o) -> s.get(SHORT, o)));
        DECODERS.put(DType.U16, each(2, (s, o) -> s.get(SHORT, o) & 0xFFFF));
        DECODERS.put(DType.I32, each(4, (s, o) -> s.get(INT, o)));
        DECODERS.put(DType.U32, each(4, (s, o) -> s.get(INT, o) & 0xFFFF_FFFFL));
        DECODERS.put(DType.I64, each(8, (s, o) -> s.get(LONG, o)));
        DECODERS.put(DType.U64, each(8, (s, o) -> unsigned(s.get(LONG, o))));
        for (DType type : GgufBlocks.types()) {
            DECODERS.put(type, (s, from, y, at, n) -> decodeBlocks(type, s, from, y, at, n));
        }
        ENCODERS.put(DType.F32, (x, at, n, t, to) -> MemorySegment.copy(x, at, t, FLOAT, to, n));
        ENCODERS.put(DType.F16, Floats::encodeF16);
        ENCODERS.put(DType.BF16, Floats::encodeBf16);
    }

    private Floats() {
    }

    /** Whether {@link #decode} knows the type: the plain types up to 64 bits and GGUF's Q4_0 to Q6_K. */
    public static boolean canDecode(DType type) {
        return DECODERS.containsKey(type);
    }

    /** Whether {@link #encode} knows the type: F32, F16, BF16. */
    public static boolean canEncode(DType type) {
        return ENCODERS.containsKey(type);
    }

    /** The error for a tensor whose type cannot be read as floats. */
    static FormatException undecodable(Path file, TensorInfo info) {
        return new FormatException(file, "tensor " + FormatException.quote(info.name()), "type " + info.dtype(),
                "one of " + DECODERS.keySet(), "use a checkpoint in F32, F16 or BF16, or a GGUF in a type from Q4_0 to Q6_K");
    }

    /**
     * Reads elements {@code first} to {@code first + count} of a tensor into
     * {@code target[at..at+count)}. Quantized types take whole blocks only.
     */
    public static void decode(DType type, MemorySegment source, long first, float[] target, int at, int count) {
        Decoder decoder = DECODERS.get(type);
        if (decoder == null) {
            throw new IllegalArgumentException(type + " cannot be read as floats");
        }
        decoder.decode(source.asSlice(type.bytes(first), type.bytes(count)), 0, target, at, count);
    }

    /** Writes {@code source[at..at+count)} as elements from {@code first} on. */
    public static void encode(DType type, float[] source, int at, int count, MemorySegment target, long first) {
        Encoder encoder = ENCODERS.get(type);
        if (encoder == null) {
            throw new IllegalArgumentException(type + " cannot be written from floats here");
        }
        encoder.encode(source, at, count, target.asSlice(type.bytes(first), type.bytes(count)), 0);
    }

    /** Converts {@code elements} from one type to another; the same type is copied bit for bit. */
    public static void convert(DType from, MemorySegment source, DType to, MemorySegment target, long elements) {
        if (from == to) {
            MemorySegment.copy(source, 0, target, 0, from.bytes(elements));
            return;
        }
        float[] piece = new float[(int) Math.min(PIECE, elements)];
        for (long done = 0; done < elements; done += piece.length) {
            int n = (int) Math.min(piece.length, elements - done);
            decode(from, source, done, piece, 0, n);
            encode(to, piece, 0, n, target, done);
        }
    }

    /** The bfloat16 nearest to a float. */
    public static short toBf16(float x) {
        int bits = Float.floatToRawIntBits(x);
        int rounded = bits + 0x7FFF + (bits >>> 16 & 1) >>> 16;
        return (short) (x != x ? bits >>> 16 | 0x40 : rounded);
    }

    /** The float a bfloat16 stands for. */
    public static float fromBf16(short x) {
        return Float.intBitsToFloat(x << 16);
    }

    private static void decodeF16(MemorySegment source, long from, float[] target, int at, int count) {
        short[] piece = new short[Math.min(PIECE, count)];
        for (int done = 0; done < count; done += piece.length) {
            int n = Math.min(piece.length, count - done);
            MemorySegment.copy(source, SHORT, from + 2L * done, piece, 0, n);
            for (int i = 0; i < n; i++) {
                target[at + done + i] = Float.float16ToFloat(piece[i]);
            }
        }
    }

    private static void decodeBf16(MemorySegment source, long from, float[] target, int at, int count) {
        short[] piece = new short[Math.min(PIECE, count)];
        for (int done = 0; done < count; done += piece.length) {
            int n = Math.min(piece.length, count - done);
            MemorySegment.copy(source, SHORT, from + 2L * done, piece, 0, n);
            for (int i = 0; i < n; i++) {
                target[at + done + i] = fromBf16(piece[i]);
            }
        }
    }

    private static void encodeF16(float[] source, int at, int count, MemorySegment target, long to) {
        short[] piece = new short[Math.min(PIECE, count)];
        for (int done = 0; done < count; done += piece.length) {
            int n = Math.min(piece.length, count - done);
            for (int i = 0; i < n; i++) {
                piece[i] = Float.floatToFloat16(source[at + done + i]);
            }
            MemorySegment.copy(piece, 0, target, SHORT, to + 2L * done, n);
        }
    }

    private static void encodeBf16(float[] source, int at, int count, MemorySegment target, long to) {
        short[] piece = new short[Math.min(PIECE, count)];
        for (int done = 0; done < count; done += piece.length) {
            int n = Math.min(piece.length, count - done);
            for (int i = 0; i < n; i++) {
                piece[i] = toBf16(source[at + done + i]);
            }
            MemorySegment.copy(piece, 0, target, SHORT, to + 2L * done, n);
        }
    }

    private static void decodeBlocks(DType type, MemorySegment source, long from, float[] target, int at, int count) {
        byte[] piece = new byte[(int) type.bytes(Math.min(PIECE, count))];
        for (int done = 0; done < count; done += PIECE) {
            int n = Math.min(PIECE, count - done);
            int bytes = (int) type.bytes(n);
            MemorySegment.copy(source, ValueLayout.JAVA_BYTE, from + type.bytes(done), piece, 0, bytes);
            GgufBlocks.decode(type, piece, n, target, at + done);
        }
    }

    private interface Element {
        float at(MemorySegment source, long offset);
    }

    private static Decoder each(int size, Element element) {
        return (s, from, y, at, n) -> {
            for (int i = 0; i < n; i++) {
                y[at + i] = element.at(s, from + (long) size * i);
            }
        };
    }

    /** A 64-bit unsigned number, rounded once: the lowest bit is kept sticky when halving. */
    private static float unsigned(long x) {
        return x >= 0 ? x : 2 * (float) (x >>> 1 | x & 1);
    }
}
