package dev.luthier.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Engine;
import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;
import dev.luthier.io.TensorInfo;
import dev.luthier.io.TensorSource;
import dev.luthier.ops.Ops;
import dev.luthier.testing.Shared;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

/** NF4 to the bit: codes, block scales and dequantized values as bitsandbytes gives them, also for short blocks, ties and a block of zeros. */
abstract class Nf4Suite {
    abstract EngineConfig engineConfig();

    @Test
    void theUnitCases() throws Exception {
        assertEquals(9, compare("oracle/nf4_unit/nf4_unit.safetensors"));
    }

    @Test
    void theMatricesOfAModel() throws Exception {
        assertEquals(14, compare("oracle/qwen2_nf4/nf4.safetensors"));
    }

    private int compare(String file) throws Exception {
        int compared = 0;
        try (TensorSource expected = TensorSource.open(Shared.require(file));
                TensorSource model = TensorSource.open(Shared.require("oracle/qwen2/model.safetensors"));
                Engine engine = Engine.open(engineConfig()); Ops ops = new Ops(engine); DeviceArena arena = DeviceArena.of(engine, 8L << 20)) {
            List<String> names = expected.tensors().stream().map(TensorInfo::name).filter(n -> n.endsWith(".packed")).map(n -> n.substring(0, n.length() - ".packed".length())).toList();
            for (String name : names) {
                String weight = name + ".weight";
                boolean unit = expected.find(weight).isPresent();
                TensorSource source = unit ? expected : model;
                TensorInfo info = source.info(unit ? weight : name);
                long rows = info.rank() == 1 ? 1 : info.dim(0);
                long cols = info.rank() == 1 ? info.dim(0) : info.dim(1);
                long mark = arena.mark();
                Tensor x = arena.tensor(Kind.STAGING, DType.F32, rows, cols);
                engine.upload(x, source.floats(info.name()));
                compareOne(ops, arena, expected, name, x);
                arena.reset(mark);
                compared++;
            }
        }
        return compared;
    }

    private static void compareOne(Ops ops, DeviceArena arena, TensorSource expected, String name, Tensor x) {
        Engine engine = ops.engine();
        long rows = x.rows();
        long cols = x.cols();
        long blocks = Matrix.nf4Blocks(rows, cols);
        Tensor y = arena.tensor(Kind.STAGING, DType.F32, rows, cols);
        Matrix nested = ops.nf4Quantize(arena.matrix(DType.NF4, rows, cols), x);
        assertArrayEquals(bytes(expected.bytes(name + ".packed")), download(engine, nested.data(), DType.NF4.bytes(rows, cols)), name + " codes");
        assertArrayEquals(bytes(expected.bytes(name + ".qabsmax")), download(engine, nested.absmax(), blocks), name + " codes of the block scales");
        assertEquals(expected.floats(name + ".nested_offset")[0], nested.nestedOffset(), name + " offset");
        float[] scales = expected.floats(name + ".nested_absmax");
        float[] found = floats(download(engine, nested.nestedAbsmax(), 4L * scales.length));
        for (int i = 0; i < scales.length; i++) assertTrue(scales[i] == found[i] || scales[i] == 0 && Math.abs(found[i]) <= 1e-37f, name + " nested scale " + i);
        ops.dequantize(y, nested, 0);
        assertArrayEquals(expected.floats(name + ".dequant"), engine.floats(y), name + " dequantized");

        Matrix single = new Matrix(arena.alloc(Kind.STAGING, DType.NF4.bytes(rows, cols)), arena.alloc(Kind.STAGING, 4 * blocks), 0, rows, cols, DType.NF4, 0);
        ops.nf4Quantize(single, x);
        assertArrayEquals(expected.floats(name + ".absmax"), floats(download(engine, single.absmax(), 4 * blocks)), name + " block scales");
        ops.dequantize(y, single, 0);
        assertArrayEquals(expected.floats(name + ".dequant_single"), engine.floats(y), name + " dequantized, single quantization");
    }

    private static byte[] download(Engine engine, long address, long bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(bytes, 8);
            engine.download(host, address);
            return host.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private static byte[] bytes(MemorySegment s) {
        return s.toArray(ValueLayout.JAVA_BYTE);
    }

    private static float[] floats(byte[] bytes) {
        return MemorySegment.ofArray(bytes).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }
}
