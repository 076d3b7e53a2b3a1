package dev.luthier.io;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The element types of safetensors and GGUF files. A type stores {@link #blockElements} consecutive
 * elements in {@link #blockBytes} bytes; plain types have blocks of one element.
 *
 * <p>Sources: the safetensors specification (its types come first here, in its order of increasing
 * alignment, by which its writers sort), and ggml.h / ggml-common.h for the GGUF block layouts.
 */
public enum DType {
    BOOL("BOOL", -1, 1, 1),
    F4("F4", -1, 2, 1),
    F6_E2M3("F6_E2M3", -1, 4, 3),
    F6_E3M2("F6_E3M2", -1, 4, 3),
    U8("U8", -1, 1, 1),
    I8("I8", 24, 1, 1),
    F8_E5M2("F8_E5M2", -1, 1, 1),
    F8_E4M3("F8_E4M3", -1, 1, 1),
    F8_E8M0("F8_E8M0", -1, 1, 1),
    F8_E4M3FNUZ("F8_E4M3FNUZ", -1, 1, 1),
    F8_E5M2FNUZ("F8_E5M2FNUZ", -1, 1, 1),
    I16("I16", 25, 1, 2),
    U16("U16", -1, 1, 2),
    F16("F16", 1, 1, 2),
    BF16("BF16", 30, 1, 2),
    I32("I32", 26, 1, 4),
    U32("U32", -1, 1, 4),
    F32("F32", 0, 1, 4),
    C64("C64", -1, 1, 8),
    F64("F64", 28, 1, 8),
    I64("I64", 27, 1, 8),
    U64("U64", -1, 1, 8),

    Q4_0(null, 2, 32, 18),
    Q4_1(null, 3, 32, 20),
    Q5_0(null, 6, 32, 22),
    Q5_1(null, 7, 32, 24),
    Q8_0(null, 8, 32, 34),
    Q8_1(null, 9, 32, 36),
    Q2_K(null, 10, 256, 84),
    Q3_K(null, 11, 256, 110),
    Q4_K(null, 12, 256, 144),
    Q5_K(null, 13, 256, 176),
    Q6_K(null, 14, 256, 210),
    Q8_K(null, 15, 256, 292),
    IQ2_XXS(null, 16, 256, 66),
    IQ2_XS(null, 17, 256, 74),
    IQ3_XXS(null, 18, 256, 98),
    IQ1_S(null, 19, 256, 50),
    IQ4_NL(null, 20, 32, 18),
    IQ3_S(null, 21, 256, 110),
    IQ2_S(null, 22, 256, 82),
    IQ4_XS(null, 23, 256, 136),
    IQ1_M(null, 29, 256, 56),
    TQ1_0(null, 34, 256, 54),
    TQ2_0(null, 35, 256, 66),
    MXFP4(null, 39, 32, 17),
    NVFP4(null, 40, 64, 36),
    Q1_0(null, 41, 128, 18),
    Q2_0(null, 42, 64, 18);

    /** GGUF numbers that once named a type and no longer do. */
    private static final Map<Integer, String> REMOVED = Map.of(4, "Q4_2", 5, "Q4_3", 31, "Q4_0_4_4", 32, "Q4_0_4_8",
            33, "Q4_0_8_8", 36, "IQ4_NL_4_4", 37, "IQ4_NL_4_8", 38, "IQ4_NL_8_8");
    private static final Map<Integer, DType> BY_GGML = Arrays.stream(values()).filter(t -> t.ggml >= 0)
            .collect(Collectors.toUnmodifiableMap(t -> t.ggml, Function.identity()));
    private static final Map<String, DType> BY_SAFETENSORS = Arrays.stream(values())
            .filter(t -> t.safetensors != null)
            .collect(Collectors.toUnmodifiableMap(t -> t.safetensors, Function.identity()));

    private final String safetensors;
    private final int ggml;
    private final int blockElements;
    private final int blockBytes;

    DType(String safetensors, int ggml, int blockElements, int blockBytes) {
        this.safetensors = safetensors;
        this.ggml = ggml;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    /** The type that safetensors calls so. */
    public static Optional<DType> ofSafetensors(String name) {
        return Optional.ofNullable(BY_SAFETENSORS.get(name));
    }

    /** The type with this number in GGUF. */
    public static Optional<DType> ofGgml(int number) {
        return Optional.ofNullable(BY_GGML.get(number));
    }

    /** The name that a removed GGUF type number had. */
    static Optional<String> removedGgml(int number) {
        return Optional.ofNullable(REMOVED.get(number));
    }

    /** Whether safetensors can hold this type. */
    public boolean inSafetensors() {
        return safetensors != null;
    }

    /** Whether GGUF can hold this type. */
    public boolean inGguf() {
        return ggml >= 0;
    }

    /** The number of this type in GGUF. */
    public int ggml() {
        if (ggml < 0) {
            throw new IllegalStateException(this + " has no number in GGUF");
        }
        return ggml;
    }

    /** Consecutive elements stored together; 1 for plain types. */
    public int blockElements() {
        return blockElements;
    }

    /** Bytes of one block. */
    public int blockBytes() {
        return blockBytes;
    }

    /** Whether elements share scales in blocks of GGUF's quantized kinds. */
    public boolean isQuantized() {
        return safetensors == null;
    }

    /**
     * Bytes of so many elements.
     *
     * @throws ArithmeticException where the count is no multiple of the block or the bytes overflow
     */
    public long bytes(long elements) {
        if (elements < 0 || elements % blockElements != 0) {
            throw new ArithmeticException(elements + " elements of " + this + " do not fill blocks of " + blockElements);
        }
        return Math.multiplyExact(elements / blockElements, blockBytes);
    }
}
