package dev.luthier.export;

import dev.luthier.io.AtomicFile;
import dev.luthier.io.DType;
import dev.luthier.io.GgufWriter;
import dev.luthier.io.TensorInfo;
import dev.luthier.io.TensorSink;
import dev.luthier.model.ConfigReader;
import dev.luthier.model.ModelConfig;
import dev.luthier.ops.Ops;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * Writes a model, with its adapter merged in, as GGUF files: one pass over the weights for all types asked for, tensor by tensor in pieces. A file
 * has its name only when it is whole.
 */
public final class GgufExporter {
    /** Elements in memory at a time: 8 MB as floats, which a processor's last cache holds. */
    private static final long PIECE = 1 << 21;

    private final Ops ops;
    private final ModelExport what;

    public GgufExporter(Ops ops, ModelExport what) {
        this.ops = ops;
        this.what = what;
    }

    /**
     * @param files        types by the file to write each to
     * @param bytes        of these files
     * @param chatTemplate whether they say how to write a conversation
     */
    public record Result(Map<ExportType, Path> files, long bytes, boolean chatTemplate) {
    }

    /** A file being written and the types of its tensors. */
    private record Target(GgufWriter writer, Map<String, TensorInfo> tensors) {
    }

    /**
     * Writes the files.
     *
     * @param targets  file by type
     * @param progress bytes written so far and in all
     * @throws dev.luthier.io.DiskSpaceException where the disk has no room for them
     */
    public Result export(SequencedMap<ExportType, Path> targets, TensorSink.Progress progress) throws IOException {
        ModelConfig model = ConfigReader.read(what.model());
        ModelFacts facts = ModelFacts.of(what.model(), what.name(), what.baseModel());
        long longestRow = Math.max(PIECE, (long) Math.max(model.hidden(), model.intermediate()) * model.headDim());
        try (MergedWeights weights = new MergedWeights(ops, what.model(), model, what.adapter(), what.base(), longestRow)) {
            GgufTensors tensors = new GgufTensors(model, weights.source(), RopeTensors.of(model, facts.config()));
            GgufMetadata metadata = new GgufMetadata(what.model(), what.adapter(), model, facts, tensors.parameters());
            List<Target> open = new ArrayList<>();
            try {
                long total = create(open, targets, tensors, metadata, model, progress);
                write(weights, tensors, open);
                for (Target t : open) t.writer.commit();
                return new Result(new LinkedHashMap<>(targets), total, metadata.hasChatTemplate());
            } finally {
                for (Target t : open) t.writer.close();
            }
        }
    }

    private long create(List<Target> open, SequencedMap<ExportType, Path> targets, GgufTensors tensors, GgufMetadata metadata, ModelConfig model,
            TensorSink.Progress progress) throws IOException {
        Map<ExportType, List<TensorInfo>> infos = new LinkedHashMap<>();
        for (ExportType type : targets.keySet()) infos.put(type, tensors.infos(new TypeMix(model, type, false), type));
        long data = infos.values().stream().flatMap(List::stream).mapToLong(TensorInfo::bytes).sum();
        // Each writer checks the space for its own file; together they may still be too much.
        if (!targets.isEmpty()) AtomicFile.requireSpace(targets.firstEntry().getValue(), data);
        long[] done = new long[targets.size()];
        long total = 0;
        for (Map.Entry<ExportType, Path> target : targets.entrySet()) {
            int index = open.size();
            GgufWriter writer = GgufWriter.create(target.getValue(), metadata.of(target.getKey()), infos.get(target.getKey()), (written, all) -> {
                done[index] = written;
                long sum = 0;
                for (long d : done) sum += d;
                progress.written(sum, data);
            });
            Map<String, TensorInfo> byName = new HashMap<>();
            writer.tensors().forEach(t -> byName.put(t.name(), t));
            open.add(new Target(writer, byName));
            total += writer.fileBytes();
        }
        return total;
    }

    private void write(MergedWeights weights, GgufTensors tensors, List<Target> targets) throws IOException {
        for (GgufTensors.Entry entry : tensors.entries()) {
            if (entry.constant() != null) {
                for (Target t : targets) t.writer.write(entry.info().name(), MemorySegment.ofArray(entry.constant()));
                continue;
            }
            try (MergedWeights.Open tensor = weights.open(entry.source()); Arena arena = Arena.ofConfined()) {
                write(tensor, entry, targets, arena);
            }
        }
    }

    /** A piece is whole rows, and whole heads where rows change places. */
    private void write(MergedWeights.Open tensor, GgufTensors.Entry entry, List<Target> targets, Arena arena) throws IOException {
        long columns = entry.permutation() != null && entry.info().rank() == 1 ? 1 : tensor.columns();
        long rows = tensor.rows() * tensor.columns() / columns;
        long unit = entry.permutation() == null ? 1 : entry.permutation().headDim();
        long rowsAtOnce = Math.min(rows, Math.max(unit, PIECE / columns / unit * unit));
        MemorySegment piece = arena.allocate(rowsAtOnce * columns * Float.BYTES, 64);
        MemorySegment ordered = entry.permutation() == null ? piece : arena.allocate(piece.byteSize(), 64);
        MemorySegment encoded = arena.allocate(piece.byteSize(), 64);
        for (long row = 0; row < rows; row += rowsAtOnce) {
            long n = Math.min(rowsAtOnce, rows - row);
            if (columns == tensor.columns()) tensor.read(row, n, piece);
            else tensor.read(0, 1, piece);
            if (entry.permutation() != null) entry.permutation().apply(ordered, piece, n, columns * Float.BYTES);
            shift(ordered, n * columns, entry.shift());
            for (Target t : targets) {
                DType type = t.tensors.get(entry.info().name()).dtype();
                t.writer.append(entry.info().name(), encode(ordered.asSlice(0, n * columns * Float.BYTES), type, n, columns, encoded));
            }
        }
    }

    private static void shift(MemorySegment floats, long n, float by) {
        if (by == 0) return;
        for (long i = 0; i < n; i++) floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, floats.getAtIndex(ValueLayout.JAVA_FLOAT, i) + by);
    }

    private MemorySegment encode(MemorySegment floats, DType type, long rows, long columns, MemorySegment buffer) {
        if (type == DType.F32) return floats;
        MemorySegment bytes = buffer.asSlice(0, type.bytes(rows * columns));
        ops.quantizeRows(bytes, dev.luthier.engine.DType.valueOf(type.name()), floats, rows, columns, null);
        return bytes;
    }
}
