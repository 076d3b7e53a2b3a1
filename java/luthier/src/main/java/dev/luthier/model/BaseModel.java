package dev.luthier.model;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.Engine;
import dev.luthier.io.GgufFile;
import dev.luthier.io.TensorSink;
import dev.luthier.ops.Ops;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A base model loaded on an engine; owns the weights' memory. */
public final class BaseModel implements AutoCloseable {
    private final Path folder;
    private final LoadIn loadIn;
    private final Map<String, DType> exceptions;
    private final Weights weights;
    private final DeviceArena arena;

    private BaseModel(Path folder, LoadIn loadIn, Map<String, DType> exceptions, Weights weights, DeviceArena arena) {
        this.folder = folder;
        this.loadIn = loadIn;
        this.exceptions = exceptions;
        this.weights = weights;
        this.arena = arena;
    }

    /**
     * Loads a Hugging Face checkpoint folder (config.json and safetensors) or a GGUF file.
     *
     * @param progress bytes of the checkpoint read so far, and in all
     */
    public static BaseModel load(Ops ops, Path folder, LoadIn loadIn, TensorSink.Progress progress) throws IOException {
        return load(ops, folder, loadIn, List.of(), progress);
    }

    /**
     * The same with rows to calibrate {@link LoadIn#BIT4_DYNAMIC} on.
     *
     * @param calibration token rows; empty: the weights' own error decides
     */
    public static BaseModel load(Ops ops, Path folder, LoadIn loadIn, List<int[]> calibration, TensorSink.Progress progress) throws IOException {
        ModelConfig config = config(folder);
        try (WeightFiles source = WeightFiles.open(folder, config)) {
            Map<String, DType> exceptions = Map.of();
            if (loadIn == LoadIn.BIT4_DYNAMIC) {
                try (BaseModel nf4 = load(ops, folder, config, source, LoadIn.BIT4, exceptions, TensorSink.Progress.NONE);
                        CheckpointStore exact = new CheckpointStore(source, LoadIn.BIT32, exceptions, DeviceArena.counting(), ops, TensorSink.Progress.NONE)) {
                    exceptions = DynamicTypes.choose(ops, nf4.weights, exact, calibration);
                }
            }
            return load(ops, folder, config, source, loadIn, exceptions, progress);
        }
    }

    private static BaseModel load(Ops ops, Path folder, ModelConfig config, WeightFiles source, LoadIn loadIn, Map<String, DType> exceptions, TensorSink.Progress progress) {
        DeviceArena count = DeviceArena.counting();
        try (CheckpointStore counting = new CheckpointStore(source, loadIn, exceptions, count, null, progress)) {
            Weights.build(config, counting);
        }
        Engine engine = ops.engine();
        DeviceArena arena = DeviceArena.of(engine, count.peak());
        try (CheckpointStore store = new CheckpointStore(source, loadIn, exceptions, arena, ops, progress)) {
            Weights weights = Weights.build(config, store);
            engine.synchronize();
            return new BaseModel(folder, loadIn, exceptions, weights, arena);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** The configuration of a checkpoint folder, a config.json, or a GGUF file. */
    public static ModelConfig config(Path model) throws IOException {
        if (!WeightFiles.isGguf(model)) return ConfigReader.read(model);
        try (GgufFile file = GgufFile.open(model)) {
            return GgufConfig.read(file);
        }
    }

    /** Bytes of the weights of a model whose checkpoint would be in {@code source}. */
    public static long weightBytes(ModelConfig config, LoadIn loadIn, DType source) {
        DeviceArena count = DeviceArena.counting();
        Weights.build(config, CheckpointStore.counting(loadIn, source, count));
        return count.peak();
    }

    public Path folder() {
        return folder;
    }

    public LoadIn loadIn() {
        return loadIn;
    }

    /** Projections that {@link LoadIn#BIT4_DYNAMIC} holds in another type than NF4, the most valuable first. */
    public Map<String, DType> exceptions() {
        return exceptions;
    }

    public ModelConfig config() {
        return weights.config();
    }

    public Weights weights() {
        return weights;
    }

    @Override
    public void close() {
        arena.close();
    }
}
