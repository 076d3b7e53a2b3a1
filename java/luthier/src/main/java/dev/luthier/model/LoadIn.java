package dev.luthier.model;

import dev.luthier.engine.DType;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * What the projections of the base model are held in. Embedding, head, norms and biases are never quantized here; what a GGUF file holds in blocks
 * stays as it is in 4bit and is expanded in the others.
 */
public enum LoadIn {
    /** NF4 with double quantization (QLoRA, arXiv 2305.14314). */
    BIT4("4bit"),
    /** NF4, but 8 bits where NF4's error is worst, within a tenth more bytes ({@link DynamicTypes}). */
    BIT4_DYNAMIC("4bit-dynamic"),
    /** The checkpoint's own 16-bit type; BF16 where it holds F32. */
    BIT16("16bit"),
    /** F32. */
    BIT32("32bit");

    private final String label;

    LoadIn(String label) {
        this.label = label;
    }

    /** "4bit": as the command line says it. */
    @Override
    public String toString() {
        return label;
    }

    public static LoadIn of(String label) {
        return Arrays.stream(values()).filter(v -> v.label.equals(label)).findFirst().orElseThrow(() -> new IllegalArgumentException(
                "\"" + label + "\" is none of " + Arrays.stream(values()).map(LoadIn::toString).collect(Collectors.joining(", "))));
    }

    boolean fourBit() {
        return this == BIT4 || this == BIT4_DYNAMIC;
    }

    /** Type of a projection whose checkpoint holds {@code source}. */
    DType projection(DType source) {
        return fourBit() && source.dense() ? DType.NF4 : table(source, true);
    }

    /** Type of the embedding or the head. */
    DType table(DType source) {
        return table(source, this == BIT16);
    }

    private DType table(DType source, boolean narrow) {
        if (this == BIT32) return DType.F32;
        if (!source.dense()) return fourBit() ? source : DType.BF16; // a GGUF file's blocks are 4 to 8 bits already
        return source == DType.F32 && narrow ? DType.BF16 : source;
    }
}
