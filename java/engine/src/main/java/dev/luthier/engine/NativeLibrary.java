package dev.luthier.engine;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * Finds the native libraries. They travel in the jar with classifier {@code linux-x86_64} under {@code /dev/luthier/native/<platform>/}
 * and are unpacked once to {@code $LUTHIER_CACHE} (default {@code $XDG_CACHE_HOME/luthier}, {@code ~/.cache/luthier}) in a folder named by
 * their SHA-256, written beside and moved atomically, so that any number of processes may start at once.
 */
public final class NativeLibrary {
    private static final ConcurrentMap<String, Path> UNPACKED = new ConcurrentHashMap<>();
    private static boolean loaded;

    private NativeLibrary() {
    }

    /** Loads libluthier.so into this process, once. */
    static synchronized void load() {
        if (loaded) return;
        Path path = find("libluthier.so").orElseThrow(() -> new EngineException(Status.UNAVAILABLE,
                "libluthier.so is not on the class path for " + platform() + "; add the artifact luthier-engine with classifier linux-x86_64"
                        + " (Luthier runs on 64-bit x86 Linux)"));
        System.load(path.toString());
        loaded = true;
    }

    /** "linux-x86_64": operating system and processor as the jar names them. */
    public static String platform() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String arch = System.getProperty("os.arch");
        return (os.startsWith("linux") ? "linux" : os.replace(' ', '_')) + "-" + (arch.equals("amd64") ? "x86_64" : arch);
    }

    /** The unpacked file of a library that the class path carries for this platform; empty where it carries none. */
    public static Optional<Path> find(String fileName) {
        Path known = UNPACKED.get(fileName);
        if (known != null) return Optional.of(known);
        String resource = "/dev/luthier/native/" + platform() + "/" + fileName;
        try (InputStream in = NativeLibrary.class.getResourceAsStream(resource)) {
            if (in == null) return Optional.empty();
            Path path = unpack(fileName, in.readAllBytes());
            UNPACKED.put(fileName, path);
            return Optional.of(path);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot unpack " + fileName + " (set LUTHIER_CACHE to a writable folder that allows execution): " + e.getMessage(), e);
        }
    }

    private static Path unpack(String fileName, byte[] content) throws IOException {
        Path folder = cache().resolve("native").resolve(sha256(content));
        Path target = folder.resolve(fileName);
        if (Files.exists(target) && sha256(Files.readAllBytes(target)).equals(folder.getFileName().toString())) return target;
        Files.createDirectories(folder);
        Path temp = Files.createTempFile(folder, fileName, ".tmp");
        try {
            Files.write(temp, content);
            try {
                Files.move(temp, target, StandardCopyOption.ATOMIC_MOVE);
            } catch (AtomicMoveNotSupportedException e) {
                Files.move(temp, target, StandardCopyOption.REPLACE_EXISTING);
            }
        } finally {
            Files.deleteIfExists(temp);
        }
        return target;
    }

    private static Path cache() {
        String own = System.getenv("LUTHIER_CACHE");
        if (own != null && !own.isBlank()) return Path.of(own);
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path base = xdg != null && !xdg.isBlank() ? Path.of(xdg) : Path.of(System.getProperty("user.home"), ".cache");
        return base.resolve("luthier");
    }

    private static String sha256(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
