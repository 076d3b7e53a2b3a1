package dev.luthier.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.engine.DType;
import dev.luthier.engine.Tensor;
import dev.luthier.ops.Ops.Mode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The matrix products, LoRA and the head's loss against fp64; one subclass per backend and precision. */
abstract class MatmulSuite extends OpsFixture {
    /** Products of rounded inputs: the error of a sum of k terms. */
    @Override
    double tolerance() {
        return act() == DType.F32 ? 5e-6 : 3e-2;
    }

    static List<Object[]> products() {
        List<Object[]> cases = new ArrayList<>();
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16, DType.NF4})
            for (int[] shape : new int[][] {{1, 64, 64}, {1, 33, 128}, {3, 65, 192}, {17, 128, 320}, {64, 64, 64}, {129, 200, 576}, {5, 7, 172}})
                cases.add(new Object[] {type, shape[0], shape[1], shape[2]});
        return cases;
    }

    @ParameterizedTest
    @MethodSource("products")
    void matmul(DType type, int t, int out, int in) {
        Weight w = weight(type, out, in, 0.1);
        Input x = act(t, in);
        double[] expected = Reference.matmul(x.values(), w.values(), t, out, in);
        Tensor y = output(t, out);
        k.matmul(y, x.tensor(), w.matrix(), Mode.SET);
        assertNear(expected, y, "matmul " + type);
        Input before = act(t, out);
        k.matmul(before.tensor(), x.tensor(), w.matrix(), Mode.ADD);
        for (int i = 0; i < expected.length; i++) expected[i] += before.values()[i];
        assertNear(expected, before.tensor(), "matmul added, " + type);
        Tensor f32 = output(DType.F32, t, out);
        k.matmul(f32, x.tensor(), w.matrix(), Mode.SET);
        assertNear(Reference.matmul(x.values(), w.values(), t, out, in), f32, act() == DType.F32 ? tolerance() : 1e-2, "matmul to F32");

        Input dy = act(t, out);
        Tensor dx = output(t, in);
        k.dmatmul(dx, dy.tensor(), w.matrix(), Mode.SET);
        assertNear(Reference.matmul(dy.values(), Reference.transpose(w.values(), out, in), t, in, out), dx, "dmatmul " + type);
    }

    @Test
    void stridedRows() {
        Weight w = weight(DType.NF4, 48, 64, 0.1);
        Input wide = act(9, 100);
        Tensor x = wide.tensor().cols(20, 64);
        double[] packed = new double[9 * 64];
        for (int t = 0; t < 9; t++) System.arraycopy(wide.values(), t * 100 + 20, packed, t * 64, 64);
        Input y = act(9, 60);
        k.matmul(y.tensor().cols(5, 48), x, w.matrix(), Mode.SET);
        double[] expected = y.values().clone();
        double[] product = Reference.matmul(packed, w.values(), 9, 48, 64);
        for (int t = 0; t < 9; t++) System.arraycopy(product, t * 48, expected, t * 60 + 5, 48);
        assertNear(expected, y.tensor(), "columns outside the view stay");
    }

    @ParameterizedTest
    @CsvSource({"F32,1,8,false", "NF4,5,3,true", "NF4,70,16,false", "BF16,33,64,true", "NF4,129,1,true"})
    void loraMatmulAndItsGradient(DType type, int t, int r, boolean bias) {
        int in = 192;
        int[] outs = {128, 65, 64};
        float scale = 0.75f;
        Input x = act(t, in);
        List<LoraProjection> forward = new ArrayList<>();
        List<LoraProjection> backward = new ArrayList<>();
        List<double[]> expected = new ArrayList<>();
        List<double[]> expectedDa = new ArrayList<>();
        List<double[]> expectedDb = new ArrayList<>();
        double[] dx = new double[t * in];
        for (int p = 0; p < outs.length; p++) {
            int out = outs[p];
            boolean adapted = p != 1;
            Weight w = weight(type, out, in, 0.1);
            Input b0 = input(DType.F32, 1, out, 1);
            Input a = input(DType.F32, r, in, 0.1);
            Input b = input(DType.F32, out, r, 0.1);
            Input da = input(DType.F32, r, in, 1);
            Input db = input(DType.F32, out, r, 1);
            Input dy = act(t, out);
            Tensor xa = output(t, r);
            forward.add(projection(w, bias ? b0 : null, adapted ? a : null, b, xa, da, db, output(t, out), scale));
            backward.add(projection(w, bias ? b0 : null, adapted ? a : null, b, xa, da, db, dy.tensor(), scale));
            double[] y = Reference.matmul(x.values(), w.values(), t, out, in);
            if (bias) for (int i = 0; i < y.length; i++) y[i] += b0.values()[i % out];
            plus(dx, Reference.matmul(dy.values(), Reference.transpose(w.values(), out, in), t, in, out), 1);
            if (adapted) {
                double[] low = Reference.matmul(x.values(), a.values(), t, r, in);
                plus(y, Reference.matmul(low, b.values(), t, out, r), scale);
                double[] s = Reference.matmul(dy.values(), Reference.transpose(b.values(), out, r), t, r, out);
                plus(dx, Reference.matmul(s, Reference.transpose(a.values(), r, in), t, in, r), scale);
                expectedDa.add(plus(da.values().clone(), Reference.matmul(Reference.transpose(s, t, r), Reference.transpose(x.values(), t, in), r, in, t), scale));
                expectedDb.add(plus(db.values().clone(), Reference.matmul(Reference.transpose(dy.values(), t, out), Reference.transpose(low, t, r), out, r, t), scale));
            } else {
                expectedDa.add(null);
                expectedDb.add(null);
            }
            expected.add(y);
        }
        k.loraMatmul(forward, x.tensor());
        for (int p = 0; p < outs.length; p++) assertNear(expected.get(p), forward.get(p).y(), "lora_matmul, projection " + p);
        Tensor got = output(t, in);
        k.dloraMatmul(got, backward, x.tensor(), Mode.SET);
        assertNear(dx, got, "dlora_matmul dx");
        for (int p = 0; p < outs.length; p++) {
            if (expectedDa.get(p) == null) continue;
            assertNear(expectedDa.get(p), backward.get(p).da(), "dA of projection " + p);
            assertNear(expectedDb.get(p), backward.get(p).db(), "dB of projection " + p);
        }
        k.dloraMatmul(null, backward, x.tensor(), Mode.SET);
    }

    private static LoraProjection projection(Weight w, Input bias, Input a, Input b, Tensor xa, Input da, Input db, Tensor y, float scale) {
        Tensor biasTensor = bias == null ? null : bias.tensor();
        if (a == null) return new LoraProjection(w.matrix(), biasTensor, null, null, null, null, null, y, 0);
        return new LoraProjection(w.matrix(), biasTensor, a.tensor(), b.tensor(), xa, da.tensor(), db.tensor(), y, scale);
    }

    private static double[] plus(double[] to, double[] what, double scale) {
        for (int i = 0; i < to.length; i++) to[i] += scale * what[i];
        return to;
    }

    @ParameterizedTest
    @CsvSource({"F32", "NF4", "BF16"})
    void loraMergeByRows(DType type) {
        int out = 70;
        int in = 128;
        int r = 5;
        Weight w = weight(type, out, in, 0.1);
        Input a = input(DType.F32, r, in, 0.1);
        Input b = input(DType.F32, out, r, 0.1);
        double[] all = plus(w.values().clone(), Reference.matmul(b.values(), Reference.transpose(a.values(), r, in), out, in, r), 2);
        Tensor y = output(DType.F32, 40, in);
        k.loraMerge(y, w.matrix(), 25, a.tensor(), b.tensor(), 2);
        double[] expected = new double[40 * in];
        System.arraycopy(all, 25 * in, expected, 0, expected.length);
        assertNear(expected, y, 1e-6, "lora_merge of rows 25 to 64");
    }

    @ParameterizedTest
    @CsvSource({"1,64,100,0,0", "7,128,1000,0,0", "40,64,333,30,0", "19,192,257,0,0.1", "130,64,96,5,0.2"})
    void headLoss(int t, int hidden, int vocab, float softcap, float smoothing) {
        Weight w = weight(act(), vocab, hidden, 0.2);
        Input x = act(t, hidden);
        int[] labels = new int[t];
        for (int i = 0; i < t; i++) labels[i] = i % 3 == 1 ? -100 : random().nextInt(vocab);
        HeadLossParams p = new HeadLossParams(0.125f, softcap, smoothing, -100);
        double[][] expected = Reference.headLoss(x.values(), w.values(), labels, hidden, vocab, p);
        Tensor nll = output(DType.F32, t, 1);
        Tensor dx = output(t, hidden);
        k.headLoss(nll, dx, null, x.tensor(), w.matrix(), ints(labels), p);
        assertNear(expected[0], nll, "nll");
        assertNear(expected[1], dx, "head_loss dx");
        Tensor best = ints(new int[t]);
        Tensor again = output(DType.F32, t, 1);
        k.headLoss(again, null, best, x.tensor(), w.matrix(), ints(labels), p);
        assertNear(read(nll), again, 0, "the loss is the same without a gradient");
        int[] ids = k.engine().ints(best);
        double[] logits = Reference.matmul(x.values(), w.values(), t, vocab, hidden);
        for (int i = 0; i < t; i++) {
            if (labels[i] == -100) continue;
            double top = Double.NEGATIVE_INFINITY;
            for (int v = 0; v < vocab; v++) top = Math.max(top, logits[i * vocab + v]);
            assertEquals(top, logits[i * vocab + ids[i]], act() == DType.F32 ? 1e-4 : 0.1, "the best token of row " + i);
        }
    }

    @Test
    void allLabelsIgnoredIsZeroNotNan() {
        Weight w = weight(act(), 50, 64, 0.2);
        Tensor nll = output(DType.F32, 4, 1);
        Tensor dx = output(4, 64);
        k.headLoss(nll, dx, null, act(4, 64).tensor(), w.matrix(), ints(-100, -100, -100, -100), new HeadLossParams(1, 0, 0, -100));
        for (double v : read(nll)) assertEquals(0, v);
        for (double v : read(dx)) assertTrue(v == 0);
    }
}
