package dev.luthier.cli;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Engine;
import dev.luthier.io.Json;
import dev.luthier.model.Adapter;
import dev.luthier.model.BaseModel;
import dev.luthier.model.LoadIn;
import dev.luthier.model.LoraConfig;
import dev.luthier.model.ModelConfig;
import dev.luthier.train.MemoryPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** What a training run will take of device memory, before anything is allocated. */
@Command(name = "plan", mixinStandardHelpOptions = true, description = {"Shows the memory that a training run takes, by kind, from config.json alone.",
        "The weights need not be there."})
final class Plan implements Callable<Integer> {
    @Mixin
    private EngineOptions engine;

    @Mixin
    private TrainSettings settings;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "folder with a config.json, or the file itself")
    Path model;

    @Option(names = "--json", description = "print JSON")
    boolean asJson;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        ModelConfig c = BaseModel.config(model);
        PrintWriter out = spec.commandLine().getOut();
        try (Engine e = Engine.open(engine.resolve(spec.commandLine().getErr()))) {
            LoraConfig lora = settings.lora(c);
            MemoryPlan plan = of(e, c, lora, settings, settings.tokensPerMicroBatch(), settings.batch);
            long free = e.device().memoryFree();
            if (asJson) out.println(Json.text(json(c, lora, plan, free)));
            else print(out, c, lora, plan, free);
        }
        return ExitCode.OK;
    }

    /** The whole plan: weights, adapter, gradients, optimizer, activations, workspace. */
    static MemoryPlan of(Engine e, ModelConfig c, LoraConfig lora, TrainSettings s, long tokens, long sequences) {
        return MemoryPlan.ofTraining(c, lora, e.config().precision().activation(), s.options(1), tokens, sequences)
                .plus(Kind.WEIGHTS, BaseModel.weightBytes(c, s.loadIn, s.loadIn == LoadIn.BIT32 ? DType.F32 : DType.BF16))
                .plus(Kind.WORKSPACE, e.workspaceBytes(c.limits(tokens, sequences, lora.rank())));
    }

    private static ObjectNode json(ModelConfig c, LoraConfig lora, MemoryPlan plan, long free) {
        ObjectNode json = Json.mapper().createObjectNode();
        json.put("family", c.family().modelType()).put("parameters", c.parameters()).put("linear_parameters", c.linearParameters());
        json.put("trainable_parameters", trainable(c, lora));
        ObjectNode bytes = json.putObject("bytes");
        plan.bytes().forEach((kind, n) -> bytes.put(kind.name().toLowerCase(Locale.ROOT), n));
        return json.put("total_bytes", plan.total()).put("free_bytes", free).put("fits", plan.total() <= free);
    }

    private static long trainable(ModelConfig c, LoraConfig lora) {
        return Adapter.shapes(c, lora).stream().mapToLong(s -> s.rows() * s.cols()).sum();
    }

    private static void print(PrintWriter out, ModelConfig c, LoraConfig lora, MemoryPlan plan, long free) {
        out.printf(Locale.ROOT, "%s, %,d parameters, of which %,d learn (rank %d)%n", c.family().modelType(), c.parameters(), trainable(c, lora), lora.rank());
        out.println(table(plan));
        out.printf(Locale.ROOT, "%-18s %10s%n", "free", Terminal.size(free));
        if (plan.total() > free) out.println(advice());
    }

    /** One line per kind and the sum. */
    static String table(MemoryPlan plan) {
        StringBuilder s = new StringBuilder();
        plan.bytes().forEach((kind, n) -> s.append(String.format(Locale.ROOT, "%-18s %10s%n", kind.label(), Terminal.size(n))));
        return s.append(String.format(Locale.ROOT, "%-18s %10s", "total", Terminal.size(plan.total()))).toString();
    }

    /** What makes a run smaller. */
    static String advice() {
        return "does not fit; lower --batch (and raise --accumulate), lower --max-length, use --checkpointing recompute, --load-in 4bit or --optimizer adamw8bit";
    }
}
