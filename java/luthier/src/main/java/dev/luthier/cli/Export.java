package dev.luthier.cli;

import dev.luthier.engine.Engine;
import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Precision;
import dev.luthier.export.ExportType;
import dev.luthier.export.GgufExporter;
import dev.luthier.export.LoraGgufExporter;
import dev.luthier.export.MergeBase;
import dev.luthier.export.ModelExport;
import dev.luthier.export.SafetensorsExporter;
import dev.luthier.io.Json;
import dev.luthier.io.TensorSink;
import dev.luthier.ops.Ops;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;
import tools.jackson.databind.node.ObjectNode;

/** Writes a tuned model for other programs. */
@Command(name = "export", mixinStandardHelpOptions = true, description = {"Writes a model with its adapter merged in: GGUF files for llama.cpp and Ollama,"
        + " or a safetensors checkpoint; or the adapter alone as GGUF.", "The merge is in fp32, tensor by tensor; a result has its name only when it is whole."})
final class Export implements Callable<Integer> {
    /** What is written. */
    enum Format { GGUF, SAFETENSORS, ADAPTER }

    private static final String SUFFIX = ".gguf";

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "folder of a Hugging Face checkpoint")
    Path model;

    @Option(names = "--adapter", paramLabel = "DIR", description = "PEFT adapter to merge")
    Path adapter;

    @Option(names = "--out", required = true, paramLabel = "FILE_OR_DIR",
            description = "a .gguf file, or a folder that gets one file a type; the new folder of a safetensors checkpoint")
    Path out;

    @Option(names = "--type", split = ",", defaultValue = "q8_0", paramLabel = "TYPE", converter = TypeConverter.class,
            description = "one or more, with commas: f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q2_k, q3_k_s, q3_k_m, q3_k_l, q4_k_s, q4_k_m, q5_k_s,"
                    + " q5_k_m, q6_k (default: ${DEFAULT-VALUE})")
    List<ExportType> types;

    @Option(names = "--format", defaultValue = "gguf", paramLabel = "FORMAT",
            description = "gguf; safetensors (f32, f16, bf16); adapter: the adapter alone as GGUF (f32, f16, bf16, q8_0) (default: ${DEFAULT-VALUE})")
    Format format;

    @Option(names = "--merge-base", defaultValue = "original", paramLabel = "BASE",
            description = "original: add the adapter to the checkpoint's weights; nf4: to those that 4-bit training saw (default: ${DEFAULT-VALUE})")
    MergeBase mergeBase;

    @Option(names = "--name", paramLabel = "TEXT", description = "the model's name in the file; otherwise from its card or folder")
    String name;

    @Option(names = "--base-model", paramLabel = "ID", description = "id of the model that this was tuned from; otherwise from its card")
    String baseModel;

    @Option(names = "--shard-size", defaultValue = "5000000000", paramLabel = "BYTES", description = "most bytes in a safetensors file (default: ${DEFAULT-VALUE})")
    long shardSize;

    @Option(names = "--threads", defaultValue = "0", paramLabel = "N", description = "CPU threads; 0: all this process may use (default: ${DEFAULT-VALUE})")
    int threads;

    @Option(names = "--json", description = "print what was written as JSON")
    boolean asJson;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        Terminal terminal = new Terminal(err);
        long start = System.nanoTime();
        try (Engine engine = Engine.open(new EngineConfig("cpu", 0, threads, Precision.FP32)); Ops ops = new Ops(engine)) {
            Map<ExportType, Path> written = switch (format) {
                case GGUF -> gguf(ops, terminal);
                case SAFETENSORS -> Map.of(only(), new SafetensorsExporter(ops, what()).export(out, only().base(), shardSize, progress(terminal)));
                case ADAPTER -> Map.of(only(), adapter(ops, terminal));
            };
            terminal.clear();
            report(written, (System.nanoTime() - start) / 1e9, err);
        }
        return ExitCode.OK;
    }

    private ModelExport what() {
        return new ModelExport(model, adapter, mergeBase, name, baseModel);
    }

    private TensorSink.Progress progress(Terminal terminal) {
        return terminal.bytes("writing " + out.getFileName());
    }

    private ExportType only() {
        if (types.size() != 1) throw new IllegalArgumentException("--format " + format.name().toLowerCase(Locale.ROOT) + " takes one --type, found " + types.size());
        return types.getFirst();
    }

    private Map<ExportType, Path> gguf(Ops ops, Terminal terminal) throws IOException {
        SequencedMap<ExportType, Path> targets = new LinkedHashMap<>();
        boolean file = out.toString().endsWith(SUFFIX);
        if (file && types.size() > 1) throw new IllegalArgumentException("--out " + out + " names one file for " + types.size() + " types; give a folder");
        Path folder = file ? out.toAbsolutePath().getParent() : out;
        Files.createDirectories(folder);
        for (ExportType type : types) targets.put(type, file ? out : folder.resolve(fileName(type)));
        GgufExporter.Result result = new GgufExporter(ops, what()).export(targets, progress(terminal));
        if (!result.chatTemplate())
            terminal.println("luthier: the model has no chat template, so programs that read the file will guess one; put a chat_template.jinja beside its tokenizer.json");
        return result.files();
    }

    private String fileName(ExportType type) throws IOException {
        String stem = name != null ? name : (adapter != null ? adapter : model).toRealPath().getFileName().toString();
        return stem.replaceAll("[^A-Za-z0-9._-]+", "-") + "-" + type.name() + SUFFIX;
    }

    private Path adapter(Ops ops, Terminal terminal) throws IOException {
        if (adapter == null) throw new IllegalArgumentException("--format adapter needs the --adapter to write");
        Files.createDirectories(out.toAbsolutePath().getParent());
        return new LoraGgufExporter(ops).export(adapter, model, only(), out, name, progress(terminal));
    }

    private void report(Map<ExportType, Path> written, double seconds, PrintWriter err) throws IOException {
        ObjectNode json = Json.mapper().createObjectNode().put("seconds", seconds);
        var files = json.putArray("files");
        for (Map.Entry<ExportType, Path> e : written.entrySet()) {
            long bytes = Files.isDirectory(e.getValue()) ? folderBytes(e.getValue()) : Files.size(e.getValue());
            files.addObject().put("type", e.getKey().label()).put("path", e.getValue().toString()).put("bytes", bytes);
            err.println("luthier: " + e.getValue() + " (" + e.getKey().label() + ", " + Terminal.size(bytes) + ")");
        }
        err.printf(Locale.ROOT, "luthier: exported in %s%n", Terminal.duration(seconds));
        if (asJson) spec.commandLine().getOut().println(Json.text(json));
    }

    private static long folderBytes(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.mapToLong(f -> f.toFile().length()).sum();
        }
    }

    /** "q4_k_m" and its like. */
    static final class TypeConverter implements ITypeConverter<ExportType> {
        @Override
        public ExportType convert(String value) {
            try {
                return ExportType.of(value);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
