package dev.luthier.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Ids and texts that Hugging Face's library makes with real vocabularies. */
class VectorsTest {

    @ParameterizedTest
    @CsvSource({
            "tokenizers/llama-3, tokenizers/llama-3/vectors.jsonl, 440, llama-bpe",
            "tokenizers/deepseek-r1-distill-qwen, tokenizers/deepseek-r1-distill-qwen/vectors.jsonl, 440, deepseek-r1-qwen",
            "models/stories260k, models/stories260k/tokenizer_vectors.jsonl, 340, default"})
    void idsAndTextsAreTheReferences(String folder, String vectors, int count, String pre) throws IOException {
        Path file = Shared.require(vectors);
        Tokenizer tokenizer = Tokenizer.load(Shared.require(folder));
        assertEquals(pre, tokenizer.ggmlPre());
        List<String> lines = Files.readAllLines(file);
        assertTrue(lines.size() >= count, "vectors in " + file);
        for (String line : lines) {
            JsonNode vector = Tiny.JSON.readTree(line);
            String text = vector.get("text").stringValue();
            int[] ids = ids(vector.get("ids"));
            assertArrayEquals(ids, tokenizer.encode(text), text);
            assertArrayEquals(ids(vector.get("ids_no_special")), tokenizer.encode(text, false), text);
            assertEquals(vector.get("decoded").stringValue(), tokenizer.decode(ids, false), text);
            assertEquals(vector.get("decoded_skip_special").stringValue(), tokenizer.decode(ids, true), text);
            assertEquals(vector.get("decoded").stringValue(), streamed(tokenizer, ids), text);
        }
    }

    /** Decoded id by id; no piece may end in half a character. */
    static String streamed(Tokenizer tokenizer, int[] ids) {
        StreamDecoder stream = tokenizer.stream(false);
        StringBuilder all = new StringBuilder();
        for (int id : ids) {
            String piece = stream.next(id);
            assertTrue(piece.isEmpty() || !Character.isHighSurrogate(piece.charAt(piece.length() - 1)), piece);
            all.append(piece);
        }
        return all.append(stream.finish()).toString();
    }

    static int[] ids(JsonNode array) {
        int[] ids = new int[array.size()];
        for (int i = 0; i < ids.length; i++) ids[i] = array.get(i).intValue();
        return ids;
    }
}
