package dev.luthier.train;

import java.util.Arrays;
import java.util.Locale;

/** Learning-rate schedules as transformers' get_*_schedule_with_warmup define them: the rate is 0 at step 0 when there is a warm-up. */
public enum Schedule {
    LINEAR {
        @Override
        double decay(double progress) {
            return 1 - progress;
        }
    },
    COSINE {
        @Override
        double decay(double progress) {
            return 0.5 * (1 + Math.cos(Math.PI * progress));
        }
    },
    CONSTANT {
        @Override
        double decay(double progress) {
            return 1;
        }
    };

    abstract double decay(double progress);

    /**
     * Factor on the learning rate.
     *
     * @param step   0 for the first update
     * @param warmup steps of linear rise
     * @param total  steps of the run
     */
    public double factor(int step, int warmup, int total) {
        if (step < warmup) return (double) step / warmup;
        return Math.max(0, decay(Math.min(1, (double) (step - warmup) / Math.max(1, total - warmup))));
    }

    public static Schedule of(String name) {
        return Arrays.stream(values()).filter(s -> s.toString().equals(name)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("schedule \"" + name + "\" is none of linear, cosine, constant"));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
