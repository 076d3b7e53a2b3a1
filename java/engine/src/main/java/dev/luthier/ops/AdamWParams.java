package dev.luthier.ops;

import dev.luthier.engine.Tensor;

/**
 * {@code lt_adamw_params}: all trainable tensors in one buffer [1, N], each padded to a multiple of 256 elements.
 *
 * @param m          F32 [1, N], or U8 with mAbsmax F32 [1, N/256]; likewise v
 * @param mAbsmax    null with F32 states
 * @param norm       [1, 2] of {@link Ops#gradNorm}
 * @param clip       0: no clipping
 * @param gradScale  1 / loss scale
 * @param step       1 for the first update
 */
public record AdamWParams(Tensor param, Tensor grad, Tensor m, Tensor v, Tensor mAbsmax, Tensor vAbsmax, Tensor norm, float lr, float beta1,
                          float beta2, float eps, float weightDecay, float clip, float gradScale, int step) {
}
