package dev.luthier.bench;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Engine;
import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Limits;
import dev.luthier.engine.Matrix;
import dev.luthier.engine.Precision;
import dev.luthier.engine.Tensor;
import dev.luthier.ops.Ops;
import dev.luthier.ops.Ops.Mode;
import dev.luthier.ops.Philox;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** y = x Wᵀ for the shapes of Qwen2.5-0.5B and one large square, by weight type; run with {@code java -jar bench.jar} or from an IDE. */
@State(Scope.Benchmark)
@BenchmarkMode(org.openjdk.jmh.annotations.Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 2)
public class MatmulBenchmark {
    /** tokens x out x in */
    @Param({"1x4864x896", "1024x4864x896", "1024x896x4864", "1024x4096x4096"})
    public String shape;

    @Param({"BF16", "NF4"})
    public DType weights;

    @Param({"FP32", "BF16"})
    public Precision precision;

    private Engine engine;
    private Ops ops;
    private DeviceArena arena;
    private Tensor x;
    private Tensor y;
    private Matrix w;
    private long flops;

    @Setup
    public void setup() {
        String[] dims = shape.split("x");
        int t = Integer.parseInt(dims[0]);
        int out = Integer.parseInt(dims[1]);
        int in = Integer.parseInt(dims[2]);
        flops = 2L * t * out * in;
        engine = Engine.open(EngineConfig.cpu(precision));
        ops = new Ops(engine);
        engine.requireWorkspace(new Limits(t, Math.max(in, out), in, 0, 1, 1, 64, 0));
        arena = DeviceArena.of(engine, 8L * (long) out * in + 8L * t * ((long) in + out) + (1 << 20));
        x = random(precision.activation(), t, in);
        y = arena.tensor(Kind.ACTIVATIONS, precision.activation(), t, out);
        Tensor dense = random(DType.F32, out, in);
        w = arena.matrix(weights, out, in);
        if (weights == DType.NF4) w = ops.nf4Quantize(w, dense);
        else ops.cast(Tensor.of(w.data(), out, in, weights), dense);
    }

    private Tensor random(DType type, int rows, int cols) {
        float[] values = new float[rows * cols];
        Philox.fillUniform(values, 1, 1, type.name() + rows);
        Tensor f32 = arena.tensor(Kind.STAGING, DType.F32, rows, cols);
        engine.upload(f32, values);
        if (type == DType.F32) return f32;
        Tensor t = arena.tensor(Kind.STAGING, type, rows, cols);
        ops.cast(t, f32);
        return t;
    }

    @TearDown
    public void close() {
        arena.close();
        ops.close();
        engine.close();
    }

    /** Floating-point operations per second, beside the time. */
    @AuxCounters
    @State(Scope.Thread)
    public static class Rate {
        public double flop;

        @Setup(Level.Iteration)
        public void clear() {
            flop = 0;
        }
    }

    @Benchmark
    public void matmul(Rate rate) {
        ops.matmul(y, x, w, Mode.SET);
        engine.synchronize();
        rate.flop += flops;
    }
}
