package dev.luthier.model;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Tensor;
import java.util.EnumMap;
import java.util.Map;

/**
 * What one block's forward leaves for its backward. T tokens, H hidden, Q = heads * head_dim, K = kv_heads * head_dim, F intermediate, r rank;
 * "act" is the run's activation dtype. Fields that a family does not need are null.
 *
 * @param n1  [T, H] act, normed input of q, k, v
 * @param r1  [T, 1] F32, its 1/rms
 * @param qp  [T, Q] act, q before its per-head norm (qk-norm families)
 * @param rq  [T * heads, 1] F32, 1/rms of each head of q
 * @param kp  [T, K] act; rk [T * kv_heads, 1] F32: the same for k
 * @param qkv [T, Q + 2K] act, the fused projection of which q, k, v are columns (fused families)
 * @param q   [T, Q] act, rotated
 * @param k   [T, K] act, rotated
 * @param v   [T, K] act
 * @param o   [T, Q] act, attention's output
 * @param lse [T, heads] F32, log-sum-exp of the scores
 * @param ao  [T, H] act, o-projection before its norm; rao [T, 1] F32 (Gemma)
 * @param h   [T, H] act, residual stream after attention
 * @param n2  [T, H] act, normed input of gate, up
 * @param r2  [T, 1] F32
 * @param gu  [T, 2F] act, the fused projection of which g, u are columns (fused families)
 * @param g   [T, F] act, gate; in backward its gradient
 * @param u   [T, F] act, up; in backward its gradient
 * @param m   [T, F] act, act(g) u
 * @param mo  [T, H] act, down-projection before its norm; rmo [T, 1] F32 (Gemma)
 * @param xa  [T, r] act, x Aᵀ of each adapted projection
 */
record BlockActs(Tensor n1, Tensor r1, Tensor qp, Tensor rq, Tensor kp, Tensor rk, Tensor qkv, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse,
                 Tensor ao, Tensor rao, Tensor h, Tensor n2, Tensor r2, Tensor gu, Tensor g, Tensor u, Tensor m, Tensor mo, Tensor rmo,
                 Map<Projection, Tensor> xa) {
    static BlockActs allocate(DeviceArena arena, ModelConfig c, LoraConfig lora, DType act, long t) {
        boolean gemma = c.family().gemma();
        boolean qkNorm = c.family().qkNorm();
        boolean fused = c.family().fused();
        int q = c.queryDim();
        int k = c.kvDim();
        int f = c.intermediate();
        Room room = new Room(arena, act, t);
        Tensor qkv = fused ? room.act(q + 2 * k) : null;
        Tensor gu = fused ? room.act(2 * f) : null;
        Map<Projection, Tensor> xa = new EnumMap<>(Projection.class);
        if (lora != null)
            for (Projection p : Projection.of(c)) if (lora.targets().contains(p.shortName())) xa.put(p, room.act(lora.rank()));
        return new BlockActs(room.act(c.hidden()), room.rows(1), qkNorm ? room.act(q) : null, qkNorm ? room.rows(c.heads()) : null,
                qkNorm ? room.act(k) : null, qkNorm ? room.rows(c.kvHeads()) : null, qkv, fused ? qkv.cols(0, q) : room.act(q),
                fused ? qkv.cols(q, k) : room.act(k), fused ? qkv.cols(q + k, k) : room.act(k), room.act(q),
                arena.tensor(Kind.ACTIVATIONS, DType.F32, t, c.heads()), gemma ? room.act(c.hidden()) : null, gemma ? room.rows(1) : null,
                room.act(c.hidden()), room.act(c.hidden()), room.rows(1), gu, fused ? gu.cols(0, f) : room.act(f), fused ? gu.cols(f, f) : room.act(f),
                room.act(f), gemma ? room.act(c.hidden()) : null, gemma ? room.rows(1) : null, xa);
    }

    /** Allocates for T tokens. */
    record Room(DeviceArena arena, DType dtype, long t) {
        /** [T, cols] in the activation dtype. */
        Tensor act(long cols) {
            return arena.tensor(Kind.ACTIVATIONS, dtype, t, cols);
        }

        /** [T * perToken, 1] F32. */
        Tensor rows(long perToken) {
            return arena.tensor(Kind.ACTIVATIONS, DType.F32, t * perToken, 1);
        }
    }
}
