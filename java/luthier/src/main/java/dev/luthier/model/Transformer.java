package dev.luthier.model;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Tensor;
import dev.luthier.ops.AttentionParams;
import dev.luthier.ops.HeadLossParams;
import dev.luthier.ops.Ops;
import dev.luthier.ops.Ops.Mode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A model with or without an adapter, as a graph over packed sequences. A static graph with a dozen ops needs no tape: backward is written out. */
public final class Transformer {
    /** Label of a position that has no target. */
    public static final int IGNORE = -100;

    private final ModelConfig c;
    private final Weights w;
    private final Adapter adapter;
    private final List<Block> blocks = new ArrayList<>();

    /** @param adapter null: the base model */
    public Transformer(Weights w, Adapter adapter) {
        this.c = w.config();
        this.w = w;
        this.adapter = adapter;
        for (int i = 0; i < c.layers(); i++) blocks.add(new Block(w, adapter, i));
    }

    public ModelConfig config() {
        return c;
    }

    public Weights weights() {
        return w;
    }

    /** Null for the base model. */
    public Adapter adapter() {
        return adapter;
    }

    private LoraConfig lora() {
        return adapter == null ? null : adapter.lora();
    }

    private DType act(Ops k) {
        return k.engine().config().precision().activation();
    }

    // ---------------------------------------------------------------- training

    /**
     * Forward, and backward that adds {@code gradScale} times the gradient of the summed loss to the adapter's gradients.
     *
     * @param targets    [T] next token of each position, or {@link #IGNORE}
     * @param gradScale  1 / target tokens of the whole accumulated batch
     * @param recompute  keep only the blocks' inputs and run each block's forward again in backward
     * @return nll [T] of each position, 0 where ignored
     */
    public float[] lossAndGradients(Ops k, DeviceArena arena, Packed p, int[] targets, float gradScale, float smoothing, boolean recompute) {
        long mark = arena.mark();
        Activations a = Activations.forTraining(arena, c, lora(), act(k), p.tokens(), p.sequences(), recompute);
        Block.Pass pass = upload(k, a, p, targets, Transformer::packedAttention);
        forward(k, a, pass);
        k.headLoss(a.nll(), a.dn(), null, a.n(), w.head(), a.targets(), new HeadLossParams(gradScale, c.logitSoftcap(), smoothing, IGNORE));
        k.drmsnorm(a.d(), null, a.dn(), a.input(c.layers()), a.r(), w.finalNorm(), c.normOffset(), Mode.SET);
        for (int i = c.layers() - 1; i >= 0; i--) {
            if (recompute && i < c.layers() - 1) blocks.get(i).forward(k, a.input(i + 1), a.block(i), a.input(i), pass);
            blocks.get(i).backward(k, a.d(), a.block(i), a.scratch(), a.input(i), pass);
        }
        float[] nll = k.engine().floats(a.nll());
        arena.reset(mark);
        return nll;
    }

    /** Bytes by kind that {@link #lossAndGradients} takes from the arena for a batch of this size; counts only. */
    public static void countTraining(DeviceArena counting, ModelConfig c, LoraConfig lora, DType act, long tokens, long sequences, boolean recompute) {
        Activations.forTraining(counting, c, lora, act, tokens, sequences, recompute);
    }

    private void forward(Ops k, Activations a, Block.Pass pass) {
        k.embedding(a.input(0), a.ids(), w.embedding(), c.embeddingScale());
        for (int i = 0; i < c.layers(); i++) blocks.get(i).forward(k, a.input(i + 1), a.block(i), a.input(i), pass);
        k.rmsnorm(a.n(), a.r(), a.input(c.layers()), w.finalNorm(), c.normOffset(), c.normEps());
    }

    private Block.Pass upload(Ops k, Activations a, Packed p, int[] targets, Block.Attention attention) {
        checkIds(p.ids());
        k.engine().upload(a.ids(), p.ids());
        k.engine().upload(a.pos(), p.positions());
        k.engine().upload(a.cuSeqlens(), p.cuSeqlens());
        if (targets != null) k.engine().upload(a.targets(), targets);
        return new Block.Pass(a.pos(), a.cuSeqlens(), p.longest(), p.reach(), attention, Block.Observer.NONE);
    }

    private void checkIds(int[] ids) {
        for (int id : ids)
            if (id < 0 || id >= c.vocab()) throw new IllegalArgumentException("token id " + id + " is outside the model's vocabulary of " + c.vocab());
    }

    private static void packedAttention(Ops k, int layer, Tensor o, Tensor lse, Tensor q, Tensor kk, Tensor v, AttentionParams params) {
        k.attention(o, lse, q, kk, v, params);
    }

    // ---------------------------------------------------------------- evaluation

    /**
     * @param nll  [T] negative log-likelihood of each target, 0 where ignored
     * @param best [T] the likeliest next token at each position, lowest id on a tie
     */
    public record Scores(float[] nll, int[] best) {
    }

    /** Losses and predictions without gradients. */
    public Scores score(Ops k, DeviceArena arena, Packed p, int[] targets) {
        long mark = arena.mark();
        int[] labels = new int[targets.length]; // the op skips ignored rows, but every position's best token is wanted: any label will do there
        for (int i = 0; i < labels.length; i++) labels[i] = targets[i] == IGNORE ? 0 : targets[i];
        Activations a = evaluate(k, arena, p, labels);
        Tensor best = arena.tensor(Kind.ACTIVATIONS, DType.I32, p.tokens(), 1);
        k.headLoss(a.nll(), null, best, a.n(), w.head(), a.targets(), new HeadLossParams(0, c.logitSoftcap(), 0, IGNORE));
        float[] nll = k.engine().floats(a.nll());
        for (int i = 0; i < nll.length; i++) if (targets[i] == IGNORE) nll[i] = 0;
        Scores scores = new Scores(nll, k.engine().ints(best));
        arena.reset(mark);
        return scores;
    }

    /** Logits of the given positions of the packed batch, [positions.length][V]. */
    public float[][] logits(Ops k, DeviceArena arena, Packed p, int... positions) {
        long mark = arena.mark();
        Activations a = evaluate(k, arena, p, null);
        float[][] rows = logits(k, arena, a.n(), positions);
        arena.reset(mark);
        return rows;
    }

    /** Runs forward once and shows every projection's input. */
    void observe(Ops k, Packed p, Block.Observer observer) {
        k.engine().requireWorkspace(c.limits(p.tokens(), p.sequences(), 0));
        DeviceArena count = DeviceArena.counting();
        Activations.forEvaluation(count, c, lora(), act(k), p.tokens(), p.sequences());
        try (DeviceArena arena = DeviceArena.of(k.engine(), count.peak())) {
            Activations a = Activations.forEvaluation(arena, c, lora(), act(k), p.tokens(), p.sequences());
            Block.Pass pass = upload(k, a, p, null, Transformer::packedAttention);
            forward(k, a, new Block.Pass(pass.pos(), pass.cuSeqlens(), pass.longest(), pass.reach(), pass.attention(), observer));
        }
    }

    private Activations evaluate(Ops k, DeviceArena arena, Packed p, int[] targets) {
        Activations a = Activations.forEvaluation(arena, c, lora(), act(k), p.tokens(), p.sequences());
        forward(k, a, upload(k, a, p, targets, Transformer::packedAttention));
        return a;
    }

    private float[][] logits(Ops k, DeviceArena arena, Tensor n, int[] positions) {
        float[] flat = k.engine().floats(logitsOnDevice(k, arena, n, positions));
        float[][] rows = new float[positions.length][];
        for (int i = 0; i < positions.length; i++) rows[i] = Arrays.copyOfRange(flat, i * c.vocab(), (i + 1) * c.vocab());
        return rows;
    }

    private Tensor logitsOnDevice(Ops k, DeviceArena arena, Tensor n, int[] positions) {
        Tensor idx = arena.tensor(Kind.ACTIVATIONS, DType.I32, positions.length, 1);
        k.engine().upload(idx, positions);
        Tensor last = arena.tensor(Kind.ACTIVATIONS, n.dtype(), positions.length, c.hidden());
        k.gatherRows(last, n, idx);
        Tensor logits = arena.tensor(Kind.ACTIVATIONS, DType.F32, positions.length, c.vocab());
        k.matmul(logits, last, w.head(), Mode.SET);
        if (c.logitSoftcap() > 0) k.softcap(logits, c.logitSoftcap());
        return logits;
    }

    // ---------------------------------------------------------------- decoding

    /**
     * Runs new tokens of some sequences through the model, their keys and values going into the cache.
     *
     * @param slots  which sequences of the cache, one per sequence of the batch
     * @param tokens new tokens of each, in order
     * @return [sequences, V] F32 logits after the last token of each; lives in the arena until the caller resets it
     */
    public Tensor decode(Ops k, DeviceArena arena, KvCache cache, int[] slots, List<int[]> tokens) {
        KvCache.Step step = cache.append(slots, tokens);
        Packed p = step.packed();
        Activations a = Activations.forEvaluation(arena, c, lora(), act(k), p.tokens(), p.sequences());
        KvCache.OnDevice on = cache.upload(k.engine(), arena, step);
        Block.Pass packed = upload(k, a, p, null, (ops, layer, o, lse, q, kk, v, params) -> cache.attend(ops, on, layer, o, q, kk, v, params));
        forward(k, a, new Block.Pass(packed.pos(), packed.cuSeqlens(), step.mostKeys(), p.reach(), packed.attention(), Block.Observer.NONE));
        int[] last = new int[p.sequences()];
        for (int s = 0; s < last.length; s++) last[s] = p.cuSeqlens()[s + 1] - 1;
        return logitsOnDevice(k, arena, a.n(), last);
    }

    /** What {@link #decode} takes from the arena for this many new tokens of this many sequences; counts only. */
    public static void countDecoding(DeviceArena counting, ModelConfig c, LoraConfig lora, DType act, long tokens, long sequences, long pagesPerSequence) {
        Activations.forEvaluation(counting, c, lora, act, tokens, sequences);
        KvCache.count(counting, tokens, sequences, pagesPerSequence);
        counting.tensor(Kind.ACTIVATIONS, DType.I32, sequences, 1);
        counting.tensor(Kind.ACTIVATIONS, act, sequences, c.hidden());
        counting.tensor(Kind.ACTIVATIONS, DType.F32, sequences, c.vocab());
    }
}
