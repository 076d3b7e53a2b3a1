package dev.luthier.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.testing.Shared;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
    @TempDir
    Path folder;

    @Test
    void theBytesAreThoseOfTheFormat() throws IOException {
        Path file = folder.resolve("m.safetensors");
        List<TensorInfo> tensors = List.of(TensorInfo.of("b", DType.U8, 3), TensorInfo.of("z", DType.F32, 1),
                TensorInfo.of("\u00e9", DType.F32), TensorInfo.of("e", DType.F64, 0, 4));
        try (SafetensorsWriter w = SafetensorsWriter.create(file, Map.of("format", "pt"), tensors, TensorSink.Progress.NONE)) {
            assertEquals(List.of("e", "z", "\u00e9", "b"), w.tensors().stream().map(TensorInfo::name).toList());
            w.append("b", MemorySegment.ofArray(new byte[] {1, 2}));
            w.write("z", MemorySegment.ofArray(new byte[] {4, 5, 6, 7}));
            w.write("\u00e9", MemorySegment.ofArray(new byte[] {8, 9, 10, 11}));
            IllegalStateException e = assertThrows(IllegalStateException.class, w::commit);
            assertTrue(e.getMessage().contains("tensor b of") && e.getMessage().contains("2 bytes written, wanted 3"), e.getMessage());
            w.append("b", MemorySegment.ofArray(new byte[] {3}));
            w.commit();
            assertEquals(Files.size(file), w.fileBytes());
        }
        String header = "{\"__metadata__\":{\"format\":\"pt\"},"
                + "\"e\":{\"dtype\":\"F64\",\"shape\":[0,4],\"data_offsets\":[0,0]},"
                + "\"z\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                + "\"\u00e9\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,8]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[8,11]}}";
        byte[] utf8 = header.getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(utf8, (utf8.length + 7) / 8 * 8);
        Arrays.fill(padded, utf8.length, padded.length, (byte) ' ');
        assertArrayEquals(new LittleEndian().int64(padded.length).raw(padded)
                .raw(new byte[] {4, 5, 6, 7, 8, 9, 10, 11, 1, 2, 3}).bytes(), Files.readAllBytes(file));
    }

    @Test
    void whatTheFormatCannotHoldIsRefused() {
        Path file = folder.resolve("m.safetensors");
        for (List<TensorInfo> tensors : List.of(List.of(TensorInfo.of("a", DType.Q4_K, 256)),
                List.of(TensorInfo.of("__metadata__", DType.F32, 1)),
                List.of(TensorInfo.of("a", DType.F32, 1), TensorInfo.of("a", DType.F32, 2)))) {
            assertThrows(IllegalArgumentException.class, () -> SafetensorsWriter.create(file, Map.of(), tensors, TensorSink.Progress.NONE));
        }
        assertThrows(IllegalArgumentException.class, () -> TensorInfo.of("a", DType.F32, 1L << 62));
        assertThrows(IllegalArgumentException.class, () -> TensorInfo.of("a", DType.F32, -1));
        assertThrows(IllegalArgumentException.class, () -> TensorInfo.of("a", DType.Q4_K, 100));
    }

    @Test
    void theDiskMustHaveRoom() throws IOException {
        List<TensorInfo> tensors = List.of(TensorInfo.of("a", DType.U8, 1L << 60));
        DiskSpaceException e = assertThrows(DiskSpaceException.class, () -> SafetensorsWriter.create(
                folder.resolve("m.safetensors"), Map.of(), tensors, TensorSink.Progress.NONE));
        assertTrue(e.getMessage().contains("free some space"), e.getMessage());
        assertTrue(e.needed() >= 1L << 60 && e.available() < 1L << 60);
        assertEquals(List.of(), SafetensorsShardsTest.filesOf(folder));
    }

    /** Whatever order the bytes come in, the file equals the one the reference implementation wrote. */
    @Test
    void rewritesFilesOfTheReferenceImplementationToTheByte() throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.walk(Shared.require("gguf_oracle"))) {
            files = all.filter(p -> p.toString().endsWith(".safetensors")).sorted().toList();
        }
        assertEquals(4, files.size());
        for (Path file : files) {
            Path copy = folder.resolve("copy.safetensors");
            try (SafetensorsFile f = SafetensorsFile.open(file)) {
                List<TensorInfo> shuffled = new ArrayList<>(f.tensors());
                Collections.shuffle(shuffled, new Random(7));
                try (SafetensorsWriter w = SafetensorsWriter.create(copy, f.metadata(), shuffled, TensorSink.Progress.NONE)) {
                    for (TensorInfo t : shuffled) {
                        w.write(t.name(), f.bytes(t.name()));
                    }
                    w.commit();
                }
            }
            assertEquals(-1, Files.mismatch(file, copy), file.toString());
        }
    }
}
