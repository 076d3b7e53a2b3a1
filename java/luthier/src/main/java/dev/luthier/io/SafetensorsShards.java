package dev.luthier.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/**
 * A checkpoint in several safetensors files under an index, {@code *.safetensors.index.json}, whose
 * {@code weight_map} names the file of each tensor. The tensors are those the index names.
 */
public final class SafetensorsShards implements TensorSource {
    private static final String REMEDY = "fetch the checkpoint again";

    private final Path index;
    private final List<SafetensorsFile> shards;
    private final Map<String, SafetensorsFile> shardOf;
    private final List<TensorInfo> tensors;

    private SafetensorsShards(Path index, List<SafetensorsFile> shards, Map<String, SafetensorsFile> shardOf) {
        this.index = index;
        this.shards = shards;
        this.shardOf = shardOf;
        this.tensors = shards.stream()
                .flatMap(s -> s.tensors().stream().filter(t -> shardOf.get(t.name()) == s)).toList();
    }

    /** @throws FormatException where the index or a shard is not there or breaks a rule of the format */
    public static SafetensorsShards open(Path index) throws IOException {
        Map<String, List<String>> namesByFile = readIndex(index);
        requireFiles(index, namesByFile);
        List<SafetensorsFile> shards = new ArrayList<>();
        Map<String, SafetensorsFile> shardOf = new LinkedHashMap<>();
        try {
            for (var e : namesByFile.entrySet()) {
                SafetensorsFile shard = SafetensorsFile.open(index.resolveSibling(e.getKey()));
                shards.add(shard);
                requireTensors(index, shard, e.getValue());
                e.getValue().forEach(name -> shardOf.put(name, shard));
            }
            return new SafetensorsShards(index, List.copyOf(shards), shardOf);
        } catch (IOException | RuntimeException | Error e) {
            shards.forEach(SafetensorsFile::close);
            throw e;
        }
    }

    /** Tensor names by the file that holds them, files in order of their names. */
    private static Map<String, List<String>> readIndex(Path index) throws IOException {
        JsonNode map = Json.readObject(index).path("weight_map");
        if (!map.isObject() || map.isEmpty()) {
            throw new FormatException(index, "weight_map", map.isMissingNode() ? "nothing" : map.isObject()
                    ? "an empty object" : "something else", "an object from tensor to file name", REMEDY);
        }
        Map<String, List<String>> names = new TreeMap<>();
        for (var e : map.properties()) {
            String place = "weight_map, tensor " + FormatException.quote(e.getKey());
            if (!e.getValue().isString()) {
                throw new FormatException(index, place, "a value that is no string", "a file name", REMEDY);
            }
            names.computeIfAbsent(besides(index, place, e.getValue().asString()), k -> new ArrayList<>())
                    .add(e.getKey());
        }
        return names;
    }

    /** A file name that leads nowhere else. */
    private static String besides(Path index, String place, String name) {
        Checkpoints.refusePickle(index, place, name);
        boolean plain = name.endsWith(".safetensors") && name.indexOf('/') < 0 && name.indexOf('\\') < 0;
        try {
            plain = plain && Path.of(name).getNameCount() == 1 && !Path.of(name).isAbsolute();
        } catch (InvalidPathException e) {
            plain = false;
        }
        if (!plain) {
            throw new FormatException(index, place, FormatException.quote(name),
                    "the name of a .safetensors file in the same folder", "do not use this checkpoint");
        }
        return name;
    }

    private static void requireFiles(Path index, Map<String, List<String>> namesByFile) {
        List<String> absent = namesByFile.keySet().stream()
                .filter(f -> !Files.isRegularFile(index.resolveSibling(f))).toList();
        if (!absent.isEmpty()) {
            throw new FormatException(index, "weight_map", "the names of " + absent.size()
                    + " files that are not beside it, " + someOf(absent), "all " + namesByFile.size() + " of its files", REMEDY);
        }
    }

    private static void requireTensors(Path index, SafetensorsFile shard, List<String> names) {
        List<String> absent = names.stream().filter(n -> shard.find(n).isEmpty()).toList();
        if (!absent.isEmpty()) {
            throw new FormatException(shard.path(), "", "no " + someOf(absent), "the " + names.size()
                    + " tensors that " + index.getFileName() + " says are in it", REMEDY);
        }
    }

    private static String someOf(List<String> names) {
        String first = String.join(", ", names.stream().limit(3).map(FormatException::quote).toList());
        return names.size() > 3 ? first + " and " + (names.size() - 3) + " more" : first;
    }

    @Override
    public Path path() {
        return index;
    }

    @Override
    public List<TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return Optional.ofNullable(shardOf.get(name)).flatMap(s -> s.find(name));
    }

    @Override
    public MemorySegment bytes(String name) {
        SafetensorsFile shard = shardOf.get(name);
        if (shard == null) {
            throw missing(name);
        }
        return shard.bytes(name);
    }

    @Override
    public void close() {
        shards.forEach(SafetensorsFile::close);
    }
}
