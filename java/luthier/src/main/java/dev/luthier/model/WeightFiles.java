package dev.luthier.model;

import dev.luthier.io.FormatException;
import dev.luthier.io.GgufFile;
import dev.luthier.io.TensorInfo;
import dev.luthier.io.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** A model's weights under their Hugging Face names, whatever files they lie in. */
interface WeightFiles extends AutoCloseable {
    /** Named in errors. */
    Path path();

    List<TensorInfo> tensors();

    Optional<TensorInfo> find(String name);

    /** The bytes of a tensor, in Hugging Face's order of rows. */
    MemorySegment bytes(String name);

    /** A tensor as floats. */
    float[] floats(String name);

    @Override
    void close();

    default TensorInfo info(String name) {
        return find(name).orElseThrow(() -> new FormatException(path(), "", "no tensor " + FormatException.quote(name), "", "check that the file belongs to this model and is complete"));
    }

    /** Whether a path names a GGUF file. */
    static boolean isGguf(Path path) {
        return Files.isRegularFile(path) && path.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".gguf");
    }

    /** A checkpoint folder or a GGUF file. */
    static WeightFiles open(Path path, ModelConfig config) throws IOException {
        return isGguf(path) ? new GgufWeights(GgufFile.open(path), config) : new Safetensors(TensorSource.open(path));
    }

    /** A checkpoint as transformers writes it. */
    record Safetensors(TensorSource source) implements WeightFiles {
        @Override
        public Path path() {
            return source.path();
        }

        @Override
        public List<TensorInfo> tensors() {
            return source.tensors();
        }

        @Override
        public Optional<TensorInfo> find(String name) {
            return source.find(name);
        }

        @Override
        public MemorySegment bytes(String name) {
            return source.bytes(name);
        }

        @Override
        public float[] floats(String name) {
            return source.floats(name);
        }

        @Override
        public void close() {
            source.close();
        }
    }
}
