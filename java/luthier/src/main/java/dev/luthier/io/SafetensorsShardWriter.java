package dev.luthier.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a checkpoint as {@code model.safetensors}, or, where that would be larger than a limit, as
 * {@code model-00001-of-0000N.safetensors} and so on with {@code model.safetensors.index.json}, as
 * transformers does. Tensors fill the shards in the order given. The index comes last.
 */
public final class SafetensorsShardWriter implements TensorSink {
    private final Path folder;
    private final List<TensorInfo> tensors;
    private final List<SafetensorsWriter> shards = new ArrayList<>();
    private final Map<String, SafetensorsWriter> shardOf = new LinkedHashMap<>();

    private SafetensorsShardWriter(Path folder, List<TensorInfo> tensors) {
        this.folder = folder;
        this.tensors = List.copyOf(tensors);
    }

    /**
     * Starts a checkpoint in an existing folder.
     *
     * @param maxShardBytes limit of the tensor bytes in a file; a larger tensor gets a file of its own
     * @throws DiskSpaceException where the disk has no room for all of it
     */
    public static SafetensorsShardWriter create(Path folder, Map<String, String> metadata, List<TensorInfo> tensors,
            long maxShardBytes, Progress progress) throws IOException {
        TensorFileWriter.requireDistinct(tensors);
        SafetensorsShardWriter writer = new SafetensorsShardWriter(folder, tensors);
        List<List<TensorInfo>> plan = plan(tensors, maxShardBytes);
        long total = totalBytes(tensors);
        AtomicFile.requireSpace(folder, total);
        if (plan.size() > 1 && Files.exists(folder.resolve(Checkpoints.SINGLE))) {
            throw new FileAlreadyExistsException(folder.resolve(Checkpoints.SINGLE).toString(), null,
                    "readers would take it for the sharded checkpoint to be written here; remove it.");
        }
        long[] done = new long[plan.size()];
        try {
            for (int i = 0; i < plan.size(); i++) {
                int shard = i;
                writer.open(folder.resolve(fileName(i, plan.size())), metadata, plan.get(i), (written, all) -> {
                    done[shard] = written;
                    long sum = 0;
                    for (long d : done) {
                        sum += d;
                    }
                    progress.written(sum, total);
                });
            }
        } catch (IOException | RuntimeException | Error e) {
            writer.close();
            throw e;
        }
        return writer;
    }

    private void open(Path file, Map<String, String> metadata, List<TensorInfo> held, Progress progress)
            throws IOException {
        SafetensorsWriter shard = SafetensorsWriter.create(file, metadata, held, progress);
        shards.add(shard);
        held.forEach(t -> shardOf.put(t.name(), shard));
    }

    private static List<List<TensorInfo>> plan(List<TensorInfo> tensors, long maxShardBytes) {
        List<List<TensorInfo>> plan = new ArrayList<>();
        plan.add(new ArrayList<>());
        long room = maxShardBytes;
        for (TensorInfo t : tensors) {
            if (t.bytes() > room && !plan.getLast().isEmpty()) {
                plan.add(new ArrayList<>());
                room = maxShardBytes;
            }
            plan.getLast().add(t);
            room -= t.bytes();
        }
        return plan;
    }

    private static String fileName(int shard, int shards) {
        return shards == 1 ? Checkpoints.SINGLE : String.format("model-%05d-of-%05d.safetensors", shard + 1, shards);
    }

    private static long totalBytes(List<TensorInfo> tensors) {
        return tensors.stream().mapToLong(TensorInfo::bytes).reduce(0, Math::addExact);
    }

    /** The files this makes, without the index. */
    public List<Path> files() {
        return shards.stream().map(TensorFileWriter::target).toList();
    }

    @Override
    public List<TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public void append(String name, MemorySegment bytes) throws IOException {
        shard(name).append(name, bytes);
    }

    @Override
    public void write(String name, MemorySegment bytes) throws IOException {
        shard(name).write(name, bytes);
    }

    private SafetensorsWriter shard(String name) {
        SafetensorsWriter shard = shardOf.get(name);
        if (shard == null) {
            throw new IllegalArgumentException("tensor " + name + " was not declared for " + folder);
        }
        return shard;
    }

    @Override
    public void commit() throws IOException {
        for (SafetensorsWriter shard : shards) {
            shard.commit();
        }
        if (shards.size() > 1) {
            ObjectNode index = Json.mapper().createObjectNode();
            index.putObject("metadata").put("total_size", totalBytes(tensors));
            ObjectNode map = index.putObject("weight_map");
            shardOf.forEach((name, shard) -> map.put(name, shard.target().getFileName().toString()));
            Json.write(folder.resolve(Checkpoints.INDEX), index);
        }
    }

    @Override
    public void close() throws IOException {
        IOException first = null;
        for (SafetensorsWriter shard : shards) {
            try {
                shard.close();
            } catch (IOException e) {
                first = first == null ? e : first;
            }
        }
        if (first != null) {
            throw first;
        }
    }
}
