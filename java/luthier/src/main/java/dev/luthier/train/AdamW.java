package dev.luthier.train;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Engine;
import dev.luthier.engine.Tensor;
import dev.luthier.model.ParamSet;
import dev.luthier.ops.AdamWParams;
import dev.luthier.ops.Ops;

/** AdamW (arXiv 1711.05101) over all trainable tensors at once, its moments in F32 or 8 bits. */
final class AdamW {
    private final ParamSet params;
    private final States s;

    AdamW(Engine engine, DeviceArena arena, ParamSet params, boolean eightBit) {
        this.params = params;
        this.s = States.allocate(arena, params.size(), eightBit);
        for (Tensor t : new Tensor[] {s.m, s.v, s.mAbsmax, s.vAbsmax}) if (t != null) engine.zero(t);
    }

    /**
     * @param m       first moments [1, N], v second ones; F32 or U8
     * @param mAbsmax scales of 8-bit moments [1, N/256], or null; vAbsmax likewise
     * @param norm    [1, 2]: global gradient norm, number of gradients that are not finite
     */
    record States(Tensor m, Tensor v, Tensor mAbsmax, Tensor vAbsmax, Tensor norm) {
        static States allocate(DeviceArena arena, long size, boolean eightBit) {
            DType type = eightBit ? DType.U8 : DType.F32;
            return new States(arena.tensor(Kind.OPTIMIZER, type, 1, size), arena.tensor(Kind.OPTIMIZER, type, 1, size),
                    eightBit ? arena.tensor(Kind.OPTIMIZER, DType.F32, 1, size / ParamSet.ALIGNMENT) : null,
                    eightBit ? arena.tensor(Kind.OPTIMIZER, DType.F32, 1, size / ParamSet.ALIGNMENT) : null,
                    arena.tensor(Kind.OPTIMIZER, DType.F32, 1, 2));
        }
    }

    /**
     * One update with the gradients that have been added up; then clears them.
     *
     * @param step 0 for the first
     * @return norm before clipping, and the number of gradients that are not finite (then nothing was changed)
     */
    float[] update(Ops k, int step, double lr, TrainOptions o) {
        k.gradNorm(s.norm, params.grads(), 1);
        k.adamw(new AdamWParams(params.values(), params.grads(), s.m, s.v, s.mAbsmax, s.vAbsmax, s.norm, (float) lr, TrainOptions.BETA1, TrainOptions.BETA2,
                TrainOptions.EPS, o.weightDecay(), o.clip(), 1, step + 1));
        float[] result = k.engine().floats(s.norm);
        k.engine().zero(params.grads());
        return result;
    }
}
