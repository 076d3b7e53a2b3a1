package dev.luthier.model;

import dev.luthier.io.GgufFile;
import dev.luthier.io.TensorInfo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Weights from a GGUF file: names, order of q and k rows and Gemma's norms as the checkpoint had them before llama.cpp's converter. */
final class GgufWeights implements WeightFiles {
    private static final long ALIGNMENT = 64;

    private final GgufFile file;
    private final ModelConfig config;

    GgufWeights(GgufFile file, ModelConfig config) {
        this.file = file;
        this.config = config;
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public List<TensorInfo> tensors() {
        return file.tensors().stream().map(t -> GgufNames.huggingFace(config.family(), t.name()).map(t::named).orElse(t)).toList();
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return GgufNames.gguf(config.family(), name).flatMap(file::find).map(t -> t.named(name));
    }

    @Override
    public MemorySegment bytes(String name) {
        TensorInfo info = info(name);
        MemorySegment bytes = file.bytes(gguf(name));
        Optional<HeadPermutation> permutation = HeadPermutation.of(config, gguf(name));
        if (permutation.isEmpty()) return bytes;
        MemorySegment restored = Arena.ofAuto().allocate(bytes.byteSize(), ALIGNMENT);
        long rows = info.dim(0);
        permutation.get().undo(restored, bytes, rows, bytes.byteSize() / rows);
        return restored;
    }

    @Override
    public float[] floats(String name) {
        info(name);
        float[] values = file.floats(gguf(name));
        if (config.family().gemma() && name.endsWith("norm.weight")) for (int i = 0; i < values.length; i++) values[i] -= 1; // the converter stores 1 + w
        Optional<HeadPermutation> permutation = HeadPermutation.of(config, gguf(name));
        if (permutation.isEmpty()) return values;
        float[] restored = new float[values.length]; // a bias: one number a row
        permutation.get().undo(MemorySegment.ofArray(restored), MemorySegment.ofArray(values), values.length, Float.BYTES);
        return restored;
    }

    private String gguf(String name) {
        return GgufNames.gguf(config.family(), name).orElse(name);
    }

    @Override
    public void close() {
        file.close();
    }
}
