package dev.luthier.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One safetensors file. */
public final class SafetensorsFile implements TensorSource {
    private final MappedFile file;
    private final Map<String, String> metadata;
    private final Map<String, SafetensorsHeader.Entry> entries = new LinkedHashMap<>();
    private final List<TensorInfo> tensors;

    private SafetensorsFile(MappedFile file, SafetensorsHeader header) {
        this.file = file;
        this.metadata = Collections.unmodifiableMap(header.metadata());
        header.entries().forEach(e -> entries.put(e.info().name(), e));
        this.tensors = header.entries().stream().map(SafetensorsHeader.Entry::info).toList();
    }

    /** @throws FormatException where the file is not there or breaks a rule of the format */
    public static SafetensorsFile open(Path path) throws IOException {
        MappedFile file = MappedFile.open(path);
        try {
            return new SafetensorsFile(file, SafetensorsHeader.parse(path, file.bytes()));
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /** The strings of {@code __metadata__}, in their order. */
    public Map<String, String> metadata() {
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
        return Optional.ofNullable(entries.get(name)).map(SafetensorsHeader.Entry::info);
    }

    @Override
    public MemorySegment bytes(String name) {
        SafetensorsHeader.Entry e = entries.get(name);
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
