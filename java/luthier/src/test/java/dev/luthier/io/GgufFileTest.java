package dev.luthier.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class GgufFileTest {
    @TempDir
    Path folder;
    private final List<GgufFile> files = new ArrayList<>();

    private static LittleEndian head(long tensors, long pairs) {
        return new LittleEndian().raw("GGUF").int32(3).int64(tensors).int64(pairs);
    }

    private static LittleEndian key(LittleEndian f, String key, int type) {
        return f.string(key).int32(type);
    }

    private static LittleEndian tensor(LittleEndian f, String name, int type, long offset, long... ne) {
        f.string(name).int32(ne.length);
        for (long n : ne) {
            f.int64(n);
        }
        return f.int32(type).int64(offset);
    }

    /** An F32 tensor of 3 elements, one of 8 as given, and so many bytes of data. */
    private static byte[] twoTensors(String second, int type, long offset, int dataBytes) {
        return tensor(tensor(head(2, 0), "a", 0, 0, 3), second, type, offset, 8).padTo(32).raw(new byte[dataBytes]).bytes();
    }

    private static byte[] oneTensor(int type, long... ne) {
        return tensor(head(1, 0), "a", type, 0, ne).padTo(32).raw(new byte[64]).bytes();
    }

    private static byte[] aligned(int alignmentType, int alignment, boolean tensor) {
        LittleEndian f = key(head(tensor ? 1 : 0, 1), "general.alignment", alignmentType).int32(alignment);
        return (tensor ? tensor(f, "a", 24, 0, 5).padTo(Math.max(1, alignment)).raw(new byte[64]) : f).bytes();
    }

    private static byte[] cut(byte[] file, int bytes) {
        return Arrays.copyOf(file, file.length - bytes);
    }

    private static byte[] nested(int levels) {
        LittleEndian f = key(head(0, 1), "k", 9);
        for (int i = 1; i < levels; i++) {
            f.int32(9).int64(1);
        }
        return f.int32(0).int64(1).raw((byte) 5).bytes();
    }

    /** The cases of llama.cpp's tests/test-gguf.cpp, under its names, and some of our own. */
    static List<Arguments> badFiles() {
        return List.of(
                bad("HEADER_BAD_MAGIC", new LittleEndian().raw("FUGG").int32(3).int64(0).int64(0).bytes(), "header", "magic bytes 46554747"),
                bad("HEADER_BAD_VERSION_0", new LittleEndian().raw("GGUF").int32(0).int64(0).int64(0).bytes(), "header", "version 0"),
                bad("HEADER_BAD_VERSION_1", new LittleEndian().raw("GGUF").int32(1).int64(0).int64(0).bytes(), "header", "version 1"),
                bad("HEADER_BAD_VERSION_FUTURE", new LittleEndian().raw("GGUF").int32(4).int64(0).int64(0).bytes(), "header", "version 4"),
                bad("big-endian file", new LittleEndian().raw("GGUF").int32(3 << 24).int64(0).int64(0).bytes(), "header", "byte-swapped"),
                bad("HEADER_BAD_N_TENSORS", head(-1, 0).padTo(32).bytes(), "header", "18446744073709551615 tensors"),
                bad("more tensors than bytes", head(2, 0).padTo(32).bytes(), "header", "2 tensors"),
                bad("HEADER_BAD_N_KV", head(0, -1).padTo(32).bytes(), "header", "18446744073709551615 metadata keys"),
                bad("cut header", cut(head(0, 0).bytes(), 1), "header", "the end of the file at byte 23"),
                bad("KV_BAD_KEY_SIZE", head(0, 1).int64(-1).raw("key").int32(0).raw(new byte[16]).bytes(), "metadata key 1 of 1", "18446744073709551615 bytes"),
                bad("key of 65536 bytes", key(head(0, 1), "k".repeat(65536), 0).raw((byte) 1).bytes(), "metadata key 1 of 1", "65536 bytes"),
                bad("KV_EMPTY_KEY", key(head(0, 1), "", 0).raw(new byte[9]).bytes(), "metadata key 1 of 1", "empty"),
                bad("key not UTF-8", key(head(0, 1), "\u00ff", 0).raw(new byte[9]).bytes(), "metadata key 1 of 1", "UTF-8"),
                bad("KV_BAD_TYPE", key(head(0, 1), "k", 13).raw((byte) 1).bytes(), "metadata key 'k'", "value type 13"),
                bad("array of a bad type", key(head(0, 1), "k", 9).int32(-1).int64(0).bytes(), "metadata key 'k'", "value type 4294967295"),
                bad("KV_BAD_VALUE_SIZE", key(head(0, 1), "k", 8).int64(1L << 40).bytes(), "metadata key 'k'", "a string of 1099511627776 bytes"),
                bad("array too long", key(head(0, 1), "k", 9).int32(10).int64(1L << 61).bytes(), "metadata key 'k'", "an array of 2305843009213693952 UINT64"),
                bad("array of 2^64-1 strings", key(head(0, 1), "k", 9).int32(8).int64(-1).bytes(), "metadata key 'k'", "an array of 18446744073709551615 STRING"),
                bad("arrays five deep", nested(5), "metadata key 'k'", "nested more than 4"),
                bad("KV_DUPLICATE_KEY", key(key(head(0, 2), "k", 0).raw((byte) 1), "k", 5).int32(2).bytes(), "metadata key 'k'", "second time"),
                bad("KV_BAD_ALIGN", aligned(4, 13, false), "metadata key 'general.alignment'", "found 13, wanted a power of two"),
                bad("alignment 0", aligned(4, 0, false), "metadata key 'general.alignment'", "found 0, wanted a power of two"),
                bad("KV_WRONG_TYPE_ALIGN", aligned(5, 32, false), "metadata key 'general.alignment'", "type INT32, wanted UINT32"),
                bad("TENSORS_BAD_NAME_SIZE", twoTensors("b".repeat(64), 0, 32, 64), "tensor 2 of 2", "64 bytes, wanted at most 63"),
                bad("empty tensor name", twoTensors("", 0, 32, 64), "tensor 2 of 2", "empty"),
                bad("TENSORS_BAD_N_DIMS", oneTensor(0, 1, 1, 1, 1, 1), "tensor 'a'", "5 dimensions"),
                bad("TENSORS_BAD_SHAPE", oneTensor(0, -1), "tensor 'a'", "dimension of -1"),
                bad("TENSORS_NE_TOO_BIG", oneTensor(24, 4L * Integer.MAX_VALUE, 4L * Integer.MAX_VALUE), "tensor 'a'", "fewer than 2^63"),
                bad("TENSORS_NBYTES_TOO_BIG", oneTensor(27, 1L << 31, 1L << 30), "tensor 'a'", "fewer than 2^63"),
                bad("TENSORS_BAD_TYPE", oneTensor(43, 32), "tensor 'a'", "tensor type 43"),
                bad("negative type", oneTensor(-1, 32), "tensor 'a'", "tensor type 4294967295"),
                bad("removed type", oneTensor(31, 32), "tensor 'a'", "tensor type 31 (Q4_0_4_4, removed from GGUF)"),
                bad("row no multiple of the block", oneTensor(12, 128, 2), "tensor 'a'", "rows of 128 elements of Q4_K"),
                bad("quantized scalar", oneTensor(8), "tensor 'a'", "rows of 1 elements of Q8_0"),
                bad("TENSORS_BAD_OFFSET", twoTensors("b", 0, -1, 64), "tensor 'b'", "offset 18446744073709551615"),
                bad("offset into the tensor before", twoTensors("b", 0, 0, 64), "tensor 'b'", "offset 0, wanted 32"),
                bad("TENSORS_DUPLICATE_NAME", twoTensors("a", 0, 32, 64), "tensor 'a'", "second tensor of this name"),
                bad("TENSORS_BAD_ALIGN", aligned(4, 13, true), "metadata key 'general.alignment'", "power of two"),
                bad("TENSORS_INCONSISTENT_ALIGN", twoTensors("b", 0, 12, 64), "tensor 'b'", "offset 12, wanted 32"),
                bad("DATA_NOT_ENOUGH_DATA", twoTensors("b", 0, 32, 63), "tensor 'b'", "63 bytes of data in the file, wanted 32 bytes at offset 32"),
                bad("padding cut", twoTensors("b", 24, 32, 63), "end of the data", "63 bytes of data in the file, wanted 64"),
                bad("no data", twoTensors("b", 0, 32, 0), "tensor 'a'", "0 bytes of data"),
                bad("data not reached", cut(twoTensors("b", 0, 32, 0), 1), "tensor 'a'", "0 bytes of data"),
                bad("DATA_MEM_SIZE_OVERFLOW", tensor(tensor(head(2, 0), "a", 24, 0, 0x7FFFFFFFFFFFFFC0L), "b", 24,
                        0x7FFFFFFFFFFFFFC0L, 0x7FFFFFFFFFFFFFC0L).padTo(32).raw(new byte[32]).bytes(), "tensor 'b'", "below 2^63"));
    }

    private static Arguments bad(String what, byte[] file, String place, String says) {
        return Arguments.of(what, file, place, says);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badFiles")
    void aBrokenRuleIsNamed(String what, byte[] bytes, String place, String says) throws IOException {
        Path file = Files.write(folder.resolve("m.gguf"), bytes);
        FormatException e = assertThrows(FormatException.class, () -> TensorSource.open(file));
        assertEquals(place, e.place(), e.getMessage());
        assertTrue(e.getMessage().contains(says), e.getMessage());
        assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }

    /** The files that llama.cpp's list expects to load. */
    @Test
    void goodHandcraftedFilesLoad() throws IOException {
        assertEquals(0, open(head(0, 0).padTo(32).bytes()).tensors().size());
        assertEquals(1, open(aligned(4, 1, false)).alignment());
        assertEquals(List.of(0L, 7L), open(oneTensor(0, 7, 0)).info("a").shape());
        assertEquals(32, open(twoTensors("b", 0, 32, 64)).bytes("b").byteSize());
        byte[] unaligned = tensor(tensor(key(head(2, 1), "general.alignment", 4).int32(1), "a", 24, 0, 5), "b", 24, 5, 2)
                .raw((byte) 1, (byte) 2, (byte) 3, (byte) 4, (byte) 5, (byte) 6, (byte) 7).bytes();
        assertArrayEquals(new byte[] {6, 7}, open(unaligned).bytes("b").toArray(ValueLayout.JAVA_BYTE));
        assertEquals(2, open(new LittleEndian().raw("GGUF").int32(2).int64(0).int64(0).bytes()).version());
        open(new LittleEndian().raw(twoTensors("b", 0, 32, 64)).raw(new byte[100]).bytes());
    }

    private GgufFile open(byte[] bytes) throws IOException {
        GgufFile f = GgufFile.open(Files.write(folder.resolve("g.gguf"), bytes));
        files.add(f);
        return f;
    }

    @AfterEach
    void unmap() {
        files.forEach(GgufFile::close);
    }

    @Test
    void metadataOfEveryType() throws IOException {
        LittleEndian f = head(0, 17);
        key(f, "u8", 0).raw((byte) -1);
        key(f, "i8", 1).raw((byte) -1);
        key(f, "u16", 2).raw((byte) -1, (byte) -1);
        key(f, "i16", 3).raw((byte) -2, (byte) -1);
        key(f, "u32", 4).int32(-1);
        key(f, "i32", 5).int32(-1);
        key(f, "f32", 6).int32(Float.floatToIntBits(1e-5f));
        key(f, "true", 7).raw((byte) 1);
        key(f, "false", 7).raw((byte) 0);
        key(f, "string", 8).int64(3).raw((byte) 0xE2, (byte) 0x82, (byte) 0xAC);
        key(f, "u64", 10).int64(-1);
        key(f, "small u64", 10).int64(5);
        key(f, "i64", 11).int64(Long.MIN_VALUE);
        key(f, "f64", 12).int64(Double.doubleToLongBits(-0.1));
        key(f, "strings", 9).int32(8).int64(2).string("x").string("");
        key(f, "not UTF-8", 8).int64(2).raw((byte) 0xC3, (byte) 0x28);
        key(f, "nested", 9).int32(9).int64(2).int32(4).int64(2).int32(1).int32(-1).int32(8).int64(1).string("y");
        var m = open(f.bytes()).metadata();
        assertEquals(List.of("u8", "i8", "u16"), m.keySet().stream().limit(3).toList());
        assertEquals(255L, m.get("u8"));
        assertEquals(-1L, m.get("i8"));
        assertEquals(65535L, m.get("u16"));
        assertEquals(-2L, m.get("i16"));
        assertEquals(4294967295L, m.get("u32"));
        assertEquals(-1L, m.get("i32"));
        assertEquals(1e-5f, m.get("f32"));
        assertEquals(true, m.get("true"));
        assertEquals(false, m.get("false"));
        assertEquals("\u20ac", m.get("string"));
        assertEquals(BigInteger.TWO.pow(64).subtract(BigInteger.ONE), m.get("u64"));
        assertEquals(5L, m.get("small u64"));
        assertEquals(Long.MIN_VALUE, m.get("i64"));
        assertEquals(-0.1, m.get("f64"));
        assertEquals(List.of("x", ""), m.get("strings"));
        assertArrayEquals(new byte[] {(byte) 0xC3, 0x28}, (byte[]) m.get("not UTF-8"));
        assertEquals(List.of(List.of(1L, 4294967295L), List.of("y")), m.get("nested"));
        assertThrows(UnsupportedOperationException.class, () -> m.put("x", 1));
    }

    @Test
    void arraysOfEveryFixedType() throws IOException {
        for (GgufType type : GgufType.values()) {
            if (type.isFixed()) {
                byte[] raw = new byte[3 * type.bytes()];
                raw[2 * type.bytes()] = 1;
                List<?> values = (List<?>) open(key(head(0, 1), "k", 9).int32(type.ordinal()).int64(3).raw(raw).bytes())
                        .metadata().get("k");
                Object last = switch (type) {
                    case FLOAT32 -> Float.MIN_VALUE;
                    case FLOAT64 -> Double.MIN_VALUE;
                    case BOOL -> true;
                    default -> 1L;
                };
                assertEquals(3, values.size());
                assertEquals(last, values.get(2), type.toString());
                assertThrows(IndexOutOfBoundsException.class, () -> values.get(3));
            }
        }
    }

    @Test
    void shapesAreOutermostFirst() throws IOException {
        GgufFile f = open(oneTensor(1, 4, 3, 2));
        assertEquals(TensorInfo.of("a", DType.F16, 2, 3, 4), f.info("a"));
        assertEquals(4, f.info("a").dim(-1));
        assertEquals(2, f.info("a").dim(0));
        assertEquals(48, f.bytes("a").byteSize());
        assertEquals(List.of(), open(oneTensor(0)).info("a").shape());
    }

    @Test
    void typesThatCannotBeComputedWithAreRefusedByName() throws IOException {
        byte[] file = tensor(head(1, 0), "a", 23, 0, 256).padTo(32).raw(new byte[160]).bytes();
        GgufFile f = open(file);
        assertEquals(136, f.bytes("a").byteSize());
        FormatException e = assertThrows(FormatException.class, () -> f.floats("a"));
        assertTrue(e.getMessage().contains("tensor 'a': found type IQ4_XS"), e.getMessage());
    }
}
