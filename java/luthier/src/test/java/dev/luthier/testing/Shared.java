package dev.luthier.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** Reference data that is not part of the repository; tests that need it are skipped without it. */
public final class Shared {

    private Shared() {
    }

    /** The file or folder of that name under the folder that the system property luthier.shared names. */
    public static Path require(String relative) {
        String root = System.getProperty("luthier.shared");
        if (root == null) {
            return Assumptions.abort("the system property luthier.shared, the folder of reference data, is not set");
        }
        Path path = Path.of(root, relative).normalize();
        if (!Files.exists(path)) {
            return Assumptions.abort("no reference data at " + path);
        }
        return path;
    }
}
