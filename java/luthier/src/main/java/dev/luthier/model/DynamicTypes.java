package dev.luthier.model;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;
import dev.luthier.ops.Ops;
import dev.luthier.ops.Ops.Mode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Which projections stay in 8 bits when the rest of a model is held in NF4: those whose error costs most per byte that mending it takes, within a byte
 * budget. The error of a projection is that of its output on calibration rows, ||X (W - NF4(W))ᵀ||², or without rows that of its weights,
 * ||W - NF4(W)||², both relative to the exact value. The idea of mixed 4-bit checkpoints is Unsloth's "dynamic 4-bit".
 */
final class DynamicTypes {
    /** Bytes over plain NF4 that may be spent. */
    static final double BUDGET = 0.10;
    /** Tokens of calibration rows that are looked at. */
    private static final int MOST_TOKENS = 512;

    private final Ops ops;
    private final ModelConfig config;
    private final CheckpointStore exact;

    private DynamicTypes(Ops ops, ModelConfig config, CheckpointStore exact) {
        this.ops = ops;
        this.config = config;
        this.exact = exact;
    }

    /** One projection's error in NF4, and the bytes that a better type takes more. */
    private record Candidate(String name, DType type, double error, long extraBytes) {
        double worth() {
            return error / extraBytes;
        }
    }

    /**
     * Chooses.
     *
     * @param nf4   the model in plain NF4
     * @param exact reads single projections in F32
     * @param rows  token rows to calibrate on; empty: by the weights' error
     * @return type by tensor name, of those that do not stay in NF4, the most valuable first
     */
    static Map<String, DType> choose(Ops ops, Weights nf4, CheckpointStore exact, List<int[]> rows) {
        return new DynamicTypes(ops, nf4.config(), exact).choose(nf4, rows);
    }

    private Map<String, DType> choose(Weights nf4, List<int[]> rows) {
        List<Candidate> candidates = new ArrayList<>();
        long[] plainBytes = {0};
        if (rows.isEmpty()) {
            for (int i = 0; i < config.layers(); i++)
                for (Projection p : Projection.of(config)) candidates.add(candidate(nf4, i, p, null, plainBytes));
        } else {
            Packed packed = Packed.of(within(rows));
            Transformer model = new Transformer(nf4, null);
            model.observe(ops, packed, (layer, p, x) -> candidates.add(candidate(nf4, layer, p, x, plainBytes)));
        }
        candidates.sort(Comparator.comparingDouble(Candidate::worth).reversed().thenComparing(Candidate::name));
        long budget = (long) (plainBytes[0] * BUDGET);
        Map<String, DType> chosen = new LinkedHashMap<>();
        for (Candidate c : candidates) {
            if (c.extraBytes > budget || c.error == 0) continue;
            chosen.put(c.name, c.type);
            budget -= c.extraBytes;
        }
        return chosen;
    }

    private static List<int[]> within(List<int[]> rows) {
        List<int[]> some = new ArrayList<>();
        int tokens = 0;
        for (int[] row : rows) {
            if (tokens + row.length > MOST_TOKENS && !some.isEmpty()) break;
            int[] head = row.length > MOST_TOKENS ? Arrays.copyOf(row, MOST_TOKENS) : row;
            some.add(head);
            tokens += head.length;
        }
        return some;
    }

    private Candidate candidate(Weights nf4, int layer, Projection p, Tensor x, long[] plainBytes) {
        String name = p.module(layer) + ".weight";
        Matrix rounded = nf4.layers().get(layer).matrices().get(p);
        long rows = rounded.rows();
        long cols = rounded.cols();
        long plain = DType.NF4.bytes(rows, cols) + Matrix.nf4Blocks(rows, cols) + 4 * Matrix.nf4NestedBlocks(rows, cols);
        plainBytes[0] += plain;
        DType better = cols % DType.Q8_0.blockSize() == 0 ? DType.Q8_0 : DType.BF16;
        if (rounded.type() != DType.NF4) return new Candidate(name, better, 0, 1);
        return new Candidate(name, better, error(name, rounded, x), better.bytes(rows, cols) - plain);
    }

    private double error(String name, Matrix rounded, Tensor x) {
        long t = x == null ? rounded.rows() : x.rows();
        long n = x == null ? rounded.cols() : rounded.rows();
        DeviceArena count = DeviceArena.counting();
        count.matrix(DType.F32, rounded.rows(), rounded.cols());
        count.tensor(Kind.STAGING, DType.F32, t, n);
        try (DeviceArena arena = DeviceArena.of(ops.engine(), count.peak())) {
            Matrix w = exact.projection(arena, name, rounded.rows(), rounded.cols());
            Tensor weights = Tensor.of(w.data(), w.rows(), w.cols(), DType.F32);
            Tensor y = arena.tensor(Kind.STAGING, DType.F32, t, n);
            if (x == null) {
                ops.dequantize(y, rounded, 0);
                return relative(ops.engine().floats(weights), ops.engine().floats(y));
            }
            ops.matmul(y, x, w, Mode.SET);
            float[] wanted = ops.engine().floats(y);
            ops.matmul(y, x, rounded, Mode.SET);
            return relative(wanted, ops.engine().floats(y));
        }
    }

    private static double relative(float[] wanted, float[] found) {
        double error = IntStream.range(0, wanted.length).parallel().mapToDouble(i -> ((double) wanted[i] - found[i]) * ((double) wanted[i] - found[i])).sum();
        double size = IntStream.range(0, wanted.length).parallel().mapToDouble(i -> (double) wanted[i] * wanted[i]).sum();
        return size == 0 ? 0 : error / size;
    }
}
