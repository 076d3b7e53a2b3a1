package dev.luthier.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/** One GGUF file, version 2 or 3, little-endian. */
public final class GgufFile implements TensorSource {
    private final MappedFile file;
    private final GgufHeader header;
    private final Map<String, GgufHeader.Entry> entries = new LinkedHashMap<>();
    private final List<TensorInfo> tensors;
    private final Map<String, Object> metadata;

    private GgufFile(MappedFile file, GgufHeader header) {
        this.file = file;
        this.header = header;
        header.entries().forEach(e -> entries.put(e.info().name(), e));
        this.tensors = header.entries().stream().map(GgufHeader.Entry::info).toList();
        Map<String, Object> plain = new LinkedHashMap<>();
        header.metadata().forEach((k, v) -> plain.put(k, v.plain()));
        this.metadata = Collections.unmodifiableMap(plain);
    }

    /** @throws FormatException where the file is not there or breaks a rule of the format */
    public static GgufFile open(Path path) throws IOException {
        MappedFile file = MappedFile.open(path);
        try {
            return new GgufFile(file, GgufHeader.parse(path, file.bytes()));
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /** Format version, 2 or 3. */
    public int version() {
        return header.version();
    }

    /** Bytes that the places of tensors are multiples of. */
    public long alignment() {
        return header.alignment();
    }

    /** Where the data section starts in the file. */
    public long dataOffset() {
        return header.dataOffset();
    }

    /** Metadata with its exact types, in file order. */
    public SequencedMap<String, GgufValue> values() {
        return header.metadata();
    }

    /** Metadata as plain Java objects, in file order; {@link GgufValue#value} says which. */
    public Map<String, Object> metadata() {
        return metadata;
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public List<TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return Optional.ofNullable(entries.get(name)).map(GgufHeader.Entry::info);
    }

    @Override
    public MemorySegment bytes(String name) {
        GgufHeader.Entry e = entries.get(name);
        if (e == null) {
            throw missing(name);
        }
        return file.bytes().asSlice(e.offset(), e.info().bytes());
    }

    @Override
    public void close() {
        file.close();
    }
}
