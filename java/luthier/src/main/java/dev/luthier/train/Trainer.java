package dev.luthier.train;

import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.Engine;
import dev.luthier.model.Adapter;
import dev.luthier.model.Transformer;
import dev.luthier.ops.Ops;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntFunction;

/** The training loop over an adapter. */
public final class Trainer implements AutoCloseable {
    private final Ops ops;
    private final Transformer model;
    private final TrainOptions options;
    private final DeviceArena states;
    private final DeviceArena activations;
    private final AdamW optimizer;

    /**
     * @param model     with a trainable adapter
     * @param tokens    most tokens of a micro-batch
     * @param sequences most sequences of a micro-batch
     */
    public Trainer(Ops ops, Transformer model, TrainOptions options, int tokens, int sequences) {
        this.ops = ops;
        this.model = model;
        this.options = options;
        Engine engine = ops.engine();
        Adapter adapter = model.adapter();
        MemoryPlan plan = MemoryPlan.ofTraining(model.config(), adapter.lora(), engine.config().precision().activation(), options, tokens, sequences);
        engine.requireWorkspace(model.config().limits(tokens, sequences, adapter.lora().rank()));
        states = DeviceArena.of(engine, plan.optimizerBytes());
        activations = DeviceArena.of(engine, plan.activationBytes());
        optimizer = new AdamW(engine, states, adapter.params(), options.optimizer8bit());
        engine.zero(adapter.params().grads());
    }

    /**
     * Runs all steps.
     *
     * @param batches  micro-batches of a step, 0 for the first; the loss is the mean over all their target tokens
     * @param listener called after every step
     */
    public void run(IntFunction<List<MicroBatch>> batches, Consumer<StepMetrics> listener) {
        for (int step = 0; step < options.steps(); step++) listener.accept(step(step, batches.apply(step)));
    }

    private StepMetrics step(int step, List<MicroBatch> batches) {
        long start = System.nanoTime();
        long targets = batches.stream().mapToLong(MicroBatch::targetTokens).sum();
        if (targets == 0) throw new IllegalArgumentException("step " + (step + 1) + " has no target token");
        double nll = 0;
        long tokens = 0;
        for (MicroBatch b : batches) {
            float[] each = model.lossAndGradients(ops, activations, b.packed(), b.targets(), (float) (1.0 / targets), options.smoothing(), options.recompute());
            for (float x : each) nll += x;
            tokens += b.packed().tokens();
        }
        double lr = options.lrAt(step);
        float[] norm = optimizer.update(ops, step, lr, options);
        return new StepMetrics(step + 1, nll / targets, norm[0], lr, tokens, (System.nanoTime() - start) / 1e9, norm[1] > 0);
    }

    @Override
    public void close() {
        activations.close();
        states.close();
    }
}
