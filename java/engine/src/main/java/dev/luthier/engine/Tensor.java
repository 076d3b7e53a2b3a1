package dev.luthier.engine;

import java.util.Objects;

/**
 * A two-dimensional view of device memory, row-major. A plain value: it owns nothing, and becomes useless when the memory it names is
 * freed (the engine then answers {@link Status#INVALID}).
 *
 * @param address device address of element (0, 0)
 * @param rows    number of rows
 * @param cols    elements of a row
 * @param stride  elements between the starts of two rows, at least cols
 * @param dtype   F32, F16, BF16, I32 or U8
 */
public record Tensor(long address, long rows, long cols, long stride, DType dtype) {
    public Tensor {
        Objects.requireNonNull(dtype);
        if (!dtype.dense()) throw new IllegalArgumentException("a tensor cannot be " + dtype + "; that is a Matrix");
        if (rows < 0 || cols < 0 || stride < cols)
            throw new IllegalArgumentException("bad tensor shape [" + rows + ", " + cols + "], stride " + stride);
    }

    public static Tensor of(long address, long rows, long cols, DType dtype) {
        return new Tensor(address, rows, cols, cols, dtype);
    }

    /** Rows [from, from + count). */
    public Tensor rows(long from, long count) {
        Objects.checkFromIndexSize(from, count, rows);
        return new Tensor(address + from * stride * dtype.blockBytes(), count, cols, stride, dtype);
    }

    /** Columns [from, from + count) of every row. */
    public Tensor cols(long from, long count) {
        Objects.checkFromIndexSize(from, count, cols);
        return new Tensor(address + from * dtype.blockBytes(), rows, count, stride, dtype);
    }

    /** The same memory as [rows', cols'] with the same number of elements; only for contiguous tensors. */
    public Tensor reshape(long newRows, long newCols) {
        if (!contiguous()) throw new IllegalStateException("a strided tensor cannot be reshaped: " + this);
        if (newRows * newCols != rows * cols)
            throw new IllegalArgumentException("[" + rows + ", " + cols + "] has not as many elements as [" + newRows + ", " + newCols + "]");
        return new Tensor(address, newRows, newCols, newCols, dtype);
    }

    public boolean contiguous() {
        return stride == cols || rows <= 1;
    }

    public long elements() {
        return rows * cols;
    }

    public long bytes() {
        return dtype.bytes(rows, cols);
    }

    @Override
    public String toString() {
        return dtype + "[" + rows + ", " + cols + (contiguous() ? "]" : "; stride " + stride + "]");
    }
}
