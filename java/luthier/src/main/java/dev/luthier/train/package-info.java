/** The training loop: schedule, optimizer, accumulation, metrics. */
package dev.luthier.train;
