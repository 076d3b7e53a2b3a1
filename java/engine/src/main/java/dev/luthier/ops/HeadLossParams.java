package dev.luthier.ops;

/**
 * {@code lt_head_loss_params}.
 *
 * @param gradScale 1 / target tokens, times the loss scale
 * @param softcap   of the logits; 0: none
 * @param smoothing label smoothing in [0, 1)
 * @param ignore    label that counts nothing
 */
public record HeadLossParams(float gradScale, float softcap, float smoothing, int ignore) {
}
