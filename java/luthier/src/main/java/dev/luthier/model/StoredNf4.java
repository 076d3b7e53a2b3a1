package dev.luthier.model;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Engine;
import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;
import dev.luthier.io.FormatException;
import dev.luthier.io.Json;
import dev.luthier.io.TensorInfo;
import dev.luthier.ops.Ops;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import tools.jackson.databind.JsonNode;

/**
 * A matrix that the checkpoint already holds in NF4, as bitsandbytes serializes it (functional.py, QuantState.as_dict): {@code W} packed U8 [n/2, 1],
 * {@code W.absmax}, with double quantization {@code W.nested_absmax}, and the quant_state JSON as bytes. Codes and scales are taken as they are.
 */
final class StoredNf4 {
    private static final String STATE = ".quant_state.bitsandbytes__";
    private static final String REMEDY = "use a checkpoint quantized to NF4 by bitsandbytes, or the original weights";

    private final WeightFiles source;
    private final String name;
    private final long rows;
    private final long cols;
    private final boolean nested;
    private final float offset;

    private StoredNf4(WeightFiles source, String name, long rows, long cols) {
        this.source = source;
        this.name = name;
        this.rows = rows;
        this.cols = cols;
        byte[] bytes = source.bytes(name + STATE + "nf4").toArray(ValueLayout.JAVA_BYTE);
        JsonNode state = Json.parse(new String(bytes, StandardCharsets.UTF_8), source.path(), "tensor " + name + STATE + "nf4");
        require("shape", state.path("shape").toString().replace(" ", ""), "[" + rows + "," + cols + "]");
        require("blocksize", state.path("blocksize").toString(), String.valueOf(Matrix.NF4_BLOCK));
        nested = state.has("nested_blocksize");
        if (nested) require("nested_blocksize", state.path("nested_blocksize").toString(), String.valueOf(Matrix.NF4_NESTED_BLOCK));
        offset = nested ? (float) state.path("nested_offset").asDouble() : 0;
        long blocks = Matrix.nf4Blocks(rows, cols);
        part("", dev.luthier.io.DType.U8, DType.NF4.bytes(rows, cols));
        part(".absmax", nested ? dev.luthier.io.DType.U8 : dev.luthier.io.DType.F32, blocks);
        part(".quant_map", dev.luthier.io.DType.F32, 16);
        if (nested) {
            part(".nested_absmax", dev.luthier.io.DType.F32, Matrix.nf4NestedBlocks(rows, cols));
            part(".nested_quant_map", dev.luthier.io.DType.F32, 256);
        }
    }

    /** Whether a checkpoint holds this weight quantized by bitsandbytes. */
    static boolean holds(WeightFiles source, String name) {
        return source.tensors().stream().anyMatch(t -> t.name().startsWith(name + STATE));
    }

    static StoredNf4 open(WeightFiles source, String name, long rows, long cols) {
        if (source.find(name + STATE + "nf4").isEmpty())
            throw new FormatException(source.path(), "tensor " + FormatException.quote(name), "4-bit weights that are not NF4", "bitsandbytes NF4", REMEDY);
        return new StoredNf4(source, name, rows, cols);
    }

    private void part(String suffix, dev.luthier.io.DType type, long elements) {
        TensorInfo info = source.info(name + suffix);
        if (info.dtype() != type || info.elements() != elements)
            throw new FormatException(source.path(), "tensor " + FormatException.quote(name + suffix), info.dtype() + " " + info.shape(), type + " of " + elements + " elements", REMEDY);
    }

    private void require(String field, String found, String wanted) {
        if (!found.equals(wanted))
            throw new FormatException(source.path(), "tensor " + FormatException.quote(name + STATE + "nf4") + ", " + field, found, wanted, REMEDY);
    }

    /** Bytes in the file. */
    long bytes() {
        return source.info(name).bytes() + source.info(name + ".absmax").bytes();
    }

    Matrix allocate(DeviceArena arena) {
        if (nested) return arena.matrix(DType.NF4, rows, cols).withNestedOffset(offset);
        long data = arena.alloc(Kind.WEIGHTS, DType.NF4.bytes(rows, cols));
        return new Matrix(data, arena.alloc(Kind.WEIGHTS, 4 * Matrix.nf4Blocks(rows, cols)), 0, rows, cols, DType.NF4, 0);
    }

    void upload(Engine engine, Matrix m) {
        engine.upload(m.data(), source.bytes(name));
        engine.upload(m.absmax(), source.bytes(name + ".absmax"));
        if (nested) engine.upload(m.nestedAbsmax(), source.bytes(name + ".nested_absmax"));
    }

    /** Refuses a file whose code tables are not the standard ones, which the engine has built in. */
    void checkTables(Ops ops) {
        DeviceArena count = DeviceArena.counting();
        Probe.allocate(count);
        try (DeviceArena arena = DeviceArena.of(ops.engine(), count.peak())) {
            Probe probe = Probe.allocate(arena);
            checkTable(".quant_map", probe.nf4(ops));
            if (nested) checkTable(".nested_quant_map", probe.dynamic(ops));
        }
    }

    private void checkTable(String suffix, float[] wanted) {
        if (!Arrays.equals(source.floats(name + suffix), wanted))
            throw new FormatException(source.path(), "tensor " + FormatException.quote(name + suffix), "another code table", "the standard one", REMEDY);
    }

    /** Reads the engine's own code tables by dequantizing matrices that hold each code once. */
    private record Probe(long data, long absmax, long nested, Tensor out) {
        static Probe allocate(DeviceArena arena) {
            return new Probe(arena.alloc(Kind.STAGING, 256 * 32), arena.alloc(Kind.STAGING, 256), arena.alloc(Kind.STAGING, 4),
                    arena.tensor(Kind.STAGING, DType.F32, 256, 64));
        }

        float[] nf4(Ops ops) {
            byte[] codes = new byte[8];
            for (int i = 0; i < 8; i++) codes[i] = (byte) (2 * i << 4 | 2 * i + 1);
            ops.engine().upload(data, MemorySegment.ofArray(codes));
            ops.engine().upload(absmax, MemorySegment.ofArray(new float[] {1}));
            Tensor row = Tensor.of(out.address(), 1, 16, DType.F32);
            ops.dequantize(row, new Matrix(data, absmax, 0, 1, 16, DType.NF4, 0), 0);
            return ops.engine().floats(row);
        }

        float[] dynamic(Ops ops) {
            byte[] ones = new byte[256 * 32];
            Arrays.fill(ones, (byte) 0xFF); // the highest code stands for 1
            byte[] scales = new byte[256];
            for (int i = 0; i < 256; i++) scales[i] = (byte) i;
            ops.engine().upload(data, MemorySegment.ofArray(ones));
            ops.engine().upload(absmax, MemorySegment.ofArray(scales));
            ops.engine().upload(nested, MemorySegment.ofArray(new float[] {1}));
            ops.dequantize(out, new Matrix(data, absmax, nested, 256, 64, DType.NF4, 0), 0);
            float[] all = ops.engine().floats(out);
            float[] table = new float[256];
            for (int i = 0; i < 256; i++) table[i] = all[i * 64];
            return table;
        }
    }
}
