package dev.luthier.engine;

/**
 * The largest shapes a run will pass to any op; sizes the workspace. Unused fields are 0.
 *
 * @param tokens    tokens of one call
 * @param features  largest rows or cols of a projection's matrix
 * @param hidden    cols of the head's input
 * @param vocab     rows of the head's matrix
 * @param sequences sequences in one attention call
 * @param heads     query heads
 * @param headDim   elements of a head
 * @param rank      largest LoRA rank
 */
public record Limits(long tokens, long features, long hidden, long vocab, long sequences, int heads, int headDim, int rank) {
}
