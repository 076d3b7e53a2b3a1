package dev.luthier.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufWriterTest {
    @TempDir
    Path folder;

    private static SequencedMap<String, GgufValue> metadata(Object... keysAndValues) {
        SequencedMap<String, GgufValue> m = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            m.put((String) keysAndValues[i], (GgufValue) keysAndValues[i + 1]);
        }
        return m;
    }

    @Test
    void theBytesAreThoseOfTheFormat() throws IOException {
        Path file = folder.resolve("m.gguf");
        List<Long> progress = new ArrayList<>();
        SequencedMap<String, GgufValue> m = metadata("general.name", GgufValue.string("\u00e9"),
                "n", GgufValue.uint32(0xFFFF_FFFFL), "f", GgufValue.float32(0.5f), "b", GgufValue.bool(true),
                "i", GgufValue.int32(-2), "l", GgufValue.uint64(7),
                "s", GgufValue.strings(List.of("x", "yz")), "t", GgufValue.int32s(1, -1), "g", GgufValue.float32s(2));
        List<TensorInfo> tensors = List.of(TensorInfo.of("a", DType.F32, 3), TensorInfo.of("q", DType.Q8_0, 1, 32));
        byte[] q = new byte[34];
        Arrays.fill(q, (byte) 9);
        try (GgufWriter w = GgufWriter.create(file, m, tensors, (written, total) -> {
            assertEquals(46, total);
            progress.add(written);
        })) {
            w.append("q", MemorySegment.ofArray(q).asSlice(0, 30));
            w.write("a", MemorySegment.ofArray(new float[] {1, 2, 3}));
            assertThrows(IllegalStateException.class, w::commit);
            w.append("q", MemorySegment.ofArray(q).asSlice(30));
            w.commit();
        }
        assertEquals(List.of(30L, 42L, 46L), progress);
        LittleEndian expected = new LittleEndian().raw("GGUF").int32(3).int64(2).int64(9)
                .string("general.name").int32(8).string("\u00c3\u00a9")
                .string("n").int32(4).int32(-1)
                .string("f").int32(6).int32(0x3F000000)
                .string("b").int32(7).raw((byte) 1)
                .string("i").int32(5).int32(-2)
                .string("l").int32(10).int64(7)
                .string("s").int32(9).int32(8).int64(2).string("x").string("yz")
                .string("t").int32(9).int32(5).int64(2).int32(1).int32(-1)
                .string("g").int32(9).int32(6).int64(1).int32(0x40000000)
                .string("a").int32(1).int64(3).int32(0).int64(0)
                .string("q").int32(2).int64(32).int64(1).int32(8).int64(32).padTo(32)
                .int32(0x3F800000).int32(0x40000000).int32(0x40400000).padTo(32).raw(q).padTo(32);
        assertEquals(-1, MemorySegment.ofArray(expected.bytes()).mismatch(MemorySegment.ofArray(Files.readAllBytes(file))));
    }

    @Test
    void whateverCanBeReadIsWrittenBackToTheByte() throws IOException {
        Path file = folder.resolve("m.gguf");
        LittleEndian f = new LittleEndian().raw("GGUF").int32(3).int64(3).int64(6)
                .string("general.alignment").int32(4).int32(8)
                .string("nested").int32(9).int32(9).int64(2).int32(0).int64(1).raw((byte) 200).int32(8).int64(1).string("x")
                .string("u64").int32(10).int64(-1)
                .string("raw").int32(8).int64(1).raw((byte) 0xFF)
                .string("nan").int32(6).int32(0x7FC12345)
                .string("f64").int32(12).int64(1)
                .string("a").int32(1).int64(3).int32(24).int64(0)
                .string("b").int32(0).int32(28).int64(8)
                .string("c").int32(4).int64(1).int64(2).int64(3).int64(1).int32(30).int64(16)
                .padTo(8).raw(new byte[] {1, 2, 3, 0, 0, 0, 0, 0}).int64(5).raw(new byte[16]);
        Files.write(file, f.bytes());
        Path copy = folder.resolve("copy.gguf");
        rewrite(file, copy);
        assertEquals(-1, Files.mismatch(file, copy));
    }

    static void rewrite(Path file, Path copy) throws IOException {
        try (GgufFile in = GgufFile.open(file);
                GgufWriter out = GgufWriter.create(copy, in.values(), in.tensors(), TensorSink.Progress.NONE)) {
            for (TensorInfo t : in.tensors().reversed()) {
                out.write(t.name(), in.bytes(t.name()));
            }
            out.commit();
        }
    }

    @Test
    void anInterruptionLeavesTheOldFileOrNone() throws IOException {
        Path file = folder.resolve("m.gguf");
        List<TensorInfo> tensors = List.of(TensorInfo.of("a", DType.F32, 3));
        try (GgufWriter w = GgufWriter.create(file, metadata(), tensors, TensorSink.Progress.NONE)) {
            w.append("a", MemorySegment.ofArray(new float[] {1, 2}));
        }
        assertEquals(List.of(), SafetensorsShardsTest.filesOf(folder));
        Files.writeString(file, "old");
        try (GgufWriter w = GgufWriter.create(file, metadata(), tensors, (written, total) -> {
            throw new IllegalStateException("stop");
        })) {
            assertThrows(IllegalStateException.class, () -> w.write("a", MemorySegment.ofArray(new float[3])));
        }
        assertEquals("old", Files.readString(file));
        assertEquals(List.of("m.gguf"), SafetensorsShardsTest.filesOf(folder));
    }

    @Test
    void whatTheFormatCannotHoldIsRefused() {
        for (TensorInfo t : List.of(TensorInfo.of("n".repeat(64), DType.F32, 1), TensorInfo.of("", DType.F32, 1),
                TensorInfo.of("a", DType.U8, 1), TensorInfo.of("a", DType.F32, 1, 1, 1, 1, 1),
                TensorInfo.of("a", DType.Q8_0, 32, 8))) {
            IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> GgufWriter.create(
                    folder.resolve("m.gguf"), metadata(), List.of(t), TensorSink.Progress.NONE));
            assertTrue(e.getMessage().contains("GGUF cannot hold"), e.getMessage());
        }
        for (SequencedMap<String, GgufValue> m : List.of(metadata("", GgufValue.bool(true)),
                metadata("general.alignment", GgufValue.uint32(24)), metadata("general.alignment", GgufValue.int32(32)))) {
            assertThrows(IllegalArgumentException.class, () -> GgufWriter.create(
                    folder.resolve("m.gguf"), m, List.of(), TensorSink.Progress.NONE));
        }
        assertThrows(IllegalArgumentException.class, () -> GgufValue.uint32(-1));
        assertThrows(IllegalArgumentException.class, () -> GgufValue.uint32(1L << 32));
        assertThrows(IllegalArgumentException.class, () -> GgufValue.uint64(-1));
    }
}
