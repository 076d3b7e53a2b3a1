package dev.luthier.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Named tensors in files mapped into memory. Every range was checked when the source was opened, so
 * reading cannot run past a file. Segments are read-only and valid until {@link #close}. All methods
 * but close may be called from several threads.
 */
public sealed interface TensorSource extends AutoCloseable permits SafetensorsFile, SafetensorsShards, GgufFile {

    /**
     * Opens a safetensors file, a {@code *.safetensors.index.json} with the shards beside it, a GGUF
     * file, or a folder that holds a safetensors checkpoint or adapter.
     *
     * @throws FormatException where there is none, or it breaks a rule of its format
     */
    static TensorSource open(Path path) throws IOException {
        return Checkpoints.open(path);
    }

    /** The file (for shards: the index) this was opened from. */
    Path path();

    /** All tensors, in file order. */
    List<TensorInfo> tensors();

    /** The tensor of that name. */
    Optional<TensorInfo> find(String name);

    /** The bytes of a tensor: {@code info(name).bytes()} of them, little-endian, row-major. */
    MemorySegment bytes(String name);

    /** Unmaps the files. Segments given out before must no longer be used. */
    @Override
    void close();

    /** The tensor of that name, which must be there. */
    default TensorInfo info(String name) {
        return find(name).orElseThrow(() -> missing(name));
    }

    /** A whole tensor as floats; see {@link Floats#decode} for the types that can be read so. */
    default float[] floats(String name) {
        TensorInfo info = info(name);
        if (!Floats.canDecode(info.dtype())) {
            throw Floats.undecodable(path(), info);
        }
        if (info.elements() > Integer.MAX_VALUE - 8) {
            throw new FormatException(path(), "tensor " + FormatException.quote(name), info.elements() + " elements",
                    "fewer than 2^31 to read it as one array", "read it in pieces");
        }
        float[] values = new float[(int) info.elements()];
        Floats.decode(info.dtype(), bytes(name), 0, values, 0, values.length);
        return values;
    }

    /** The error for a tensor that is not here. */
    default FormatException missing(String name) {
        return new FormatException(path(), "", "no tensor " + FormatException.quote(name)
                + " among its " + tensors().size(), "", "check that the file belongs to this model and is complete");
    }
}
