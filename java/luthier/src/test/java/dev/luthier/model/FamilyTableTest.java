package dev.luthier.model;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The README's table of families is the code's. */
class FamilyTableTest {
    @Test
    void theReadmeHoldsTheTable() throws Exception {
        Path readme = Path.of("..", "..", "README.md").toAbsolutePath().normalize();
        String table = table();
        assertTrue(Files.readString(readme).contains(table), "put this table into " + readme + ":\n" + table);
    }

    private static String table() {
        StringBuilder s = new StringBuilder("| `model_type` | GGUF | what it has beyond Llama |\n|---|---|---|\n");
        for (Family f : Family.values()) {
            List<String> traits = new ArrayList<>();
            if (f.qkvBias()) traits.add("biases on q, k, v");
            if (f.qkNorm()) traits.add("a norm on each head of q and k");
            if (f.gemma()) traits.add("norms of 1 + w, four a block, scaled embedding, gelu-tanh gate, soft-caps where config.json has them");
            if (f.fused()) traits.add("q, k, v in one matrix, gate and up in one");
            if (f.windowed()) traits.add("sliding window");
            s.append("| ").append(f.modelType()).append(" | ").append(f.ggufArchitecture()).append(" | ").append(traits.isEmpty() ? "" : String.join("; ", traits)).append(" |\n");
        }
        return s.toString();
    }
}
