package dev.luthier.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Engine;
import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Limits;
import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** An engine, fresh random inputs, and comparison by relative error; what the suites of one op stand on. */
abstract class OpsFixture {
    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    Ops k;
    private DeviceArena arena;

    /** The backend under test. */
    abstract EngineConfig config();

    /** Activation dtype under test. */
    DType act() {
        return config().precision().activation();
    }

    /** Allowed error relative to the largest expected value: about 20 roundings of the activation type. */
    double tolerance() {
        return act() == DType.F32 ? 3e-6 : 3e-2;
    }

    @BeforeEach
    void open() {
        k = new Ops(Engine.open(config()));
        k.engine().requireWorkspace(new Limits(300, 600, 600, 1100, 16, 16, 256, 64));
        arena = DeviceArena.of(k.engine(), 64L << 20);
    }

    @AfterEach
    void close() {
        arena.close();
        k.close();
        k.engine().close();
    }

    Random random() {
        return random;
    }

    /** A host array with its device twin; the host holds exactly what the device holds after rounding to its dtype. */
    record Input(Tensor tensor, double[] values) {
    }

    /** Normal numbers, rounded to the dtype. */
    Input input(DType type, int rows, int cols, double scale) {
        float[] values = new float[rows * cols];
        for (int i = 0; i < values.length; i++) values[i] = (float) (random.nextGaussian() * scale);
        return input(type, rows, cols, values);
    }

    Input act(int rows, int cols) {
        return input(act(), rows, cols, 1);
    }

    Input input(DType type, int rows, int cols, float... values) {
        Tensor f32 = arena.tensor(Kind.STAGING, DType.F32, rows, cols);
        k.engine().upload(f32, values);
        Tensor t = f32;
        if (type != DType.F32) {
            t = arena.tensor(Kind.STAGING, type, rows, cols);
            k.cast(t, f32);
        }
        return new Input(t, read(t));
    }

    Tensor ints(int... values) {
        Tensor t = arena.tensor(Kind.STAGING, DType.I32, values.length, 1);
        k.engine().upload(t, values);
        return t;
    }

    /** Memory full of NaN, so that an element left unwritten shows. */
    Tensor output(DType type, int rows, int cols) {
        float[] nan = new float[rows * cols];
        Arrays.fill(nan, Float.NaN);
        return input(type, rows, cols, nan).tensor();
    }

    Tensor output(int rows, int cols) {
        return output(act(), rows, cols);
    }

    /** A weight in this type, with the values it really has. */
    record Weight(Matrix matrix, double[] values) {
    }

    Weight weight(DType type, int rows, int cols, double scale) {
        Input x = input(DType.F32, rows, cols, scale);
        Matrix m = arena.matrix(type, rows, cols);
        if (type == DType.NF4) m = k.nf4Quantize(m, x.tensor());
        else k.cast(Tensor.of(m.data(), rows, cols, type), x.tensor());
        Tensor back = arena.tensor(Kind.STAGING, DType.F32, rows, cols);
        k.dequantize(back, m, 0);
        return new Weight(m, read(back));
    }

    double[] read(Tensor t) {
        Tensor f32 = t;
        if (t.dtype() != DType.F32 || !t.contiguous()) {
            f32 = arena.tensor(Kind.STAGING, DType.F32, t.rows(), t.cols());
            k.cast(f32, t);
        }
        float[] f = k.engine().floats(f32);
        double[] d = new double[f.length];
        for (int i = 0; i < f.length; i++) d[i] = f[i];
        return d;
    }

    void assertNear(double[] expected, Tensor actual, String what) {
        assertNear(expected, actual, tolerance(), what);
    }

    void assertNear(double[] expected, Tensor actual, double tolerance, String what) {
        double[] found = read(actual);
        assertEquals(expected.length, found.length, what);
        double largest = 1e-30;
        double worst = 0;
        int at = 0;
        for (double e : expected) largest = Math.max(largest, Math.abs(e));
        for (int i = 0; i < expected.length; i++) {
            double d = Math.abs(expected[i] - found[i]);
            if (!(d <= worst)) {
                worst = Double.isNaN(d) ? Double.POSITIVE_INFINITY : d;
                at = i;
            }
        }
        assertTrue(worst <= tolerance * largest, what + ": element " + at + " is " + found[at] + ", wanted " + expected[at] + "; error relative to the largest "
                + worst / largest + ", allowed " + tolerance + " (seed " + seed + ")");
    }
}
