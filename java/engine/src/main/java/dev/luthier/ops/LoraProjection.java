package dev.luthier.ops;

import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;

/**
 * One projection of {@link Ops#loraMatmul} and its backward; {@code lt_lora_proj}.
 *
 * @param w     [out, in] frozen
 * @param bias  [1, out] F32, or null
 * @param a     [r, in] F32, or null: no LoRA here
 * @param b     [out, r] F32
 * @param xa    [T, r]: x Aᵀ, written by forward, read by backward
 * @param da    [r, in] F32, accumulated by backward
 * @param db    [out, r] F32, accumulated by backward
 * @param y     [T, out]: the output of forward; in backward dy
 * @param scale of the update
 */
public record LoraProjection(Matrix w, Tensor bias, Tensor a, Tensor b, Tensor xa, Tensor da, Tensor db, Tensor y, float scale) {
}
