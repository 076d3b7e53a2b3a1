package dev.luthier.export;

import dev.luthier.io.AtomicFile;
import dev.luthier.io.DType;
import dev.luthier.io.Json;
import dev.luthier.io.SafetensorsShardWriter;
import dev.luthier.io.TensorInfo;
import dev.luthier.io.TensorSink;
import dev.luthier.model.ConfigReader;
import dev.luthier.model.ModelConfig;
import dev.luthier.ops.Ops;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a model, with its adapter merged in, as a Hugging Face checkpoint that transformers loads: safetensors in shards, config.json, and the
 * tokenizer's files as they are. The folder has its name only when it is whole.
 */
public final class SafetensorsExporter {
    /** As transformers cuts. */
    public static final long SHARD_BYTES = 5_000_000_000L;
    private static final long PIECE = 1 << 21;
    /** What belongs to a model besides config.json and weights. */
    private static final List<String> COPIED = List.of("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.model",
            "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja", "generation_config.json", "LICENSE", "LICENSE.txt", "NOTICE");
    private static final Map<DType, String> TORCH = Map.of(DType.F32, "float32", DType.F16, "float16", DType.BF16, "bfloat16");

    private final Ops ops;
    private final ModelExport what;

    public SafetensorsExporter(Ops ops, ModelExport what) {
        this.ops = ops;
        this.what = what;
    }

    /**
     * Writes the folder.
     *
     * @param type       F32, F16 or BF16, of every tensor
     * @param target     a folder that does not exist, or is empty
     * @param shardBytes most bytes of tensors in a file
     */
    public Path export(Path target, DType type, long shardBytes, TensorSink.Progress progress) throws IOException {
        if (!TORCH.containsKey(type)) throw new IllegalArgumentException("a safetensors checkpoint cannot be " + type + "; choose f32, f16 or bf16");
        Path folder = target.toAbsolutePath().normalize();
        if (Files.exists(folder) && !(Files.isDirectory(folder) && isEmpty(folder)))
            throw new FileAlreadyExistsException(target.toString(), null, "it exists already; name a new folder, or remove it.");
        Files.createDirectories(folder.getParent());
        Path partial = folder.resolveSibling("." + folder.getFileName() + "." + ProcessHandle.current().pid() + ".partial");
        try {
            Files.createDirectory(partial);
            weights(partial, type, shardBytes, progress);
            config(partial, type);
            for (String name : COPIED) copy(what.model().resolve(name), partial.resolve(name));
            if (what.adapter() != null) copy(what.adapter().resolve("chat_template.jinja"), partial.resolve("chat_template.jinja"));
            Files.deleteIfExists(folder);
            Files.move(partial, folder, StandardCopyOption.ATOMIC_MOVE);
            AtomicFile.syncFolder(folder.getParent());
            return target;
        } finally {
            removeFolder(partial);
        }
    }

    private static boolean isEmpty(Path folder) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            return !files.iterator().hasNext();
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        if (Files.isRegularFile(from)) AtomicFile.writeBytes(to, Files.readAllBytes(from));
    }

    private static void removeFolder(Path folder) throws IOException {
        if (!Files.exists(folder)) return;
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path p : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
        }
    }

    private void weights(Path folder, DType type, long shardBytes, TensorSink.Progress progress) throws IOException {
        ModelConfig model = ConfigReader.read(what.model());
        try (MergedWeights weights = new MergedWeights(ops, what.model(), model, what.adapter(), what.base(), Math.max(PIECE, Math.max(model.hidden(), model.intermediate())))) {
            List<TensorInfo> infos = new ArrayList<>();
            for (TensorInfo t : weights.source().tensors()) infos.add(t.as(type));
            try (SafetensorsShardWriter writer = SafetensorsShardWriter.create(folder, Map.of("format", "pt"), infos, shardBytes, progress)) {
                for (TensorInfo info : infos) write(weights, writer, info);
                writer.commit();
            }
        }
    }

    private void write(MergedWeights weights, SafetensorsShardWriter writer, TensorInfo info) throws IOException {
        try (MergedWeights.Open tensor = weights.open(info.name()); Arena arena = Arena.ofConfined()) {
            long columns = tensor.columns();
            long atOnce = Math.min(tensor.rows(), Math.max(1, PIECE / columns));
            MemorySegment floats = arena.allocate(atOnce * columns * Float.BYTES, 64);
            MemorySegment encoded = arena.allocate(info.dtype().bytes(atOnce * columns), 64);
            for (long row = 0; row < tensor.rows(); row += atOnce) {
                long n = Math.min(atOnce, tensor.rows() - row);
                tensor.read(row, n, floats);
                MemorySegment bytes = encoded.asSlice(0, info.dtype().bytes(n * columns));
                ops.quantizeRows(bytes, dev.luthier.engine.DType.valueOf(info.dtype().name()), floats.asSlice(0, n * columns * Float.BYTES), n, columns, null);
                writer.append(info.name(), bytes);
            }
        }
    }

    /** config.json with the new type, in the spelling that it used. */
    private void config(Path folder, DType type) throws IOException {
        ObjectNode config = Json.readObject(what.model().resolve("config.json"));
        config.put(config.has("dtype") ? "dtype" : "torch_dtype", TORCH.get(type));
        Json.write(folder.resolve("config.json"), config);
    }
}
