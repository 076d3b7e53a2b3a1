package dev.luthier.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A tensor file being written. Its tensors are declared when it is created; their bytes then come in
 * any order, whole or in pieces, and the file takes its name at {@link #commit}. {@link #close}
 * without a commit leaves nothing behind. One thread at a time.
 */
public sealed interface TensorSink extends AutoCloseable permits TensorFileWriter, SafetensorsShardWriter {

    /** Told after each piece how many of the data bytes are written. */
    @FunctionalInterface
    interface Progress {
        Progress NONE = (written, total) -> { };

        void written(long bytes, long total);
    }

    /** The tensors declared, in file order: the order in which writing is fastest. */
    List<TensorInfo> tensors();

    /**
     * Writes the next bytes of a tensor.
     *
     * @throws IllegalArgumentException where no such tensor was declared, or it would get too many bytes
     */
    void append(String name, MemorySegment bytes) throws IOException;

    /**
     * Writes a whole tensor.
     *
     * @throws IllegalArgumentException where no such tensor was declared, or the bytes are not all of it
     */
    void write(String name, MemorySegment bytes) throws IOException;

    /**
     * Makes the file durable under its name.
     *
     * @throws IllegalStateException where a tensor is not complete
     */
    void commit() throws IOException;

    @Override
    void close() throws IOException;
}
