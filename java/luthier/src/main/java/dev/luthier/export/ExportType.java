package dev.luthier.export;

import dev.luthier.io.DType;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a GGUF file is mostly made of: llama.cpp's names and {@code general.file_type} numbers. */
public enum ExportType {
    F32(0, DType.F32), F16(1, DType.F16), BF16(32, DType.BF16), Q8_0(7, DType.Q8_0),
    Q4_0(2, DType.Q4_0), Q4_1(3, DType.Q4_1), Q5_0(8, DType.Q5_0), Q5_1(9, DType.Q5_1),
    Q2_K(10, DType.Q2_K), Q3_K_S(11, DType.Q3_K), Q3_K_M(12, DType.Q3_K), Q3_K_L(13, DType.Q3_K),
    Q4_K_S(14, DType.Q4_K), Q4_K_M(15, DType.Q4_K), Q5_K_S(16, DType.Q5_K), Q5_K_M(17, DType.Q5_K), Q6_K(18, DType.Q6_K);

    private final int fileType;
    private final DType base;

    ExportType(int fileType, DType base) {
        this.fileType = fileType;
        this.base = base;
    }

    /** The value of {@code general.file_type}. */
    public int fileType() {
        return fileType;
    }

    /** The type of a matrix that no rule of the mix names. */
    public DType base() {
        return base;
    }

    /**
     * Whether llama.cpp makes this type in a second step (llama-quantize, whose files are ordered by block and name) and not while converting.
     */
    public boolean mixed() {
        return base.isQuantized() && this != Q8_0;
    }

    /** "q4_k_m": as the command line says it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException where there is no such type */
    public static ExportType of(String label) {
        return Arrays.stream(values()).filter(t -> t.label().equals(label.toLowerCase(Locale.ROOT))).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("\"" + label + "\" is none of the types "
                        + Arrays.stream(values()).map(ExportType::label).collect(Collectors.joining(", "))));
    }
}
