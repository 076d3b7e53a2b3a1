package dev.luthier.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
    @TempDir
    Path folder;

    @Test
    void appearsAtCommit() throws IOException {
        Path file = folder.resolve("f");
        try (AtomicFile f = AtomicFile.create(file)) {
            f.write(ByteBuffer.wrap(new byte[] {1, 2}));
            try (OutputStream out = f.stream()) {
                out.write(3);
                out.write(new byte[] {4, 5});
            }
            f.write(7, MemorySegment.ofArray(new short[] {0x0908}));
            f.write(MemorySegment.ofArray(new byte[] {10}));
            assertEquals(10, f.size());
            assertFalse(Files.exists(file));
            f.commit();
            assertThrows(IllegalStateException.class, f::commit);
        }
        assertArrayEquals(new byte[] {1, 2, 3, 4, 5, 0, 0, 8, 9, 10}, Files.readAllBytes(file));
        AtomicFile.writeString(file, "\u20ac");
        assertEquals("\u20ac", Files.readString(file));
        assertEquals(List.of("f"), SafetensorsShardsTest.filesOf(folder));
    }

    @Test
    void piecesLargerThanTheBuffer() throws IOException {
        byte[] bytes = new byte[(9 << 20) + 3];
        new Random(1).nextBytes(bytes);
        try (Arena arena = Arena.ofConfined()) {
            for (MemorySegment s : List.of(MemorySegment.ofArray(bytes),
                    arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes))) {
                try (AtomicFile f = AtomicFile.create(folder.resolve("f"))) {
                    f.write(s);
                    f.commit();
                }
                assertArrayEquals(bytes, Files.readAllBytes(folder.resolve("f")));
            }
        }
        AtomicFile.writeBytes(folder.resolve("f"), bytes);
        assertArrayEquals(bytes, Files.readAllBytes(folder.resolve("f")));
    }

    @Test
    void placesThatCannotBeWritten() throws IOException {
        assertTrue(assertThrows(NoSuchFileException.class, () -> AtomicFile.create(folder.resolve("no/f")))
                .getMessage().contains("create the folder first"));
        assertTrue(assertThrows(FileSystemException.class, () -> AtomicFile.create(folder))
                .getMessage().contains("is a folder"));
        assertThrows(DiskSpaceException.class, () -> AtomicFile.create(folder.resolve("f"), 1L << 60));
        assertThrows(DiskSpaceException.class, () -> AtomicFile.requireSpace(folder, 1L << 60));
        AtomicFile.requireSpace(folder, 1);
        assertEquals(List.of(), SafetensorsShardsTest.filesOf(folder));
    }

    /** A process killed in the middle leaves the old file; the next writer clears up after it. */
    @Test
    void aKilledProcessLeavesTheOldFile() throws IOException, InterruptedException {
        Path file = Files.writeString(folder.resolve("f"), "old");
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", System.getProperty("java.class.path") + File.pathSeparator + classes(),
                Killed.class.getName(), file.toString()).redirectErrorStream(true).start();
        assertEquals("writing", process.inputReader().readLine());
        process.destroyForcibly();
        assertTrue(process.waitFor(30, TimeUnit.SECONDS));
        assertEquals("old", Files.readString(file));
        assertEquals(2, SafetensorsShardsTest.filesOf(folder).size());
        try (AtomicFile other = AtomicFile.create(file); AtomicFile f = AtomicFile.create(file)) {
            other.write(ByteBuffer.wrap(new byte[3]));
            f.write(ByteBuffer.wrap("new".getBytes()));
            f.commit();
        }
        assertEquals("new", Files.readString(file));
        assertEquals(List.of("f"), SafetensorsShardsTest.filesOf(folder));
    }

    private static String classes() {
        return List.of(Killed.class, AtomicFile.class).stream()
                .map(c -> Path.of(URI.create(c.getProtectionDomain().getCodeSource().getLocation().toString())).toString())
                .reduce((a, b) -> a + File.pathSeparator + b).orElseThrow();
    }

    /** Writes half a file and waits. */
    static final class Killed {
        public static void main(String[] args) throws Exception {
            AtomicFile f = AtomicFile.create(Path.of(args[0]));
            f.write(ByteBuffer.wrap(new byte[1000]));
            System.out.println("writing");
            Thread.sleep(60_000);
            f.commit();
        }
    }
}
