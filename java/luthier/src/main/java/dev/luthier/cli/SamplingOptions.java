package dev.luthier.cli;

import dev.luthier.generate.Sampling;
import picocli.CommandLine.Option;

/** How tokens are chosen; shared by the commands that generate. */
final class SamplingOptions {
    @Option(names = "--max-new-tokens", defaultValue = "256", paramLabel = "N", description = "most tokens to write (default: ${DEFAULT-VALUE})")
    int maxNewTokens;

    @Option(names = "--temperature", defaultValue = "0", paramLabel = "T", description = "0: greedy (default: ${DEFAULT-VALUE})")
    float temperature;

    @Option(names = "--top-p", defaultValue = "1", paramLabel = "P", description = "nucleus; 1: off (default: ${DEFAULT-VALUE})")
    float topP;

    @Option(names = "--min-p", defaultValue = "0", paramLabel = "P", description = "drop tokens below P times the best; 0: off (default: ${DEFAULT-VALUE})")
    float minP;

    @Option(names = "--top-k", defaultValue = "0", paramLabel = "K", description = "0: off (default: ${DEFAULT-VALUE})")
    int topK;

    @Option(names = "--repeat-penalty", defaultValue = "1", paramLabel = "X", description = "on tokens already there; 1: off (default: ${DEFAULT-VALUE})")
    float repeatPenalty;

    @Option(names = "--seed", defaultValue = "0", paramLabel = "S", description = "of the sampling (default: ${DEFAULT-VALUE})")
    long seed;

    Sampling sampling() {
        return new Sampling(temperature, topP, minP, topK, repeatPenalty, seed);
    }
}
