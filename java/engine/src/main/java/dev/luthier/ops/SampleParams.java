package dev.luthier.ops;

/**
 * {@code lt_sample_params}. Order: repeat penalty, temperature, top-k, top-p, min-p.
 *
 * @param seed          Philox key
 * @param counter       of this draw: the token's position
 * @param temperature   0: greedy, lowest id on a tie
 * @param topP          1: off
 * @param minP          0: off
 * @param repeatPenalty 1: off
 * @param topK          0: off
 */
public record SampleParams(long seed, long counter, float temperature, float topP, float minP, float repeatPenalty, int topK) {
}
