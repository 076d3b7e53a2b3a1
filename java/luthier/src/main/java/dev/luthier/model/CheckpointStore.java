package dev.luthier.model;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Engine;
import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;
import dev.luthier.io.Floats;
import dev.luthier.io.FormatException;
import dev.luthier.io.TensorInfo;
import dev.luthier.io.TensorSink;
import dev.luthier.ops.Ops;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Weights from a checkpoint. Tensor by tensor: the mapped file is read in place where the device can, else through one staging buffer, and converted or
 * quantized on the device; the host never holds the model. On a counting arena it only counts.
 */
final class CheckpointStore implements Weights.Store, AutoCloseable {
    /** The engine's name of every type that weights come in; both sides spell them alike. */
    private static final Map<dev.luthier.io.DType, DType> SOURCE_TYPES = Arrays.stream(DType.values())
            .filter(t -> t.floating() || !t.dense() && t != DType.NF4).collect(Collectors.toMap(t -> dev.luthier.io.DType.valueOf(t.name()), t -> t));

    /** GGUF blocks hold their scales in two bytes, some types in four. */
    private static final long BLOCK_ALIGNMENT = 4;
    /** Elements quantized at a time on the host. */
    private static final long QUANTIZE_ELEMENTS = 1 << 22;

    private final WeightFiles source;
    private final LoadIn loadIn;
    private final Map<String, DType> exceptions;
    private final DeviceArena arena;
    private final Ops ops;
    private final TensorSink.Progress progress;
    private final long total;
    private long done;
    private long staging;
    private long stagingBytes;
    private boolean tablesChecked;

    /**
     * @param exceptions types of projections that are not held as loadIn says, by name
     * @param ops      null with a counting arena
     * @param progress called with bytes of the checkpoint read and to be read
     */
    CheckpointStore(WeightFiles source, LoadIn loadIn, Map<String, DType> exceptions, DeviceArena arena, Ops ops, TensorSink.Progress progress) {
        this.source = source;
        this.loadIn = loadIn;
        this.exceptions = exceptions;
        this.arena = arena;
        this.ops = ops;
        this.progress = progress;
        this.total = source.tensors().stream().mapToLong(TensorInfo::bytes).sum();
    }

    @Override
    public Matrix projection(String name, long rows, long cols) {
        if (StoredNf4.holds(source, name)) return stored(name, rows, cols);
        DType own = loadIn.projection(sourceType(name, rows, cols));
        return matrix(name, rows, cols, exceptions.getOrDefault(name, own));
    }

    /** One projection in memory of the caller's. */
    Matrix projection(DeviceArena elsewhere, String name, long rows, long cols) {
        try (CheckpointStore store = new CheckpointStore(source, loadIn, exceptions, elsewhere, ops, TensorSink.Progress.NONE)) {
            return store.projection(name, rows, cols);
        }
    }

    @Override
    public Matrix table(String name, long rows, long cols) {
        return matrix(name, rows, cols, loadIn.table(sourceType(name, rows, cols)));
    }

    private Matrix matrix(String name, long rows, long cols, DType type) {
        Matrix m = arena.matrix(type, rows, cols);
        if (arena.isCounting()) return m;
        MemorySegment bytes = source.bytes(name);
        DType from = SOURCE_TYPES.get(source.info(name).dtype());
        if (type == from) ops.engine().upload(m.data(), bytes);
        else if (!type.dense() && type != DType.NF4) quantize(m, name, bytes);
        else m = convert(m, bytes, from);
        count(bytes.byteSize());
        return m;
    }

    /** m in GGUF blocks from a dense source, some rows at a time. */
    private void quantize(Matrix m, String name, MemorySegment bytes) {
        dev.luthier.io.DType from = source.info(name).dtype();
        int piece = (int) Math.max(1, Math.min(m.rows(), QUANTIZE_ELEMENTS / m.cols()));
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment floats = scratch.allocate(DType.F32.bytes(piece, m.cols()), 64);
            MemorySegment blocks = scratch.allocate(m.type().bytes(piece, m.cols()), 64);
            for (long row = 0; row < m.rows(); row += piece) {
                long n = Math.min(piece, m.rows() - row);
                MemorySegment rows = bytes.asSlice(from.bytes(row * m.cols()), from.bytes(n * m.cols()));
                MemorySegment f32 = floats.asSlice(0, DType.F32.bytes(n, m.cols()));
                Floats.convert(from, rows, dev.luthier.io.DType.F32, f32, n * m.cols());
                MemorySegment out = blocks.asSlice(0, m.type().bytes(n, m.cols()));
                ops.quantizeRows(out, m.type(), f32, n, m.cols(), null);
                ops.engine().upload(m.data() + m.type().bytes(row, m.cols()), out);
            }
        }
    }

    /** A projection that the checkpoint holds in NF4: taken as it is, or expanded where another type is asked for. */
    private Matrix stored(String name, long rows, long cols) {
        StoredNf4 from = StoredNf4.open(source, name, rows, cols);
        boolean keep = loadIn.fourBit();
        Matrix m = keep ? from.allocate(arena) : arena.matrix(loadIn.projection(DType.F32), rows, cols);
        if (arena.isCounting()) return m;
        if (!tablesChecked) from.checkTables(ops);
        tablesChecked = true;
        if (keep) {
            from.upload(ops.engine(), m);
        } else {
            DeviceArena count = DeviceArena.counting();
            from.allocate(count);
            try (DeviceArena packed = DeviceArena.of(ops.engine(), count.peak())) {
                Matrix nf4 = from.allocate(packed);
                from.upload(ops.engine(), nf4);
                ops.dequantize(Tensor.of(m.data(), rows, cols, m.type()), nf4, 0);
            }
        }
        count(from.bytes());
        return m;
    }

    /** m in its own type from a source in another. */
    private Matrix convert(Matrix m, MemorySegment bytes, DType from) {
        Engine engine = ops.engine();
        long address = engine.registerIfPossible(bytes, from.dense() ? from.blockBytes() : BLOCK_ALIGNMENT);
        boolean registered = address != 0;
        if (!registered) {
            address = staging(engine, bytes.byteSize());
            engine.upload(address, bytes);
        }
        try {
            if (!from.dense()) {
                ops.dequantize(Tensor.of(m.data(), m.rows(), m.cols(), m.type()), Matrix.of(address, m.rows(), m.cols(), from), 0);
                return m;
            }
            Tensor x = Tensor.of(address, m.rows(), m.cols(), from);
            if (m.type() == DType.NF4) return ops.nf4Quantize(m, x);
            ops.cast(Tensor.of(m.data(), m.rows(), m.cols(), m.type()), x);
            return m;
        } finally {
            if (registered) engine.free(address);
        }
    }

    private long staging(Engine engine, long bytes) {
        if (bytes > stagingBytes) {
            engine.free(staging);
            staging = 0;
            staging = engine.alloc(bytes);
            stagingBytes = bytes;
        }
        return staging;
    }

    @Override
    public Tensor vector(String name, long n) {
        sourceType(name, n);
        Tensor t = arena.tensor(Kind.WEIGHTS, DType.F32, 1, n);
        if (!arena.isCounting()) {
            ops.engine().upload(t, source.floats(name));
            count(source.info(name).bytes());
        }
        return t;
    }

    @Override
    public Tensor constant(float[] values) {
        Tensor t = arena.tensor(Kind.WEIGHTS, DType.F32, 1, values.length);
        if (!arena.isCounting()) ops.engine().upload(t, values);
        return t;
    }

    private void count(long bytes) {
        done += bytes;
        progress.written(done, total);
    }

    /** The dtype of a tensor that must have this shape. */
    private DType sourceType(String name, long... shape) {
        TensorInfo info = source.info(name);
        List<Long> wanted = Arrays.stream(shape).boxed().toList();
        String place = "tensor " + FormatException.quote(name);
        if (!info.shape().equals(wanted))
            throw new FormatException(source.path(), place, "shape " + info.shape(), wanted + " by config.json", "use the config.json and weights of one model");
        DType type = SOURCE_TYPES.get(info.dtype());
        if (type == null)
            throw new FormatException(source.path(), place, info.dtype().toString(), "one of " + SOURCE_TYPES.keySet(), "use a checkpoint in one of these types");
        return type;
    }

    @Override
    public void close() {
        if (ops != null) ops.engine().free(staging);
    }

    /** Counts what a model takes when no checkpoint is at hand, its weights being in {@code source}. */
    static Weights.Store counting(LoadIn loadIn, DType source, DeviceArena arena) {
        return new Weights.Store() {
            @Override
            public Matrix projection(String name, long rows, long cols) {
                return arena.matrix(loadIn.projection(source), rows, cols);
            }

            @Override
            public Matrix table(String name, long rows, long cols) {
                return arena.matrix(loadIn.table(source), rows, cols);
            }

            @Override
            public Tensor vector(String name, long n) {
                return arena.tensor(Kind.WEIGHTS, DType.F32, 1, n);
            }

            @Override
            public Tensor constant(float[] values) {
                return arena.tensor(Kind.WEIGHTS, DType.F32, 1, values.length);
            }
        };
    }
}
