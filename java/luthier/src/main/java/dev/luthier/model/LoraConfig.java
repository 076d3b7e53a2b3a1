package dev.luthier.model;

import java.util.List;

/**
 * Low-rank adaptation (arXiv 2106.09685).
 *
 * @param rank    r
 * @param alpha   numerator of the scale
 * @param rslora  scale alpha / sqrt(r) instead of alpha / r (arXiv 2312.03732)
 * @param targets short names of the projections that learn, such as "q_proj"
 */
public record LoraConfig(int rank, float alpha, boolean rslora, List<String> targets) {
    public static final List<String> ALL = List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

    public LoraConfig {
        if (rank < 1 || rank > 1024) throw new IllegalArgumentException("rank must be 1 to 1024, found " + rank);
        if (!(alpha > 0)) throw new IllegalArgumentException("alpha must be positive, found " + alpha);
        if (targets.isEmpty()) throw new IllegalArgumentException("no target modules; name some of " + ALL + " or all-linear");
        targets = List.copyOf(targets);
    }

    public float scale() {
        return rslora ? (float) (alpha / Math.sqrt(rank)) : alpha / rank;
    }
}
