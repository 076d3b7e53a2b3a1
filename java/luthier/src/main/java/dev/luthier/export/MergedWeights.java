package dev.luthier.export;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.Engine;
import dev.luthier.engine.Limits;
import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;
import dev.luthier.io.FormatException;
import dev.luthier.io.TensorInfo;
import dev.luthier.io.TensorSource;
import dev.luthier.model.Adapter;
import dev.luthier.model.AdapterFiles;
import dev.luthier.model.LoraConfig;
import dev.luthier.model.ModelConfig;
import dev.luthier.model.Param;
import dev.luthier.model.Projection;
import dev.luthier.ops.Ops;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The weights of a checkpoint with an adapter merged in, W + scale B A in fp32, a few rows at a time: neither heap nor device ever holds more than a
 * piece of a tensor, except for {@link MergeBase#NF4}, which holds one tensor in 4 bits.
 */
final class MergedWeights implements AutoCloseable {
    private static final Map<dev.luthier.io.DType, DType> TYPES =
            Map.of(dev.luthier.io.DType.F32, DType.F32, dev.luthier.io.DType.F16, DType.F16, dev.luthier.io.DType.BF16, DType.BF16);
    private static final String LORA_A = ".lora_A.weight";

    private final Ops ops;
    private final Engine engine;
    private final TensorSource source;
    private final MergeBase base;
    private final Set<String> projections = new HashSet<>();
    private final Adapter adapter;
    private final DeviceArena adapterArena;
    private final long pieceBytes;
    private final long piece;
    private final long staging;

    /**
     * @param adapterFolder null: the checkpoint as it is
     * @param pieceElements most elements that {@link Open#read} is asked for at once
     */
    MergedWeights(Ops ops, Path folder, ModelConfig model, Path adapterFolder, MergeBase base, long pieceElements) throws IOException {
        this.ops = ops;
        this.engine = ops.engine();
        this.base = base;
        this.pieceBytes = pieceElements * Float.BYTES;
        this.source = TensorSource.open(folder);
        List<Long> allocated = new ArrayList<>();
        try {
            for (int i = 0; i < model.layers(); i++)
                for (Projection p : Projection.of(model)) projections.add(p.module(i) + ".weight");
            this.piece = engine.alloc(pieceBytes);
            allocated.add(piece);
            this.staging = engine.alloc(pieceBytes);
            allocated.add(staging);
            if (adapterFolder == null) {
                adapter = null;
                adapterArena = null;
            } else {
                LoraConfig lora = AdapterFiles.readConfig(adapterFolder, model);
                engine.requireWorkspace(new Limits(1, model.limits(1, 1, 0).features(), 0, 0, 0, 0, 0, lora.rank()));
                DeviceArena count = DeviceArena.counting();
                Adapter.allocate(count, model, lora, false);
                adapterArena = DeviceArena.of(engine, count.peak());
                adapter = AdapterFiles.read(engine, adapterArena, adapterFolder, model, false);
            }
        } catch (IOException | RuntimeException e) {
            allocated.forEach(engine::free);
            source.close();
            throw e;
        }
    }

    TensorSource source() {
        return source;
    }

    private Param param(String tensor, String suffix) {
        return adapter == null || !tensor.endsWith(".weight") ? null
                : adapter.params().get("base_model.model." + tensor.substring(0, tensor.length() - ".weight".length()) + suffix);
    }

    /** Opens a tensor for reading; close it before the next. */
    Open open(String name) {
        TensorInfo info = source.info(name);
        if (info.rank() < 1 || info.rank() > 2 || !TYPES.containsKey(info.dtype()))
            throw new FormatException(source.path(), "tensor " + FormatException.quote(name), info.dtype() + " " + info.shape(),
                    "a vector or a matrix in F32, F16 or BF16", "use a checkpoint with unquantized weights");
        return new Open(info);
    }

    /** One tensor, as rows of F32; a vector is one row. */
    final class Open implements AutoCloseable {
        private final TensorInfo info;
        private final DType type;
        private final long columns;
        private final MemorySegment bytes;
        private final Param a;
        private final Param b;
        private long registered;
        private DeviceArena quantizedArena;
        private Matrix quantized;

        private Open(TensorInfo info) {
            this.info = info;
            this.type = TYPES.get(info.dtype());
            this.columns = info.dim(-1);
            this.bytes = source.bytes(info.name());
            this.a = param(info.name(), LORA_A);
            this.b = param(info.name(), ".lora_B.weight");
            this.registered = engine.registerIfPossible(bytes, type.blockBytes());
            if (base == MergeBase.NF4 && projections.contains(info.name())) quantize();
        }

        long rows() {
            return info.rank() == 1 ? 1 : info.dim(0);
        }

        long columns() {
            return columns;
        }

        private void quantize() {
            DeviceArena count = DeviceArena.counting();
            count.matrix(DType.NF4, rows(), columns);
            quantizedArena = DeviceArena.of(engine, count.peak());
            long address = registered;
            if (address == 0) {
                address = engine.alloc(bytes.byteSize());
                engine.upload(address, bytes);
            }
            try {
                quantized = ops.nf4Quantize(quantizedArena.matrix(DType.NF4, rows(), columns), Tensor.of(address, rows(), columns, type));
            } finally {
                if (registered == 0) engine.free(address);
            }
        }

        /** Rows [row, row + n) into {@code target}, F32 [n, columns]. */
        void read(long row, long n, MemorySegment target) {
            long elements = n * columns;
            if (elements * Float.BYTES > pieceBytes) throw new IllegalArgumentException(n + " rows of " + columns + " are more than a piece of " + pieceBytes + " bytes");
            Tensor y = Tensor.of(piece, n, columns, DType.F32);
            if (quantized != null) {
                if (a == null) ops.dequantize(y, quantized, row);
                else ops.loraMerge(y, quantized, row, a.value(), b.value(), adapter.lora().scale());
            } else {
                long from = address(row, n);
                if (a == null) ops.cast(y, Tensor.of(from, n, columns, type));
                else ops.loraMerge(y, Matrix.of(from, n, columns, type), 0, a.value(), b.value().rows(row, n), adapter.lora().scale());
            }
            engine.download(target.asSlice(0, elements * Float.BYTES), piece);
            if (quantized == null) forget(bytes.asSlice(row * type.bytes(1, columns), n * type.bytes(1, columns)));
        }

        /** Each row is read once: without this the whole checkpoint stays resident. */
        private static void forget(MemorySegment read) {
            if (read.isMapped()) read.unload();
        }

        private long address(long row, long n) {
            long rowBytes = type.bytes(1, columns);
            if (registered != 0) return registered + row * rowBytes;
            engine.upload(staging, bytes.asSlice(row * rowBytes, n * rowBytes));
            return staging;
        }

        @Override
        public void close() {
            if (quantizedArena != null) quantizedArena.close();
            if (registered != 0) engine.free(registered);
            forget(bytes);
        }
    }

    @Override
    public void close() {
        if (adapterArena != null) adapterArena.close();
        engine.free(staging);
        engine.free(piece);
        source.close();
    }
}
