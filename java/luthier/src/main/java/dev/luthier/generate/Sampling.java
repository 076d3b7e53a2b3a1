package dev.luthier.generate;

/**
 * How the next token is chosen.
 *
 * @param temperature   0: greedy
 * @param topP          nucleus; 1: off
 * @param minP          tokens below minP times the best probability are dropped; 0: off
 * @param topK          0: off
 * @param repeatPenalty on tokens already there; 1: off
 */
public record Sampling(float temperature, float topP, float minP, int topK, float repeatPenalty, long seed) {
    public static final Sampling GREEDY = new Sampling(0, 1, 0, 0, 1, 0);

    public Sampling {
        if (!(temperature >= 0)) throw new IllegalArgumentException("temperature must not be negative, found " + temperature);
        if (!(topP > 0 && topP <= 1)) throw new IllegalArgumentException("top-p must lie in (0, 1], found " + topP);
        if (!(minP >= 0 && minP < 1)) throw new IllegalArgumentException("min-p must lie in [0, 1), found " + minP);
        if (topK < 0) throw new IllegalArgumentException("top-k must not be negative, found " + topK);
        if (!(repeatPenalty > 0)) throw new IllegalArgumentException("repeat-penalty must be positive, found " + repeatPenalty);
    }
}
