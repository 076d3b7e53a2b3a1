package dev.luthier.io;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Name, element type and shape of a tensor. The shape is row-major, outermost first: a linear
 * layer's weight is [out, in] whatever file it comes from (GGUF stores the reverse).
 */
public record TensorInfo(String name, DType dtype, List<Long> shape) {

    /** @throws IllegalArgumentException where the shape does not fit the type or overflows */
    public TensorInfo {
        Objects.requireNonNull(name);
        shape = List.copyOf(shape);
        try {
            dtype.bytes(product(shape));
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("tensor " + name + " " + dtype + shape + ": " + e.getMessage(), e);
        }
    }

    public static TensorInfo of(String name, DType dtype, long... shape) {
        return new TensorInfo(name, dtype, Arrays.stream(shape).boxed().toList());
    }

    /** The product of a shape's dimensions, 1 for none. */
    static long product(List<Long> shape) {
        long product = 1;
        for (long d : shape) {
            if (d < 0) {
                throw new ArithmeticException("dimension " + d + " is negative");
            }
            product = Math.multiplyExact(product, d);
        }
        return product;
    }

    public int rank() {
        return shape.size();
    }

    /** Size of dimension {@code i}; negative {@code i} counts from the innermost, -1. */
    public long dim(int i) {
        return shape.get(i < 0 ? shape.size() + i : i);
    }

    public long elements() {
        return product(shape);
    }

    public long bytes() {
        return dtype.bytes(elements());
    }

    /** The same shape in another type. */
    public TensorInfo as(DType other) {
        return new TensorInfo(name, other, shape);
    }

    /** The same tensor under another name. */
    public TensorInfo named(String other) {
        return new TensorInfo(other, dtype, shape);
    }
}
