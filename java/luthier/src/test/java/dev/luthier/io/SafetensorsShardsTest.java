package dev.luthier.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsShardsTest {
    @TempDir
    Path folder;

    private final List<TensorInfo> tensors = List.of(TensorInfo.of("a", DType.F32, 2, 3), TensorInfo.of("b", DType.BF16, 6),
            TensorInfo.of("c", DType.U8, 50), TensorInfo.of("d", DType.F64, 1));

    private List<Long> writeShards(long maxShardBytes) throws IOException {
        List<Long> progress = new ArrayList<>();
        try (SafetensorsShardWriter w = SafetensorsShardWriter.create(folder, Map.of("format", "pt"), tensors,
                maxShardBytes, (written, total) -> {
                    progress.add(written);
                    assertEquals(94, total);
                })) {
            for (TensorInfo t : tensors) {
                w.write(t.name(), content(t));
            }
            w.commit();
        }
        return progress;
    }

    private static MemorySegment content(TensorInfo t) {
        byte[] bytes = new byte[(int) t.bytes()];
        Arrays.fill(bytes, (byte) t.name().charAt(0));
        return MemorySegment.ofArray(bytes);
    }

    private void assertHoldsAll(Path path) throws IOException {
        try (TensorSource f = TensorSource.open(path)) {
            assertEquals(tensors.size(), f.tensors().size());
            for (TensorInfo t : tensors) {
                assertEquals(t, f.info(t.name()));
                assertEquals(-1, content(t).mismatch(f.bytes(t.name())), t.name());
            }
            assertThrows(FormatException.class, () -> f.bytes("e"));
        }
    }

    @Test
    void writesAndReadsShards() throws IOException {
        assertEquals(List.of(24L, 36L, 86L, 94L), writeShards(40));
        assertEquals(List.of("model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                "model-00003-of-00003.safetensors", "model.safetensors.index.json"), filesOf(folder));
        assertHoldsAll(folder);
        assertHoldsAll(folder.resolve("model.safetensors.index.json"));
        assertEquals(94, Json.readObject(folder.resolve("model.safetensors.index.json")).at("/metadata/total_size").asLong());
    }

    @Test
    void oneShardNeedsNoIndex() throws IOException {
        writeShards(1000);
        assertEquals(List.of("model.safetensors"), filesOf(folder));
        assertHoldsAll(folder);
        assertThrows(FileAlreadyExistsException.class, () -> writeShards(40));
        assertEquals(List.of("model.safetensors"), filesOf(folder));
    }

    @Test
    void nothingIsLeftOfAnInterruptedWriter() throws IOException {
        try (SafetensorsShardWriter w = SafetensorsShardWriter.create(folder, Map.of(), tensors, 40, TensorSink.Progress.NONE)) {
            w.write("a", content(tensors.getFirst()));
            assertThrows(IllegalArgumentException.class, () -> w.append("a", MemorySegment.ofArray(new byte[1])));
            assertThrows(IllegalArgumentException.class, () -> w.write("b", MemorySegment.ofArray(new byte[1])));
            assertThrows(IllegalArgumentException.class, () -> w.append("e", MemorySegment.ofArray(new byte[1])));
        }
        assertEquals(List.of(), filesOf(folder));
    }

    static List<String> filesOf(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"../model.safetensors", "/etc/model.safetensors", "sub/model.safetensors", "..",
        "sub\\\\model.safetensors", "model.safetensors\\u0000", "", "model.json"})
    void anIndexNamesFilesBesideItOnly(String name) throws IOException {
        Path index = Files.writeString(folder.resolve("model.safetensors.index.json"), "{\"weight_map\":{\"a\":\"" + name + "\"}}");
        FormatException e = assertThrows(FormatException.class, () -> TensorSource.open(folder));
        assertEquals(index, e.file());
        assertTrue(e.getMessage().contains("weight_map, tensor 'a'")
                && e.getMessage().contains("in the same folder"), e.getMessage());
    }

    @Test
    void damagedCheckpointsAreNamed() throws IOException {
        writeShards(40);
        Path index = folder.resolve("model.safetensors.index.json");
        String good = Files.readString(index);

        Files.writeString(index, good.replace("\"d\"", "\"x\""));
        assertFails("no 'x', wanted the 1 tensors that model.safetensors.index.json says are in it");
        Files.writeString(index, good.replace("model-00003-of-00003", "model-00004"));
        assertFails("1 files that are not beside it, 'model-00004.safetensors'");
        Files.writeString(index, good.replace("\"a\" :", "\"b\" :"));
        assertFails("Duplicate");
        Files.writeString(index, good.replace("model-00003-of-00003.safetensors", "pytorch_model.bin"));
        assertFails("a Python pickle");
        Files.writeString(index, "{\"weight_map\":{}}");
        assertFails("an empty object");
        Files.writeString(index, "{}");
        assertFails("found nothing");
        Files.writeString(index, "{\"weight_map\":{\"a\":1}}");
        assertFails("a value that is no string");
        Files.writeString(index, good);
        Path shard = folder.resolve("model-00002-of-00003.safetensors");
        byte[] bytes = Files.readAllBytes(shard);
        Files.write(shard, Arrays.copyOf(bytes, bytes.length - 1));
        assertFails("model-00002-of-00003.safetensors, tensor 'c', data_offsets");
    }

    private void assertFails(String says) {
        String message = assertThrows(FormatException.class, () -> TensorSource.open(folder)).getMessage();
        assertTrue(message.contains(says), message);
    }

    @Test
    void tensorsTheIndexDoesNotNameAreNotThere() throws IOException {
        writeShards(40);
        Path index = folder.resolve("model.safetensors.index.json");
        String good = Files.readString(index);
        Files.writeString(index, good.replaceAll("\"b\" : \"[^\"]*\",", ""));
        try (TensorSource f = TensorSource.open(folder)) {
            assertEquals(List.of("a", "c", "d"), f.tensors().stream().map(TensorInfo::name).toList());
            assertTrue(f.find("b").isEmpty());
        }
    }
}
