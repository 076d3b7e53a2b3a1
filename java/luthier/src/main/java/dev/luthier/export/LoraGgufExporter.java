package dev.luthier.export;

import dev.luthier.model.HeadPermutation;
import dev.luthier.model.GgufNames;
import dev.luthier.io.DType;
import dev.luthier.io.FormatException;
import dev.luthier.io.GgufValue;
import dev.luthier.io.GgufWriter;
import dev.luthier.io.Json;
import dev.luthier.io.TensorInfo;
import dev.luthier.io.TensorSink;
import dev.luthier.io.TensorSource;
import dev.luthier.model.AdapterFiles;
import dev.luthier.model.ConfigReader;
import dev.luthier.model.LoraConfig;
import dev.luthier.model.ModelConfig;
import dev.luthier.ops.Ops;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * Writes a PEFT adapter as a GGUF file that llama.cpp adds to its base model ({@code --lora}): for each matrix {@code X} that learned, {@code X.lora_a}
 * [r, in] and {@code X.lora_b} [out, r]. Readers scale by {@code adapter.lora.alpha} / r, so another scaling is folded into alpha. Layout and order as
 * convert_lora_to_gguf.py of llama.cpp.
 */
public final class LoraGgufExporter {
    private static final String PREFIX = "base_model.model.";
    private static final String A = ".lora_A.weight";
    private static final String B = ".lora_B.weight";

    private final Ops ops;

    public LoraGgufExporter(Ops ops) {
        this.ops = ops;
    }

    /** Half of a pair: a tensor of the adapter and what becomes of it. */
    private record Half(TensorInfo info, String source, HeadPermutation permutation) {
    }

    /**
     * Writes the file.
     *
     * @param model folder of the base model; its config.json is read
     * @param type  F32, F16, BF16 or Q8_0
     * @param name  the adapter's name in the file, or null: its folder's
     */
    public Path export(Path adapter, Path model, ExportType type, Path target, String name, TensorSink.Progress progress) throws IOException {
        if (type.mixed()) throw new IllegalArgumentException("an adapter cannot be " + type.label() + "; choose f32, f16, bf16 or q8_0");
        ModelConfig config = ConfigReader.read(model);
        LoraConfig lora = AdapterFiles.readConfig(adapter, config);
        try (TensorSource source = TensorSource.open(adapter.resolve(AdapterFiles.WEIGHTS))) {
            List<Half> halves = halves(source, config, type);
            long parameters = source.tensors().stream().mapToLong(TensorInfo::elements).sum();
            SequencedMap<String, GgufValue> keys = keys(adapter, config, lora, name, -parameters);
            try (GgufWriter writer = GgufWriter.create(target, keys, halves.stream().map(Half::info).toList(), progress)) {
                for (Half half : halves) write(writer, source, half);
                writer.commit();
            }
            return target;
        }
    }

    private static List<Half> halves(TensorSource source, ModelConfig model, ExportType type) {
        List<Half> halves = new ArrayList<>();
        for (TensorInfo t : source.tensors()) {
            if (t.name().endsWith(B)) {
                source.info(t.name().replace(B, A));
                continue;
            }
            Optional<String> gguf = t.name().startsWith(PREFIX) && t.name().endsWith(A)
                    ? GgufNames.gguf(model.family(), t.name().substring(PREFIX.length()).replace(A, ".weight")) : Optional.empty();
            if (gguf.isEmpty())
                throw new FormatException(source.path(), "tensor " + FormatException.quote(t.name()), "a tensor that is no LoRA matrix of a " + model.family().modelType() + " model",
                        "", "use an adapter of linear layers alone");
            String b = t.name().replace(A, B);
            halves.add(half(t, gguf.get() + ".lora_a", type, null));
            halves.add(half(source.info(b), gguf.get() + ".lora_b", type, HeadPermutation.of(model, gguf.get()).orElse(null)));
        }
        return halves;
    }

    private static Half half(TensorInfo t, String name, ExportType type, HeadPermutation permutation) {
        DType wanted = type.base();
        DType dtype = t.dim(-1) % wanted.blockElements() == 0 ? wanted : DType.F16;
        return new Half(new TensorInfo(name, dtype, t.shape()), t.name(), permutation);
    }

    private static SequencedMap<String, GgufValue> keys(Path adapter, ModelConfig model, LoraConfig lora, String name, long parameters) throws IOException {
        SequencedMap<String, GgufValue> keys = new LinkedHashMap<>();
        keys.put("general.architecture", GgufValue.string(model.family().ggufArchitecture()));
        keys.put("general.type", GgufValue.string("adapter"));
        keys.put("adapter.type", GgufValue.string("lora"));
        ModelFacts facts = new ModelFacts(ModelFacts.folderName(adapter), name, null, ModelCard.read(adapter), Json.mapper().createObjectNode(),
                Json.mapper().createObjectNode());
        GeneralMetadata.add(keys, facts, parameters);
        keys.put("adapter.lora.alpha", GgufValue.float32(lora.rslora() ? lora.scale() * lora.rank() : lora.alpha()));
        GgufMetadata.quantizationVersion(keys);
        return keys;
    }

    /** Adapters are small: a matrix at a time. */
    private void write(GgufWriter writer, TensorSource source, Half half) throws IOException {
        TensorInfo info = half.info;
        long rowBytes = info.dim(-1) * Float.BYTES;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment floats = arena.allocateFrom(ValueLayout.JAVA_FLOAT, source.floats(half.source));
            MemorySegment ordered = floats;
            if (half.permutation != null) {
                ordered = arena.allocate(floats.byteSize(), 64);
                half.permutation.apply(ordered, floats, info.dim(0), rowBytes);
            }
            MemorySegment bytes = arena.allocate(info.bytes(), 64);
            ops.quantizeRows(bytes, dev.luthier.engine.DType.valueOf(info.dtype().name()), ordered, info.dim(0), info.dim(-1), null);
            writer.write(info.name(), bytes);
        }
    }
}
