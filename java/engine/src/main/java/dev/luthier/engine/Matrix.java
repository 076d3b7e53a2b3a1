package dev.luthier.engine;

/**
 * A frozen weight matrix [rows = out features, cols = in features] in device memory, dense or quantized; {@code lt_matrix} in luthier.h.
 * A plain value, owning nothing.
 *
 * @param data         dense elements, GGUF blocks, or NF4 nibbles
 * @param absmax       NF4: block scales, U8 codes with double quantization, else F32; 0 otherwise
 * @param nestedAbsmax NF4 with double quantization: F32 per 256 blocks; 0 otherwise
 * @param nestedOffset NF4 with double quantization: mean of the block scales
 */
public record Matrix(long data, long absmax, long nestedAbsmax, long rows, long cols, DType type, float nestedOffset) {
    public static final int NF4_BLOCK = 64;
    public static final int NF4_NESTED_BLOCK = 256;

    /** A dense or GGUF-block matrix. */
    public static Matrix of(long data, long rows, long cols, DType type) {
        if (type == DType.NF4) throw new IllegalArgumentException("an NF4 matrix needs its scales");
        return new Matrix(data, 0, 0, rows, cols, type, 0);
    }

    /** Number of NF4 blocks of a rows x cols matrix. */
    public static long nf4Blocks(long rows, long cols) {
        return Math.ceilDiv(Math.multiplyExact(rows, cols), NF4_BLOCK);
    }

    public static long nf4NestedBlocks(long rows, long cols) {
        return Math.ceilDiv(nf4Blocks(rows, cols), NF4_NESTED_BLOCK);
    }

    public Matrix withNestedOffset(float offset) {
        return new Matrix(data, absmax, nestedAbsmax, rows, cols, type, offset);
    }

    @Override
    public String toString() {
        return type + "[" + rows + ", " + cols + "]";
    }
}
