package dev.luthier.engine;

/**
 * Element and block types of tensors and matrices. Codes are those of luthier.h. A block type stores {@link #blockSize()} consecutive
 * elements of a row in {@link #blockBytes()} bytes (layouts: GGUF, ggml-common.h); NF4 stores its nibbles apart from its block scales.
 */
public enum DType {
    F32(1, 4), F16(1, 2), BF16(1, 2), I32(1, 4), U8(1, 1),
    /** bitsandbytes NF4, blocks of 64 along the flattened matrix; scales live in separate buffers. */
    NF4(2, 1),
    Q4_0(32, 18), Q4_1(32, 20), Q5_0(32, 22), Q5_1(32, 24), Q8_0(32, 34),
    Q2_K(256, 84), Q3_K(256, 110), Q4_K(256, 144), Q5_K(256, 176), Q6_K(256, 210);

    private static final DType[] ALL = values();
    private final int blockSize;
    private final int blockBytes;

    DType(int blockSize, int blockBytes) {
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
    }

    /** The code in luthier.h. */
    public int code() {
        return ordinal();
    }

    public static DType of(int code) {
        if (code < 0 || code >= ALL.length) throw new IllegalArgumentException("no dtype has the code " + code);
        return ALL[code];
    }

    public int blockSize() {
        return blockSize;
    }

    public int blockBytes() {
        return blockBytes;
    }

    /** True for F32, F16, BF16, I32, U8: one element, one slot. */
    public boolean dense() {
        return blockSize == 1;
    }

    public boolean floating() {
        return this == F32 || this == F16 || this == BF16;
    }

    /** Bytes of {@code rows} rows of {@code cols} elements. NF4 counts the nibbles alone. */
    public long bytes(long rows, long cols) {
        if (this == NF4) return Math.ceilDiv(Math.multiplyExact(rows, cols), 2);
        if (cols % blockSize != 0) throw new IllegalArgumentException(cols + " columns are no multiple of " + this + "'s block of " + blockSize);
        return Math.multiplyExact(Math.multiplyExact(rows, cols / blockSize), blockBytes);
    }
}
