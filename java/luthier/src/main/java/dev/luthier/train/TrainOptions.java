package dev.luthier.train;

/**
 * How to train; what to train is the adapter's own configuration.
 *
 * @param steps        optimizer updates
 * @param lr           peak learning rate
 * @param warmup       steps of linear rise from 0
 * @param weightDecay  decoupled, on every trainable tensor
 * @param clip         largest global gradient norm; 0: no clipping
 * @param smoothing    label smoothing in [0, 1)
 * @param optimizer8bit moments in 8 bits, blocks of 256 (arXiv 2110.02861)
 * @param recompute    gradient checkpointing: keep the blocks' inputs, run each block's forward again in backward
 */
public record TrainOptions(int steps, float lr, Schedule schedule, int warmup, float weightDecay, float clip, float smoothing, boolean optimizer8bit,
                           boolean recompute) {
    public static final float BETA1 = 0.9f;
    public static final float BETA2 = 0.999f;
    public static final float EPS = 1e-8f;

    public TrainOptions {
        if (steps < 1) throw new IllegalArgumentException("steps must be at least 1, found " + steps);
        if (!(lr >= 0) || Float.isInfinite(lr)) throw new IllegalArgumentException("the learning rate must not be negative, found " + lr);
        if (warmup < 0) throw new IllegalArgumentException("warm-up steps must not be negative, found " + warmup);
        if (!(weightDecay >= 0)) throw new IllegalArgumentException("weight decay must not be negative, found " + weightDecay);
        if (!(clip >= 0)) throw new IllegalArgumentException("clip must not be negative, found " + clip);
    }

    /** Learning rate of an update, 0 for the first. */
    public double lrAt(int step) {
        return lr * schedule.factor(step, warmup, steps);
    }
}
