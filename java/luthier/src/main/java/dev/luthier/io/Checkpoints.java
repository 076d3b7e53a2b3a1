package dev.luthier.io;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Finds the tensor files that a path stands for. */
final class Checkpoints {
    static final String SINGLE = "model.safetensors";
    static final String INDEX_SUFFIX = ".safetensors.index.json";
    static final String INDEX = "model" + INDEX_SUFFIX;
    private static final String ADAPTER = "adapter_model.safetensors";
    private static final Set<String> PICKLES = Set.of("bin", "pt", "pth", "ckpt", "pkl", "pickle");

    private Checkpoints() {
    }

    static TensorSource open(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            return openFolder(path);
        }
        String name = String.valueOf(path.getFileName());
        if (name.endsWith(INDEX_SUFFIX)) {
            return SafetensorsShards.open(path);
        }
        refusePickle(path, "", name);
        return extension(name).equals("gguf") ? GgufFile.open(path) : SafetensorsFile.open(path);
    }

    private static TensorSource openFolder(Path folder) throws IOException {
        for (String name : List.of(SINGLE, INDEX, ADAPTER)) {
            if (Files.exists(folder.resolve(name))) {
                return open(folder.resolve(name));
            }
        }
        List<Path> others = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            files.forEach(others::add);
        }
        List<Path> indexes = ending(others, INDEX_SUFFIX);
        List<Path> singles = ending(others, ".safetensors");
        if (indexes.size() == 1) {
            return SafetensorsShards.open(indexes.getFirst());
        }
        if (indexes.isEmpty() && singles.size() == 1) {
            return SafetensorsFile.open(singles.getFirst());
        }
        if (indexes.isEmpty() && singles.isEmpty()) {
            others.sort(null);
            others.forEach(f -> refusePickle(folder, "", f.getFileName().toString()));
        }
        throw new FormatException(folder, "", indexes.isEmpty() && singles.isEmpty() ? "no tensor file"
                : (indexes.size() + singles.size()) + " tensor files with other names", SINGLE + ", " + INDEX
                + " or " + ADAPTER, "check the path, or name the file itself");
    }

    private static List<Path> ending(List<Path> files, String suffix) {
        return files.stream().filter(f -> f.getFileName().toString().endsWith(suffix)).toList();
    }

    /** Refuses a file that PyTorch would unpickle, by its name. */
    static void refusePickle(Path file, String place, String name) {
        if (PICKLES.contains(extension(name))) {
            throw new FormatException(file, place, FormatException.quote(name) + ", a Python pickle, which can run code",
                    "safetensors", "use a safetensors revision of this checkpoint");
        }
    }

    private static String extension(String name) {
        return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    }
}
