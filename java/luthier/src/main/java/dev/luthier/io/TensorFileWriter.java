package dev.luthier.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the writers of single files share: a head, then tensors at known places. */
public abstract sealed class TensorFileWriter implements TensorSink permits SafetensorsWriter, GgufWriter {

    /** What a format makes of the declared tensors: their order, their places in the file, its size. */
    record Layout(byte[] head, List<TensorInfo> tensors, long[] offsets, long fileBytes) {
    }

    private static final class Slot {
        final TensorInfo info;
        final long offset;
        long written;

        Slot(TensorInfo info, long offset) {
            this.info = info;
            this.offset = offset;
        }
    }

    private final AtomicFile file;
    private final Layout layout;
    private final Progress progress;
    private final Map<String, Slot> slots = new LinkedHashMap<>();
    private final long total;
    private long written;

    TensorFileWriter(Path target, Layout layout, Progress progress) throws IOException {
        this.layout = layout;
        this.progress = progress;
        for (int i = 0; i < layout.offsets.length; i++) {
            TensorInfo info = layout.tensors.get(i);
            slots.put(info.name(), new Slot(info, layout.offsets[i]));
        }
        this.total = layout.tensors.stream().mapToLong(TensorInfo::bytes).sum();
        this.file = AtomicFile.create(target, layout.fileBytes);
        try {
            file.write(0, MemorySegment.ofArray(layout.head));
        } catch (IOException | RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /** Where the file will be. */
    public Path target() {
        return file.target();
    }

    /** The size the file will have. */
    public long fileBytes() {
        return layout.fileBytes;
    }

    @Override
    public List<TensorInfo> tensors() {
        return layout.tensors;
    }

    @Override
    public void write(String name, MemorySegment bytes) throws IOException {
        long wanted = slot(name).info.bytes();
        if (bytes.byteSize() != wanted) {
            throw new IllegalArgumentException("tensor " + name + ": " + bytes.byteSize() + " bytes, wanted " + wanted);
        }
        append(name, bytes);
    }

    @Override
    public void append(String name, MemorySegment bytes) throws IOException {
        Slot slot = slot(name);
        if (bytes.byteSize() > slot.info.bytes() - slot.written) {
            throw new IllegalArgumentException("tensor " + name + ": " + bytes.byteSize() + " more bytes after "
                    + slot.written + ", wanted " + slot.info.bytes() + " in all");
        }
        file.write(slot.offset + slot.written, bytes);
        slot.written += bytes.byteSize();
        written += bytes.byteSize();
        progress.written(written, total);
    }

    private Slot slot(String name) {
        Slot slot = slots.get(name);
        if (slot == null) {
            throw new IllegalArgumentException("tensor " + name + " was not declared for " + file.target());
        }
        return slot;
    }

    @Override
    public void commit() throws IOException {
        for (Slot slot : slots.values()) {
            if (slot.written != slot.info.bytes()) {
                throw new IllegalStateException("tensor " + slot.info.name() + " of " + file.target() + ": "
                        + slot.written + " bytes written, wanted " + slot.info.bytes());
            }
        }
        if (file.size() < layout.fileBytes) {
            file.write(layout.fileBytes - 1, MemorySegment.ofArray(new byte[1]));
        }
        file.commit();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    /** @throws IllegalArgumentException where two tensors share a name */
    static void requireDistinct(List<TensorInfo> tensors) {
        if (tensors.stream().map(TensorInfo::name).distinct().count() != tensors.size()) {
            throw new IllegalArgumentException("two tensors have the same name");
        }
    }
}
