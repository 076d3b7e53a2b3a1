package dev.luthier.train;

/**
 * What one optimizer update reports.
 *
 * @param step     1 for the first
 * @param loss     mean negative log-likelihood over the target tokens of all micro-batches, before the update
 * @param gradNorm global norm before clipping
 * @param lr       learning rate of the update
 * @param tokens   tokens run through the model, targets or not
 * @param seconds  wall time of the step
 * @param skipped  a gradient was not finite: nothing was changed
 */
public record StepMetrics(int step, double loss, double gradNorm, double lr, long tokens, double seconds, boolean skipped) {
}
