package dev.luthier.ops;

import static dev.luthier.binding.luthier_h.*;
import static dev.luthier.engine.Engine.check;

import dev.luthier.engine.DType;
import dev.luthier.engine.Engine;
import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The engine's ops as Java methods, one per function of luthier.h, whose comments there are the specification (formula, shapes, aliasing,
 * source). Outputs come first; the gradient of {@code foo} is {@code dfoo}; tensors that may be absent may be null. Shapes: T tokens, H hidden,
 * V vocabulary, r rank. Every method checks shapes, dtypes and addresses in the library and throws
 * {@link dev.luthier.engine.EngineException} with a sentence that names the argument. Not thread-safe: one Ops per engine, one thread at a time.
 */
public final class Ops implements AutoCloseable {
    /** Does an output overwrite or accumulate. */
    public enum Mode { SET, ADD }

    /** Gate activation of {@link #glu}. */
    public enum Activation { SILU, GELU_TANH }

    private final Engine engine;
    private final Arena arena = Arena.ofShared();
    private final Structs structs = new Structs(arena);

    public Ops(Engine engine) {
        this.engine = engine;
    }

    public Engine engine() {
        return engine;
    }

    private MemorySegment h() {
        structs.begin();
        return engine.handle();
    }

    private MemorySegment t(Tensor t) {
        return structs.tensor(t);
    }

    private MemorySegment m(Matrix m) {
        return structs.matrix(m);
    }

    // ---------------------------------------------------------------- quantization

    /** Fills w with NF4(x), x [rows, cols] F32, BF16 or F16; returns w with its nested offset set. */
    public Matrix nf4Quantize(Matrix w, Tensor x) {
        MemorySegment h = h();
        MemorySegment ws = m(w);
        check(lt_nf4_quantize(h, ws, t(x)));
        return w.withNestedOffset(structs.nestedOffset(ws));
    }

    /** y = rows [row0, row0 + y.rows) of w; y F32, BF16 or F16. */
    public void dequantize(Tensor y, Matrix w, long row0) {
        check(lt_dequantize(h(), t(y), m(w), row0));
    }

    /** Host to host: dst = GGUF blocks of src, F32 [rows, cols]; importance F32 [cols] or null. */
    public void quantizeRows(MemorySegment dst, DType type, MemorySegment src, long rows, long cols, MemorySegment importance) {
        if (src.byteSize() != DType.F32.bytes(rows, cols))
            throw new IllegalArgumentException("src has " + src.byteSize() + " bytes, wanted F32 [" + rows + ", " + cols + "]");
        check(lt_quantize_rows(h(), dst, dst.byteSize(), type.code(), src, rows, cols, importance == null ? MemorySegment.NULL : importance));
    }

    // ---------------------------------------------------------------- matrix products

    /** y (mode) x Wᵀ. y [T, out], x [T, in]. */
    public void matmul(Tensor y, Tensor x, Matrix w, Mode mode) {
        check(lt_matmul(h(), t(y), t(x), m(w), mode.ordinal()));
    }

    /** dx (mode) dy W. dx [T, in], dy [T, out]. */
    public void dmatmul(Tensor dx, Tensor dy, Matrix w, Mode mode) {
        check(lt_dmatmul(h(), t(dx), t(dy), m(w), mode.ordinal()));
    }

    /** For each projection p: p.y = x Wᵀ + bias + scale (x Aᵀ) Bᵀ; all share x [T, in]. */
    public void loraMatmul(List<LoraProjection> projections, Tensor x) {
        check(lt_lora_matmul(h(), structs.projections(projections), projections.size(), t(x)));
    }

    /** Backward, p.y holding dy: dx (mode) sum dy W + t A, dA += tᵀ x, dB += scale dyᵀ xa with t = scale dy B. dx may be null. */
    public void dloraMatmul(Tensor dx, List<LoraProjection> projections, Tensor x, Mode mode) {
        check(lt_dlora_matmul(h(), t(dx), structs.projections(projections), projections.size(), t(x), mode.ordinal()));
    }

    /** y = rows [row0, row0 + y.rows) of W + scale B A, F32. */
    public void loraMerge(Tensor y, Matrix w, long row0, Tensor a, Tensor b, float scale) {
        check(lt_lora_merge(h(), t(y), m(w), row0, t(a), t(b), scale));
    }

    // ---------------------------------------------------------------- normalisation, positions, gates, elementwise

    /** y = x rstd (g + offset) by rows; rstd [T, 1] may be null. */
    public void rmsnorm(Tensor y, Tensor rstd, Tensor x, Tensor g, float offset, float eps) {
        check(lt_rmsnorm(h(), t(y), t(rstd), t(x), t(g), offset, eps));
    }

    /** dx (mode) the gradient; dg += its gradient, may be null. */
    public void drmsnorm(Tensor dx, Tensor dg, Tensor dy, Tensor x, Tensor rstd, Tensor g, float offset, Mode mode) {
        check(lt_drmsnorm(h(), t(dx), t(dg), t(dy), t(x), t(rstd), t(g), offset, mode.ordinal()));
    }

    /** Rotates q and k (k may be null) in place; direction +1 forward, -1 the gradient. */
    public void rope(Tensor q, Tensor k, Tensor pos, Tensor invFreq, int headDim, float mscale, int direction) {
        check(lt_rope(h(), t(q), t(k), t(pos), t(invFreq), headDim, mscale, direction));
    }

    /** y = act(gate) up. */
    public void glu(Tensor y, Tensor gate, Tensor up, Activation act) {
        check(lt_glu(h(), t(y), t(gate), t(up), act.ordinal()));
    }

    /** dgate may alias gate, dup may alias up. */
    public void dglu(Tensor dgate, Tensor dup, Tensor dy, Tensor gate, Tensor up, Activation act) {
        check(lt_dglu(h(), t(dgate), t(dup), t(dy), t(gate), t(up), act.ordinal()));
    }

    /** y = a + b; y may be a or b. */
    public void add(Tensor y, Tensor a, Tensor b) {
        check(lt_add(h(), t(y), t(a), t(b)));
    }

    /** y = x in y's dtype. */
    public void cast(Tensor y, Tensor x) {
        check(lt_cast(h(), t(y), t(x)));
    }

    /** x = cap tanh(x / cap) in place. */
    public void softcap(Tensor x, float cap) {
        check(lt_softcap(h(), t(x), cap));
    }

    /** y[t] = x[idx[t]]. */
    public void gatherRows(Tensor y, Tensor x, Tensor idx) {
        check(lt_gather_rows(h(), t(y), t(x), t(idx)));
    }

    /** y[idx[t]] = x[t]. */
    public void scatterRows(Tensor y, Tensor x, Tensor idx) {
        check(lt_scatter_rows(h(), t(y), t(x), t(idx)));
    }

    /** y[t] = scale W[ids[t]]. */
    public void embedding(Tensor y, Tensor ids, Matrix w, float scale) {
        check(lt_embedding(h(), t(y), t(ids), m(w), scale));
    }

    // ---------------------------------------------------------------- attention

    /** Causal attention over packed sequences; lse [T, heads] may be null. */
    public void attention(Tensor o, Tensor lse, Tensor q, Tensor k, Tensor v, AttentionParams p) {
        check(lt_attention(h(), t(o), t(lse), t(q), t(k), t(v), structs.attention(p)));
    }

    public void dattention(Tensor dq, Tensor dk, Tensor dv, Tensor dout, Tensor o, Tensor lse, Tensor q, Tensor k, Tensor v, AttentionParams p) {
        check(lt_dattention(h(), t(dq), t(dk), t(dv), t(dout), t(o), t(lse), t(q), t(k), t(v), structs.attention(p)));
    }

    /** Attention whose keys and values lie in cache pages. */
    public void pagedAttention(Tensor o, Tensor q, Tensor kcache, Tensor vcache, Tensor pages, Tensor kvLens, int pageSize, AttentionParams p) {
        check(lt_paged_attention(h(), t(o), t(q), t(kcache), t(vcache), t(pages), t(kvLens), pageSize, structs.attention(p)));
    }

    // ---------------------------------------------------------------- loss, optimizer, sampling

    /** Head and cross-entropy; dx and best may be null. */
    public void headLoss(Tensor nll, Tensor dx, Tensor best, Tensor x, Matrix w, Tensor labels, HeadLossParams p) {
        check(lt_head_loss(h(), t(nll), t(dx), t(best), t(x), m(w), t(labels), structs.headLoss(p)));
    }

    /** out [1, 2] = norm of scale g, number of non-finite elements. */
    public void gradNorm(Tensor out, Tensor g, float scale) {
        check(lt_grad_norm(h(), t(out), t(g), scale));
    }

    /** One update of everything; nothing changes when a gradient is not finite. */
    public void adamw(AdamWParams p) {
        h();
        check(lt_adamw(engine.handle(), structs.adamw(p)));
    }

    /** ids [n, 1] drawn from logits [n, V] F32; history [n, m] may be null. */
    public void sample(Tensor ids, Tensor logits, Tensor history, SampleParams p) {
        check(lt_sample(h(), t(ids), t(logits), t(history), structs.sample(p)));
    }

    @Override
    public void close() {
        arena.close();
    }
}
