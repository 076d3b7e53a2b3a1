package dev.luthier.io;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A whole file, mapped read-only as one segment whatever its size. */
record MappedFile(Path path, Arena arena, MemorySegment bytes) implements AutoCloseable {

    static MappedFile open(Path path) throws IOException {
        sizeOf(path);
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return new MappedFile(path, arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** The size of a regular file; a {@link FormatException} where there is none. */
    static long sizeOf(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            throw new FormatException(path, "", "a folder", "a file", "name a file in it");
        }
        try {
            return Files.size(path);
        } catch (NoSuchFileException e) {
            throw new FormatException(path, "", "no such file", "", "check the path", e);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
