package dev.luthier.model;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.Engine;
import dev.luthier.io.GgufFile;
import dev.luthier.io.TensorSink;
import dev.luthier.ops.Ops;
import java.io.IOException;
import java.nio.file.Path;

/** A base model loaded on an engine; owns the weights' memory. */
public final class BaseModel implements AutoCloseable {
    private final Path folder;
    private final LoadIn loadIn;
    private final Weights weights;
    private final DeviceArena arena;

    private BaseModel(Path folder, LoadIn loadIn, Weights weights, DeviceArena arena) {
        this.folder = folder;
        this.loadIn = loadIn;
        this.weights = weights;
        this.arena = arena;
    }

    /**
     * Loads a Hugging Face checkpoint folder (config.json and safetensors) or a GGUF file.
     *
     * @param progress bytes of the checkpoint read so far, and in all
     */
    public static BaseModel load(Ops ops, Path folder, LoadIn loadIn, TensorSink.Progress progress) throws IOException {
        ModelConfig config = config(folder);
        try (WeightFiles source = WeightFiles.open(folder, config)) {
            DeviceArena count = DeviceArena.counting();
            try (CheckpointStore counting = new CheckpointStore(source, loadIn, count, null, progress)) {
                Weights.build(config, counting);
            }
            Engine engine = ops.engine();
            DeviceArena arena = DeviceArena.of(engine, count.peak());
            try (CheckpointStore store = new CheckpointStore(source, loadIn, arena, ops, progress)) {
                Weights weights = Weights.build(config, store);
                engine.synchronize();
                return new BaseModel(folder, loadIn, weights, arena);
            } catch (RuntimeException e) {
                arena.close();
                throw e;
            }
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
