package dev.luthier.cli;

import dev.luthier.data.batch.BatchOptions;
import dev.luthier.data.batch.Batches;
import dev.luthier.data.batch.Cursor;
import dev.luthier.data.batch.HoldOut;
import dev.luthier.data.rows.Dataset;
import dev.luthier.data.rows.Examples;
import dev.luthier.generate.ModelText;
import dev.luthier.io.Json;
import dev.luthier.model.AdapterFiles;
import dev.luthier.model.BaseModel;
import dev.luthier.model.ConfigReader;
import dev.luthier.model.LoraConfig;
import dev.luthier.model.ModelConfig;
import dev.luthier.model.Transformer;
import dev.luthier.ops.Ops;
import dev.luthier.train.Evaluation;
import dev.luthier.train.MemoryPlan;
import dev.luthier.train.MicroBatch;
import dev.luthier.train.TrainOptions;
import dev.luthier.train.Trainer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** Trains a LoRA adapter. */
@Command(name = "train", mixinStandardHelpOptions = true, description = {"Trains a LoRA adapter on a base model held in 4 bits.",
        "Writes to --out: the adapter as PEFT stores it, metrics.jsonl with a line per step, and the prompt frame it was trained in."})
final class Train implements Callable<Integer> {
    @Mixin
    private EngineOptions engine;

    @Mixin
    private TrainSettings settings;

    @Mixin
    private DataOptions data;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "folder of a Hugging Face checkpoint")
    Path model;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "folder for the results")
    Path out;

    @Option(names = "--overwrite", description = "replace the results that --out already holds")
    boolean overwrite;

    @Option(names = "--init-adapter", paramLabel = "DIR", description = "start from this PEFT adapter instead of a fresh one; its rank, alpha and targets hold")
    Path initAdapter;

    @Option(names = "--max-steps", defaultValue = "0", paramLabel = "N", description = "optimizer updates; 0: as many as --epochs takes")
    int maxSteps;

    @Option(names = "--epochs", defaultValue = "3", paramLabel = "N", description = "passes over the data where --max-steps is 0 (default: ${DEFAULT-VALUE})")
    int epochs;

    @Option(names = "--no-shuffle", description = "take the rows in the order of the file")
    boolean noShuffle;

    @Option(names = "--pack", description = "put several rows into one of --max-length tokens; attention and positions keep them apart")
    boolean pack;

    @Option(names = "--validation-share", defaultValue = "0", paramLabel = "SHARE",
            description = "share of the rows kept from training, on which the loss is measured before and after (default: ${DEFAULT-VALUE})")
    double validationShare;

    @Option(names = "--json", description = "print a JSON object about the run at the end")
    boolean asJson;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        Terminal terminal = new Terminal(err);
        if (maxSteps < 0) throw new IllegalArgumentException("--max-steps must not be negative, found " + maxSteps);
        if (maxSteps == 0 && epochs < 1) throw new IllegalArgumentException("--epochs must be at least 1, found " + epochs);
        settings.options(1); // says what is wrong with the knobs before any file is read
        ModelConfig config = ConfigReader.read(model);
        LoraConfig lora = initAdapter == null ? settings.lora(config) : AdapterFiles.readConfig(initAdapter, config);
        if (Files.exists(out.resolve(AdapterFiles.WEIGHTS)) && !overwrite)
            throw new IllegalArgumentException(out + " already holds an adapter; choose another --out, or pass --overwrite");
        int threads = engine.threads > 0 ? engine.threads : Runtime.getRuntime().availableProcessors();
        Path spill = Path.of(System.getProperty("java.io.tmpdir"), "luthier-tokens-" + ProcessHandle.current().pid());
        DataOptions.Loaded loaded = data.load(model, config.vocab(), settings.maxLength, spill, threads, terminal);
        try (Dataset dataset = loaded.dataset()) {
            describe(dataset, err);
            return run(config, lora, loaded, terminal, err);
        }
    }

    private static void describe(Dataset d, PrintWriter err) {
        d.report().shapes().forEach(s -> err.println("luthier: " + s));
        err.printf(Locale.ROOT, "luthier: %,d rows, %,d tokens, of which %,d are learned; longest row %,d%s%s%n", d.examples().size(), d.examples().tokens(),
                d.examples().targetTokens(), d.report().longest(), d.report().truncated() > 0 ? "; " + d.report().truncated() + " rows truncated" : "",
                d.report().bad() > 0 ? "; " + d.report().bad() + " bad rows passed over, the first: " + d.report().badRows().getFirst() : "");
    }

    private int run(ModelConfig config, LoraConfig lora, DataOptions.Loaded loaded, Terminal terminal, PrintWriter err) throws IOException {
        Examples all = loaded.dataset().examples();
        HoldOut split = validationShare == 0 ? null : HoldOut.choose(all.size(), loaded.dataset().group(), validationShare, settings.seed);
        Examples train = split == null ? all : all.select(split.train());
        Batches batches = new Batches(train, batchOptions());
        int steps = maxSteps > 0 ? maxSteps : Math.toIntExact(batches.totalSteps(epochs));
        TrainOptions options = settings.options(steps);
        int rowTokens = pack ? settings.maxLength : longest(train);
        int tokens = Math.multiplyExact(settings.batch, rowTokens);
        int sequences = pack ? tokens / 2 + 1 : settings.batch;
        Ops ops = engine.open(err);
        try (var _ = ops.engine(); ops) {
            refuseWhatCannotFit(ops, config, lora, options, tokens, sequences);
            try (BaseModel base = BaseModel.load(ops, model, settings.loadIn, terminal.bytes("loading " + model.getFileName() + " in " + settings.loadIn));
                    ModelOptions.LoadedAdapter adapter = initAdapter == null ? ModelOptions.LoadedAdapter.fresh(ops, lora, config, settings.seed)
                            : ModelOptions.LoadedAdapter.read(ops, initAdapter, config, true)) {
                terminal.clear();
                Transformer tuned = new Transformer(base.weights(), adapter.adapter());
                Examples held = split == null ? null : all.select(split.held());
                Double before = held == null ? null : Evaluation.of(ops, tuned, held, settings.batch).loss();
                Files.createDirectories(out);
                TrainingLog log = new TrainingLog(out.resolve("metrics.jsonl"), steps, terminal);
                try (log; Trainer trainer = new Trainer(ops, tuned, options, tokens, sequences)) {
                    Cursor[] cursor = {Cursor.START};
                    trainer.run(step -> {
                        List<MicroBatch> micro = batches.step(cursor[0].epoch(), cursor[0].step()).batches().stream().map(MicroBatch::of).toList();
                        cursor[0] = batches.after(cursor[0]);
                        return micro;
                    }, log::step);
                }
                AdapterFiles.write(ops.engine(), adapter.adapter(), out, model.toString());
                if (loaded.frame() != null) Json.write(out.resolve(ModelText.FRAME_FILE), loaded.frame().describe());
                Double after = held == null ? null : Evaluation.of(ops, tuned, held, settings.batch).loss();
                report(log, before, after, adapter.adapter().params().count(), err);
            }
        }
        return ExitCode.OK;
    }

    private BatchOptions batchOptions() {
        BatchOptions o = BatchOptions.of(settings.batch, settings.accumulate, settings.seed);
        if (pack) o = o.packed(settings.maxLength);
        return noShuffle ? o.unshuffled() : o;
    }

    private static int longest(Examples rows) {
        int longest = 0;
        for (int i = 0; i < rows.size(); i++) longest = Math.max(longest, rows.length(i));
        return longest;
    }

    private void refuseWhatCannotFit(Ops ops, ModelConfig config, LoraConfig lora, TrainOptions options, int tokens, int sequences) {
        MemoryPlan plan = Plan.of(ops.engine(), config, lora, settings, tokens, sequences);
        long free = ops.engine().device().memoryFree();
        if (plan.total() > free)
            throw new CommandFailure(ExitCode.MEMORY, "this run takes " + Terminal.size(plan.total()) + " of memory but " + Terminal.size(free) + " are free ("
                    + Plan.table(plan).strip().replaceAll(" {2,}", " ").replaceAll("\\R", ", ") + "): " + Plan.advice());
    }

    private void report(TrainingLog log, Double before, Double after, long trainable, PrintWriter err) {
        if (before != null) err.printf(Locale.ROOT, "luthier: validation loss %.4f before, %.4f after%n", before, after);
        err.println("luthier: adapter of " + String.format(Locale.ROOT, "%,d", trainable) + " parameters in " + out);
        if (!asJson) return;
        ObjectNode json = Json.mapper().createObjectNode().put("out", out.toString()).put("steps", log.steps()).put("skipped_steps", log.skipped())
                .put("first_loss", log.firstLoss()).put("last_loss", log.lastLoss()).put("tokens", log.tokens()).put("seconds", log.seconds())
                .put("trainable_parameters", trainable);
        if (before != null) json.put("validation_loss_before", before).put("validation_loss_after", after);
        spec.commandLine().getOut().println(Json.text(json));
    }
}
