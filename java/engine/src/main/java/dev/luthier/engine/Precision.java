package dev.luthier.engine;

/** Arithmetic of the matrix products, and with it the dtype of activations. */
public enum Precision {
    /** fp32 throughout: equal to PyTorch's fp32 to rounding. */
    FP32(DType.F32),
    /** Inputs of products rounded to bf16, sums in fp32, activations stored in bf16. */
    BF16(DType.BF16);

    private final DType activation;

    Precision(DType activation) {
        this.activation = activation;
    }

    /** Storage type of activations. */
    public DType activation() {
        return activation;
    }
}
