package dev.luthier.cli;

import dev.luthier.model.Adapter;
import dev.luthier.model.LoadIn;
import dev.luthier.model.LoraConfig;
import dev.luthier.model.ModelConfig;
import dev.luthier.train.Schedule;
import dev.luthier.train.TrainOptions;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The knobs of a training run; the defaults are the tutorial's. */
final class TrainSettings {
    @Option(names = "--load-in", defaultValue = "4bit", paramLabel = "BITS", converter = ModelOptions.LoadInConverter.class,
            description = "base weights in 4bit (NF4), 4bit-dynamic (8 bits where NF4 is worst), 16bit or 32bit (default: ${DEFAULT-VALUE})")
    LoadIn loadIn;

    @Option(names = "--rank", defaultValue = "16", paramLabel = "R", description = "LoRA rank (default: ${DEFAULT-VALUE})")
    int rank;

    @Option(names = "--alpha", defaultValue = "16", paramLabel = "A", description = "LoRA alpha: the update is scaled by alpha/rank (default: ${DEFAULT-VALUE})")
    float alpha;

    @Option(names = "--rslora", description = "scale by alpha/sqrt(rank) instead")
    boolean rslora;

    @Option(names = "--targets", split = ",", defaultValue = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj", paramLabel = "NAME",
            description = "projections that learn, or all-linear (default: ${DEFAULT-VALUE})")
    List<String> targets;

    @Option(names = "--lr", defaultValue = "2e-4", paramLabel = "RATE", description = "peak learning rate (default: ${DEFAULT-VALUE})")
    float lr;

    @Option(names = "--schedule", defaultValue = "linear", paramLabel = "NAME", converter = ScheduleConverter.class,
            description = "linear, cosine or constant (default: ${DEFAULT-VALUE})")
    Schedule schedule;

    @Option(names = "--warmup", defaultValue = "5", paramLabel = "STEPS", description = "steps of linear rise from 0 (default: ${DEFAULT-VALUE})")
    int warmup;

    @Option(names = "--weight-decay", defaultValue = "0.01", paramLabel = "D", description = "decoupled weight decay (default: ${DEFAULT-VALUE})")
    float weightDecay;

    @Option(names = "--clip", defaultValue = "1.0", paramLabel = "NORM", description = "largest gradient norm; 0: no clipping (default: ${DEFAULT-VALUE})")
    float clip;

    @Option(names = "--optimizer", defaultValue = "adamw", paramLabel = "NAME",
            description = "adamw, or adamw8bit: its states in 8 bits (default: ${DEFAULT-VALUE})")
    String optimizer;

    @Option(names = "--batch", defaultValue = "2", paramLabel = "N", description = "rows of a micro-batch (default: ${DEFAULT-VALUE})")
    int batch;

    @Option(names = "--accumulate", defaultValue = "4", paramLabel = "N", description = "micro-batches of a step (default: ${DEFAULT-VALUE})")
    int accumulate;

    @Option(names = "--max-length", defaultValue = "2048", paramLabel = "TOKENS", description = "longest row (default: ${DEFAULT-VALUE})")
    int maxLength;

    @Option(names = "--checkpointing", defaultValue = "recompute", paramLabel = "HOW",
            description = "none, or recompute: keep the blocks' inputs only and run forward again in backward (default: ${DEFAULT-VALUE})")
    String checkpointing;

    @Option(names = "--seed", defaultValue = "3407", paramLabel = "N", description = "of shuffling and the adapter's start (default: ${DEFAULT-VALUE})")
    long seed;

    /** The adapter these knobs describe. */
    LoraConfig lora(ModelConfig c) {
        LoraConfig lora = new LoraConfig(rank, alpha, rslora, Adapter.resolveTargets(c, targets));
        Adapter.shapes(c, lora); // says which target the model does not have
        return lora;
    }

    TrainOptions options(int steps) {
        if (batch < 1) throw new IllegalArgumentException("--batch must be at least 1, found " + batch);
        if (accumulate < 1) throw new IllegalArgumentException("--accumulate must be at least 1, found " + accumulate);
        if (maxLength < 2) throw new IllegalArgumentException("--max-length must be at least 2, found " + maxLength);
        return new TrainOptions(steps, lr, schedule, warmup, weightDecay, clip, 0, choice("--optimizer", optimizer, "adamw", "adamw8bit") == 1,
                choice("--checkpointing", checkpointing, "none", "recompute") == 1);
    }

    /** Most tokens of a micro-batch of rows of full length. */
    int tokensPerMicroBatch() {
        return Math.multiplyExact(batch, maxLength);
    }

    private static int choice(String option, String value, String... allowed) {
        int i = List.of(allowed).indexOf(value);
        if (i < 0) throw new IllegalArgumentException(option + " " + value + ": none of " + String.join(", ", allowed));
        return i;
    }

    /** "linear" and its like. */
    static final class ScheduleConverter implements ITypeConverter<Schedule> {
        @Override
        public Schedule convert(String value) {
            try {
                return Schedule.of(value);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
