package dev.luthier.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsFileTest {
    @TempDir
    Path folder;

    private static final String A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";

    static List<Arguments> badFiles() {
        return List.of(
                bad("seven bytes", new byte[7], "header length", "7 bytes"),
                bad("length over the limit", new LittleEndian().int64(100_000_001).bytes(), "header length", "100000001"),
                bad("length over 2^63", new LittleEndian().int64(-1).bytes(), "header length", "18446744073709551615"),
                bad("length past the end", new LittleEndian().int64(3).raw("{}").bytes(), "header length", "at most 2"),
                bad("empty header", new LittleEndian().int64(0).bytes(), "header", "'{'"),
                bad("an array", "[]", 0, "header", "'{'"),
                bad("a space first", " {}", 0, "header", "'{'"),
                bad("cut JSON", "{" + A, 8, "header", "malformed JSON"),
                bad("more after the object", "{" + A + "}x", 8, "header", "malformed JSON"),
                bad("a second value", "{" + A + "}{}", 8, "header", "more after the JSON object"),
                bad("not UTF-8", new LittleEndian().int64(11).raw("{\"\u00c3\u0028\":{}}  ").bytes(), "header", "not UTF-8"),
                bad("UTF-16", new LittleEndian().int64(4).raw("{\0}\0").bytes(), "header", "malformed JSON"),
                bad("a comment", "{/**/" + A + "}", 8, "header", "malformed JSON"),
                bad("a tensor twice", "{" + A + "," + A + "}", 8, "header", "Duplicate"),
                bad("a field twice", "{" + A.replace("\"shape\"", "\"dtype\":\"F32\",\"shape\"") + "}", 8, "header", "Duplicate"),
                bad("an unknown field", "{" + A.replace("\"shape\"", "\"strides\":[1],\"shape\"") + "}", 8, "tensor 'a'", "'strides'"),
                bad("tensor no object", "{\"a\":1}", 0, "tensor 'a'", "an object"),
                bad("metadata no object", "{\"__metadata__\":\"x\"}", 0, "__metadata__", "an object"),
                bad("metadata number", "{\"__metadata__\":{\"k\":1}}", 0, "__metadata__ 'k'", "a string"),
                bad("no dtype", "{" + A.replace("\"dtype\":\"F32\",", "") + "}", 8, "tensor 'a'", "no dtype"),
                bad("no shape", "{" + A.replace("\"shape\":[2],", "") + "}", 8, "tensor 'a'", "no shape"),
                bad("no offsets", "{" + A.replace(",\"data_offsets\":[0,8]", "") + "}", 8, "tensor 'a'", "no data_offsets"),
                bad("unknown dtype", "{" + A.replace("F32", "Q4_K") + "}", 8, "tensor 'a', dtype", "'Q4_K'"),
                bad("dtype a number", "{" + A.replace("\"F32\"", "1") + "}", 8, "tensor 'a', dtype", "a string"),
                bad("negative dimension", "{" + A.replace("[2]", "[-2]") + "}", 8, "tensor 'a', shape", "'-2'"),
                bad("fractional dimension", "{" + A.replace("[2]", "[2.0]") + "}", 8, "tensor 'a', shape", "whole numbers"),
                bad("dimension over 2^63", "{" + A.replace("[2]", "[9223372036854775808]") + "}", 8, "tensor 'a', shape", "'9223372036854775808'"),
                bad("product over 2^63", "{" + A.replace("[2]", "[4294967296,4294967296]") + "}", 8, "tensor 'a', shape", "below 2^63"),
                bad("bytes over 2^63", "{" + A.replace("[2]", "[4611686018427387904]") + "}", 8, "tensor 'a', shape", "below 2^63"),
                bad("product wraps to 2", "{" + A.replace("[2]", "[3,6148914691236517206]") + "}", 8, "tensor 'a', shape", "below 2^63"),
                bad("half a byte", "{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2, "tensor 'a', shape", "whole number of bytes"),
                bad("65 dimensions", "{" + A.replace("[2]", "[2" + ",1".repeat(64) + "]") + "}", 8, "tensor 'a', shape", "more than 64"),
                bad("one offset", "{" + A.replace("[0,8]", "[8]") + "}", 8, "tensor 'a', data_offsets", "[8]"),
                bad("three offsets", "{" + A.replace("[0,8]", "[0,8,8]") + "}", 8, "tensor 'a', data_offsets", "more than 2"),
                bad("end before begin", "{" + A.replace("[0,8]", "[8,0]") + "}", 8, "tensor 'a', data_offsets", "[8, 0]"),
                bad("wrong number of bytes", "{" + A.replace("[0,8]", "[0,7]") + "}", 7, "tensor 'a', data_offsets", "8 for F32 [2]"),
                bad("data cut", "{" + A + "}", 7, "tensor 'a', data_offsets", "at most the 7 bytes"),
                bad("data too long", "{" + A + "}", 9, "end of the data", "the 8 that its tensors cover"),
                bad("a hole at the start", "{" + A.replace("[0,8]", "[1,9]") + "}", 9, "tensor 'a', data_offsets", "after a hole"),
                bad("a hole between", "{" + A + "," + A.replace("\"a\"", "\"b\"").replace("[0,8]", "[9,17]") + "}", 17, "tensor 'b', data_offsets", "after a hole"),
                bad("an overlap", "{" + A + "," + A.replace("\"a\"", "\"b\"").replace("[0,8]", "[4,12]") + "}", 12, "tensor 'b', data_offsets", "inside the tensor before it"),
                bad("the same range twice", "{" + A + "," + A.replace("\"a\"", "\"b\"") + "}", 8, "tensor 'b', data_offsets", "inside the tensor before it"));
    }

    private static Arguments bad(String what, String header, int data, String place, String says) {
        return bad(what, LittleEndian.safetensors(header, data), place, says);
    }

    private static Arguments bad(String what, byte[] file, String place, String says) {
        return Arguments.of(what, file, place, says);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badFiles")
    void aBrokenRuleIsNamed(String what, byte[] bytes, String place, String says) throws IOException {
        Path file = Files.write(folder.resolve("m.safetensors"), bytes);
        FormatException e = assertThrows(FormatException.class, () -> TensorSource.open(file));
        assertEquals(file, e.file());
        assertTrue(e.place().startsWith(place), e.getMessage());
        assertTrue(e.getMessage().contains(says), e.getMessage());
        assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }

    @Test
    void readsTensorsInTheOrderOfTheirData() throws IOException {
        String header = "{\"__metadata__\":{\"format\":\"pt\",\"x\":\"\\u00e9\"},"
                + "\"late\":{\"dtype\":\"U8\",\"shape\":[1,3],\"data_offsets\":[8,11]},"
                + A + ",\"none\":{\"dtype\":\"I64\",\"shape\":[0,5],\"data_offsets\":[8,8]},"
                + "\"f4\":{\"dtype\":\"F4\",\"shape\":[2,3],\"data_offsets\":[11,14]},"
                + "\"scalar\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[14,22]}}    ";
        byte[] bytes = LittleEndian.safetensors(header, 22);
        bytes[bytes.length - 14] = 7;
        Path file = Files.write(folder.resolve("m.safetensors"), bytes);
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            assertEquals(List.of("a", "none", "late", "f4", "scalar"), f.tensors().stream().map(TensorInfo::name).toList());
            assertEquals(Map.of("format", "pt", "x", "\u00e9"), f.metadata());
            assertEquals(new TensorInfo("late", DType.U8, List.of(1L, 3L)), f.info("late"));
            assertEquals(7, f.bytes("late").get(ValueLayout.JAVA_BYTE, 0));
            assertEquals(0, f.bytes("none").byteSize());
            assertEquals(8, f.bytes("scalar").byteSize());
            assertEquals(1, f.info("scalar").elements());
            assertTrue(f.find("b").isEmpty());
            assertTrue(f.bytes("a").isReadOnly());
            FormatException e = assertThrows(FormatException.class, () -> f.bytes("b\n"));
            assertTrue(e.getMessage().contains("no tensor 'b\\u000a'"), e.getMessage());
            assertThrows(FormatException.class, () -> f.floats("f4"));
            assertArrayEquals(new float[] {7, 0, 0}, f.floats("late"));
        }
    }

    @Test
    void emptyFileOfNoTensors() throws IOException {
        Path file = Files.write(folder.resolve("m.safetensors"), LittleEndian.safetensors("{}", 0));
        try (TensorSource f = TensorSource.open(file)) {
            assertTrue(f.tensors().isEmpty());
        }
    }

    @Test
    void aFileOverFourGigabytesIsOneSegment() throws IOException {
        long data = (4L << 30) + 12;
        byte[] head = LittleEndian.safetensors("{\"w\":{\"dtype\":\"F32\",\"shape\":[" + data / 4
                + "],\"data_offsets\":[0," + data + "]}}", 0);
        Path file = folder.resolve("m.safetensors");
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.write(head);
            f.setLength(head.length + data);
            f.seek(head.length + data - 4);
            f.writeInt(Integer.reverseBytes(Float.floatToIntBits(1.5f)));
        }
        try (TensorSource f = TensorSource.open(file)) {
            float[] last = new float[2];
            Floats.decode(DType.F32, f.bytes("w"), data / 4 - 2, last, 0, 2);
            assertArrayEquals(new float[] {0, 1.5f}, last);
        } finally {
            Files.delete(file);
        }
    }

    @Test
    void missingFilesFoldersAndPickles() throws IOException {
        FormatException missing = assertThrows(FormatException.class, () -> TensorSource.open(folder.resolve("no.safetensors")));
        assertTrue(missing.getMessage().contains("no such file"), missing.getMessage());
        FormatException nothing = assertThrows(FormatException.class, () -> TensorSource.open(folder));
        assertTrue(nothing.getMessage().contains("no tensor file"), nothing.getMessage());
        for (String name : List.of("pytorch_model.bin", "m.pt", "m.pth", "m.ckpt", "m.PKL")) {
            Path file = Files.writeString(folder.resolve(name), "x");
            for (Path path : List.of(file, folder)) {
                FormatException e = assertThrows(FormatException.class, () -> TensorSource.open(path));
                assertTrue(e.getMessage().contains("'" + name + "', a Python pickle, which can run code")
                        && e.getMessage().contains("use a safetensors revision"), e.getMessage());
            }
            Files.delete(file);
        }
    }

    @Test
    void aFolderIsOpenedByItsUsualNames() throws IOException {
        Files.writeString(folder.resolve("training_args.bin"), "x");
        write("other.safetensors", "only");
        assertEquals("only", nameOfTheTensorIn(folder));
        write("adapter_model.safetensors", "adapter");
        assertEquals("adapter", nameOfTheTensorIn(folder));
        write("model.safetensors", "model");
        assertEquals("model", nameOfTheTensorIn(folder));
        Files.delete(folder.resolve("model.safetensors"));
        Files.delete(folder.resolve("adapter_model.safetensors"));
        write("second.safetensors", "second");
        FormatException e = assertThrows(FormatException.class, () -> TensorSource.open(folder));
        assertTrue(e.getMessage().contains("2 tensor files with other names"), e.getMessage());
    }

    private void write(String file, String tensor) throws IOException {
        Files.write(folder.resolve(file), LittleEndian.safetensors("{" + A.replace("\"a\"", "\"" + tensor + "\"") + "}", 8));
    }

    private static String nameOfTheTensorIn(Path path) throws IOException {
        try (TensorSource f = TensorSource.open(path)) {
            return f.tensors().getFirst().name();
        }
    }

    @Test
    void messagesQuoteAtMostAShortEscapedPiece() throws IOException {
        String name = "x".repeat(5000) + "\\n\\u001b[31m";
        byte[] bytes = LittleEndian.safetensors("{\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}", 9);
        Path file = Files.write(folder.resolve("m.safetensors"), bytes);
        String message = assertThrows(FormatException.class, () -> TensorSource.open(file)).getMessage();
        assertTrue(message.length() < 500 + file.toString().length(), message);
        assertFalse(message.contains("\u001b"));
        assertEquals("'a\\u000ab\\ud800'", FormatException.quote("a\nb\ud800"));
        assertEquals("'\ud83d\ude00'", FormatException.quote(new String("\ud83d\ude00".getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8)));
    }
}
