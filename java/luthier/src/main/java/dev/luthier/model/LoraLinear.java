package dev.luthier.model;

import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;
import dev.luthier.ops.LoraProjection;

/**
 * y = x Wᵀ + bias + s (x Aᵀ) Bᵀ. W frozen [out, in]; A [r, in], B [out, r] learn.
 *
 * @param bias [1, out] or null
 * @param a    null: no adapter on this projection; then b is null too
 */
record LoraLinear(Matrix w, Tensor bias, Param a, Param b, float s) {
    /** This projection with its output (in backward: the gradient of it) and its saved x Aᵀ [T, r]. */
    LoraProjection on(Tensor y, Tensor xa) {
        if (a == null) return new LoraProjection(w, bias, null, null, null, null, null, y, 0);
        return new LoraProjection(w, bias, a.value(), b.value(), xa, a.grad(), b.grad(), y, s);
    }
}
