package dev.luthier.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.node.ObjectNode;

class JsonTest {
    @TempDir
    Path folder;

    static List<Arguments> badFiles() {
        return List.of(
                Arguments.of("", "found nothing"),
                Arguments.of("{\"a\":1,\n\"a\":2}", "line 2, column"),
                Arguments.of("{\"a\":1}}", "malformed JSON"),
                Arguments.of("{\"a\":1} 2", "malformed JSON"),
                Arguments.of("{\"a\":NaN}", "malformed JSON"),
                Arguments.of("{'a':1}", "malformed JSON"),
                Arguments.of("{\"a\":1,}", "malformed JSON"),
                Arguments.of("{\"a\":\"\u0001\"}", "malformed JSON"),
                Arguments.of("{\"a\":", "malformed JSON"),
                Arguments.of("[".repeat(201) + "]".repeat(201), "malformed JSON"),
                Arguments.of("[1]", "JSON that is not an object"));
    }

    @ParameterizedTest
    @MethodSource("badFiles")
    void badJsonIsNamed(String text, String says) throws IOException {
        Path file = Files.writeString(folder.resolve("c.json"), text);
        FormatException e = assertThrows(FormatException.class, () -> Json.readObject(file));
        assertTrue(e.getMessage().startsWith(file.toString()) && e.getMessage().contains(says), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }

    @Test
    void onlyUtf8() throws IOException {
        Path file = folder.resolve("c.json");
        for (var charset : List.of(StandardCharsets.ISO_8859_1, StandardCharsets.UTF_16LE, StandardCharsets.UTF_16BE)) {
            Files.write(file, "{\"\u00e9\":1}".getBytes(charset));
            assertThrows(FormatException.class, () -> Json.read(file));
        }
        Files.write(file, "{\"\u00e9\":1}".getBytes(StandardCharsets.UTF_8));
        assertEquals(1, Json.read(file).get("\u00e9").asInt());
    }

    @Test
    void missingFilesAndFolders() {
        assertTrue(assertThrows(FormatException.class, () -> Json.read(folder.resolve("x"))).getMessage().contains("no such file"));
        assertTrue(assertThrows(FormatException.class, () -> Json.read(folder)).getMessage().contains("a folder"));
    }

    @Test
    void aPlaceOfTheCallerStandsInTheMessage() {
        FormatException e = assertThrows(FormatException.class, () -> Json.parse("{\"a\":1,\"a\":2}", Path.of("d.jsonl"), "line 17"));
        assertTrue(e.getMessage().startsWith("d.jsonl, line 17, column "), e.getMessage());
        assertThrows(FormatException.class, () -> Json.parse(" ", Path.of("d.jsonl"), "line 18"));
    }

    @Test
    void writesWhatItReads() throws IOException {
        ObjectNode object = Json.mapper().createObjectNode().put("z", 1).put("a", "\u20ac\n").put("x", 1e-5);
        Json.write(folder.resolve("c.json"), object);
        assertEquals(object, Json.readObject(folder.resolve("c.json")));
        assertEquals("{\"z\":1,\"a\":\"\u20ac\\n\",\"x\":1.0E-5}", Json.text(object));
        assertTrue(Files.readString(folder.resolve("c.json")).endsWith("}\n"));
    }
}
