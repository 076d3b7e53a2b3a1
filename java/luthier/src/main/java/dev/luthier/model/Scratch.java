package dev.luthier.model;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.Tensor;

/**
 * Gradients that live within one block's backward only; shapes as in {@link BlockActs}.
 *
 * @param dn   [T, H] act, of a normed input; also of a projection's output before its norm (Gemma)
 * @param dm   [T, F] act
 * @param dout [T, Q] act, of attention's output
 * @param dqkv [T, Q + 2K] act, of which dq, dk, dv are columns (fused families), else null
 */
record Scratch(Tensor dn, Tensor dm, Tensor dout, Tensor dqkv, Tensor dq, Tensor dk, Tensor dv) {
    static Scratch allocate(DeviceArena arena, ModelConfig c, DType act, long t) {
        BlockActs.Room room = new BlockActs.Room(arena, act, t);
        int q = c.queryDim();
        int k = c.kvDim();
        Tensor dqkv = c.family().fused() ? room.act(q + 2 * k) : null;
        return new Scratch(room.act(c.hidden()), room.act(c.intermediate()), room.act(q), dqkv, dqkv == null ? room.act(q) : dqkv.cols(0, q),
                dqkv == null ? room.act(k) : dqkv.cols(q, k), dqkv == null ? room.act(k) : dqkv.cols(q + k, k));
    }
}
