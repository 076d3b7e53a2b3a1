package dev.luthier.model;

import dev.luthier.engine.Tensor;
import dev.luthier.ops.AttentionParams;
import dev.luthier.ops.LoraProjection;
import dev.luthier.ops.Ops;
import dev.luthier.ops.Ops.Mode;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** One transformer block. Forward and backward mirror each other line by line; families differ by the configuration alone. */
final class Block {
    /** How the queries of a pass find their keys. */
    interface Attention {
        void apply(Ops k, int layer, Tensor o, Tensor lse, Tensor q, Tensor kk, Tensor v, AttentionParams p);
    }

    /**
     * What a pass tells every block.
     *
     * @param pos       [T, 1] I32
     * @param cuSeqlens [n + 1, 1] I32
     * @param longest   longest sequence, or most keys of one
     * @param reach     one more than the last position
     * @param observer  hears of the inputs of the projections
     */
    record Pass(Tensor pos, Tensor cuSeqlens, int longest, int reach, Attention attention, Observer observer) {
    }

    /** Hears of the input [T, in] of a projection before it runs. */
    interface Observer {
        Observer NONE = (layer, p, x) -> { };

        void input(int layer, Projection p, Tensor x);
    }

    private final ModelConfig c;
    private final Weights weights;
    private final int layer;
    private final Weights.Layer w;
    private final Map<Projection, LoraLinear> linear = new EnumMap<>(Projection.class);

    Block(Weights weights, Adapter adapter, int layer) {
        this.c = weights.config();
        this.weights = weights;
        this.layer = layer;
        this.w = weights.layers().get(layer);
        for (Projection p : Projection.of(c)) {
            Param a = adapter == null ? null : adapter.params().get(Adapter.nameA(p, layer));
            Param b = adapter == null ? null : adapter.params().get(Adapter.nameB(p, layer));
            linear.put(p, new LoraLinear(w.matrices().get(p), w.biases().get(p), a, b, adapter == null ? 0 : adapter.lora().scale()));
        }
    }

    /** y = block(x); s keeps what backward needs. y may be x. */
    void forward(Ops k, Tensor y, BlockActs s, Tensor x, Pass pass) {
        norm(k, s.n1(), s.r1(), x, w.inputNorm());
        observe(pass, s.n1(), Projection.Q, Projection.K, Projection.V, Projection.QKV);
        k.loraMatmul(qkv(s, rawQ(s), rawK(s), s.v(), s.qkv()), s.n1());
        if (c.family().qkNorm()) {
            norm(k, heads(s.q(), c.heads()), s.rq(), heads(s.qp(), c.heads()), w.qNorm());
            norm(k, heads(s.k(), c.kvHeads()), s.rk(), heads(s.kp(), c.kvHeads()), w.kNorm());
        }
        rope(k, s.q(), s.k(), pass, +1);
        pass.attention().apply(k, layer, s.o(), s.lse(), s.q(), s.k(), s.v(), params(pass));
        observe(pass, s.o(), Projection.O);
        if (c.family().gemma()) {
            k.loraMatmul(List.of(on(Projection.O, s.ao(), s)), s.o());
            norm(k, s.h(), s.rao(), s.ao(), w.postNorm());
        } else {
            k.loraMatmul(List.of(on(Projection.O, s.h(), s)), s.o());
        }
        k.add(s.h(), s.h(), x);

        norm(k, s.n2(), s.r2(), s.h(), mlpNorm());
        observe(pass, s.n2(), Projection.GATE, Projection.UP, Projection.GATE_UP);
        k.loraMatmul(gateUp(s), s.n2());
        k.glu(s.m(), s.g(), s.u(), c.activation());
        observe(pass, s.m(), Projection.DOWN);
        if (c.family().gemma()) {
            k.loraMatmul(List.of(on(Projection.DOWN, s.mo(), s)), s.m());
            norm(k, y, s.rmo(), s.mo(), w.postMlpNorm());
        } else {
            k.loraMatmul(List.of(on(Projection.DOWN, y, s)), s.m());
        }
        k.add(y, y, s.h());
    }

    /** d is dL/dy on entry and dL/dx on exit; x is forward's input. Adds to the adapter's gradients and overwrites s.g, s.u. */
    void backward(Ops k, Tensor d, BlockActs s, Scratch t, Tensor x, Pass pass) {
        Tensor dmo = d;
        if (c.family().gemma()) {
            dmo = t.dn();
            dnorm(k, dmo, d, s.mo(), s.rmo(), w.postMlpNorm(), Mode.SET);
        }
        k.dloraMatmul(t.dm(), List.of(on(Projection.DOWN, dmo, s)), s.m(), Mode.SET);
        k.dglu(s.g(), s.u(), t.dm(), s.g(), s.u(), c.activation());
        k.dloraMatmul(t.dn(), gateUp(s), s.n2(), Mode.SET);
        dnorm(k, d, t.dn(), s.h(), s.r2(), mlpNorm(), Mode.ADD);

        Tensor dao = d;
        if (c.family().gemma()) {
            dao = t.dn();
            dnorm(k, dao, d, s.ao(), s.rao(), w.postNorm(), Mode.SET);
        }
        k.dloraMatmul(t.dout(), List.of(on(Projection.O, dao, s)), s.o(), Mode.SET);
        k.dattention(t.dq(), t.dk(), t.dv(), t.dout(), s.o(), s.lse(), s.q(), s.k(), s.v(), params(pass));
        rope(k, t.dq(), t.dk(), pass, -1);
        if (c.family().qkNorm()) {
            Tensor dq = heads(t.dq(), c.heads());
            Tensor dk = heads(t.dk(), c.kvHeads());
            dnorm(k, dq, dq, heads(s.qp(), c.heads()), s.rq(), w.qNorm(), Mode.SET);
            dnorm(k, dk, dk, heads(s.kp(), c.kvHeads()), s.rk(), w.kNorm(), Mode.SET);
        }
        k.dloraMatmul(t.dn(), qkv(s, t.dq(), t.dk(), t.dv(), t.dqkv()), s.n1(), Mode.SET);
        dnorm(k, d, t.dn(), x, s.r1(), w.inputNorm(), Mode.ADD);
    }

    // ---------------------------------------------------------------- the words used above

    private void observe(Pass pass, Tensor x, Projection... readers) {
        for (Projection p : readers) if (linear.containsKey(p)) pass.observer().input(layer, p, x);
    }

    private LoraProjection on(Projection p, Tensor y, BlockActs s) {
        return linear.get(p).on(y, s.xa().get(p));
    }

    private List<LoraProjection> qkv(BlockActs s, Tensor q, Tensor k, Tensor v, Tensor fused) {
        if (c.family().fused()) return List.of(on(Projection.QKV, fused, s));
        return List.of(on(Projection.Q, q, s), on(Projection.K, k, s), on(Projection.V, v, s));
    }

    private List<LoraProjection> gateUp(BlockActs s) {
        if (c.family().fused()) return List.of(on(Projection.GATE_UP, s.gu(), s));
        return List.of(on(Projection.GATE, s.g(), s), on(Projection.UP, s.u(), s));
    }

    /** Where the projection writes q: before its norm when there is one. */
    private Tensor rawQ(BlockActs s) {
        return c.family().qkNorm() ? s.qp() : s.q();
    }

    private Tensor rawK(BlockActs s) {
        return c.family().qkNorm() ? s.kp() : s.k();
    }

    private Tensor mlpNorm() {
        return c.family().gemma() ? w.preMlpNorm() : w.postNorm();
    }

    private Tensor heads(Tensor t, int n) {
        return t.reshape(t.rows() * n, c.headDim());
    }

    private void norm(Ops k, Tensor y, Tensor rstd, Tensor x, Tensor g) {
        k.rmsnorm(y, rstd, x, g, c.normOffset(), c.normEps());
    }

    private void dnorm(Ops k, Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor g, Mode mode) {
        k.drmsnorm(dx, null, dy, x, rstd, g, c.normOffset(), mode);
    }

    private void rope(Ops k, Tensor q, Tensor kk, Pass pass, int direction) {
        k.rope(q, kk, pass.pos(), weights.rope(layer, pass.reach()), c.headDim(), c.ropes().get(c.layerKinds().get(layer).rope()).mscale(), direction);
    }

    private AttentionParams params(Pass pass) {
        return new AttentionParams(pass.cuSeqlens(), c.heads(), c.kvHeads(), c.headDim(), c.layerKinds().get(layer).window(), pass.longest(),
                c.attentionScale(), c.attentionSoftcap());
    }
}
