package dev.luthier.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.engine.DType;
import dev.luthier.engine.EngineException;
import dev.luthier.engine.Status;
import dev.luthier.engine.Tensor;
import dev.luthier.ops.Ops.Activation;
import dev.luthier.ops.Ops.Mode;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Every op but the matrix products against fp64, forward and gradient; one subclass per backend and precision. */
abstract class OpsSuite extends OpsFixture {
    @ParameterizedTest
    @CsvSource({"1,8,0", "3,64,0", "5,65,1", "17,896,0", "2,1023,1", "300,16,0"})
    void rmsnorm(int rows, int cols, float offset) {
        Input x = act(rows, cols);
        Input g = input(DType.F32, 1, cols, 1);
        Input dy = act(rows, cols);
        Tensor y = output(rows, cols);
        Tensor rstd = output(DType.F32, rows, 1);
        k.rmsnorm(y, rstd, x.tensor(), g.tensor(), offset, 1e-5f);
        assertNear(Reference.rmsnorm(x.values(), g.values(), rows, cols, offset, 1e-5), y, "rmsnorm");

        double[][] expected = Reference.drmsnorm(dy.values(), x.values(), g.values(), rows, cols, offset, 1e-5);
        Tensor dx = output(rows, cols);
        Tensor dg = input(DType.F32, 1, cols, new float[cols]).tensor();
        k.drmsnorm(dx, dg, dy.tensor(), x.tensor(), rstd, g.tensor(), offset, Mode.SET);
        assertNear(expected[0], dx, "drmsnorm dx");
        assertNear(expected[1], dg, "drmsnorm dg");
        Input before = act(rows, cols);
        k.drmsnorm(before.tensor(), null, dy.tensor(), x.tensor(), rstd, g.tensor(), offset, Mode.ADD);
        for (int i = 0; i < expected[0].length; i++) expected[0][i] += before.values()[i];
        assertNear(expected[0], before.tensor(), "drmsnorm dx, added");
    }

    @ParameterizedTest
    @CsvSource({"1,2,1,16,8,1", "7,4,2,32,16,1", "33,3,1,64,24,1.2", "2,14,2,64,32,1"})
    void rope(int tokens, int heads, int kvHeads, int headDim, int pairs, float mscale) {
        Input q = act(tokens, heads * headDim);
        Input kk = act(tokens, kvHeads * headDim);
        int[] pos = new int[tokens];
        for (int t = 0; t < tokens; t++) pos[t] = random().nextInt(4000);
        float[] freq = new float[pairs];
        for (int i = 0; i < pairs; i++) freq[i] = (float) Math.pow(10000, -2.0 * i / headDim);
        Input inv = input(DType.F32, 1, pairs, freq);
        double tolerance = Math.max(tolerance(), 1e-3); // the angle itself is an fp32 product of up to 4000
        k.rope(q.tensor(), kk.tensor(), ints(pos), inv.tensor(), headDim, mscale, 1);
        double[] rotated = Reference.rope(q.values(), pos, inv.values(), headDim, heads * headDim, mscale, 1);
        assertNear(rotated, q.tensor(), tolerance, "rope q");
        assertNear(Reference.rope(kk.values(), pos, inv.values(), headDim, kvHeads * headDim, mscale, 1), kk.tensor(), tolerance, "rope k");
        k.rope(q.tensor(), null, ints(pos), inv.tensor(), headDim, 1 / mscale, -1);
        assertNear(q.values(), q.tensor(), Math.max(tolerance(), 1e-5), "rope there and back");
    }

    @ParameterizedTest
    @EnumSource(Activation.class)
    void glu(Activation a) {
        int rows = 13;
        int cols = 77;
        Input gate = input(act(), rows, cols, 3);
        Input up = act(rows, cols);
        Input dy = act(rows, cols);
        double[] y = new double[rows * cols];
        double[] dg = new double[y.length];
        double[] du = new double[y.length];
        for (int i = 0; i < y.length; i++) {
            double g = gate.values()[i];
            y[i] = Reference.act(g, a) * up.values()[i];
            dg[i] = dy.values()[i] * up.values()[i] * Reference.dact(g, a);
            du[i] = dy.values()[i] * Reference.act(g, a);
        }
        Tensor out = output(rows, cols);
        k.glu(out, gate.tensor(), up.tensor(), a);
        assertNear(y, out, "glu");
        k.dglu(gate.tensor(), up.tensor(), dy.tensor(), gate.tensor(), up.tensor(), a);
        assertNear(dg, gate.tensor(), Math.max(tolerance(), 5e-6), "dglu gate, in place");
        assertNear(du, up.tensor(), Math.max(tolerance(), 5e-6), "dglu up, in place");
    }

    @ParameterizedTest
    @CsvSource({"1,1,16,0,0", "4,2,16,0,0", "6,2,64,5,0", "2,2,40,0,2.5", "3,1,128,9,30", "2,1,256,0,0", "4,4,8,2,0"})
    void attention(int heads, int kvHeads, int headDim, int window, float softcap) {
        int[] cu = {0, 1, 18, 19, 83, 100};
        int t = cu[cu.length - 1];
        float scale = (float) (1 / Math.sqrt(headDim));
        Input q = act(t, heads * headDim);
        Input kk = act(t, kvHeads * headDim);
        Input v = act(t, kvHeads * headDim);
        Input dout = act(t, heads * headDim);
        Reference.Attention shape = new Reference.Attention(cu, heads, kvHeads, headDim, window, scale, softcap);
        AttentionParams p = new AttentionParams(ints(cu), heads, kvHeads, headDim, window, 64, scale, softcap);
        double[][] expected = Reference.attention(shape, q.values(), kk.values(), v.values());
        Tensor o = output(t, heads * headDim);
        Tensor lse = output(DType.F32, t, heads);
        k.attention(o, lse, q.tensor(), kk.tensor(), v.tensor(), p);
        assertNear(expected[0], o, "attention");
        assertNear(expected[1], lse, "log-sum-exp");

        double[][] gradients = Reference.dattention(shape, dout.values(), q.values(), kk.values(), v.values());
        Tensor dq = output(t, heads * headDim);
        Tensor dk = output(t, kvHeads * headDim);
        Tensor dv = output(t, kvHeads * headDim);
        k.dattention(dq, dk, dv, dout.tensor(), o, lse, q.tensor(), kk.tensor(), v.tensor(), p);
        assertNear(gradients[0], dq, 3 * tolerance(), "dq");
        assertNear(gradients[1], dk, 3 * tolerance(), "dk");
        assertNear(gradients[2], dv, 3 * tolerance(), "dv");
    }

    @ParameterizedTest
    @CsvSource({"4,2,16,0", "6,3,64,7", "2,1,128,0"})
    void pagedAttention(int heads, int kvHeads, int headDim, int window) {
        int page = 16;
        int[] cu = {0, 1, 4, 5, 25};       // queries: 1, 3, 1, 20
        int[] kvLens = {1, 40, 33, 20};
        int[][] pages = {{7, 0, 0}, {2, 9, 4}, {1, 8, 3}, {6, 5, 0}};
        float scale = (float) (1 / Math.sqrt(headDim));
        int kc = kvHeads * headDim;
        Input kcache = act(10 * page, kc);
        Input vcache = act(10 * page, kc);
        Input q = act(25, heads * headDim);
        double[] expected = new double[25 * heads * headDim];
        for (int s = 0; s < kvLens.length; s++) {
            int queries = cu[s + 1] - cu[s];
            double[] keys = new double[kvLens[s] * kc];
            double[] values = new double[kvLens[s] * kc];
            for (int j = 0; j < kvLens[s]; j++) {
                int row = pages[s][j / page] * page + j % page;
                System.arraycopy(kcache.values(), row * kc, keys, j * kc, kc);
                System.arraycopy(vcache.values(), row * kc, values, j * kc, kc);
            }
            double[] all = new double[kvLens[s] * heads * headDim]; // earlier queries do not matter: causal
            System.arraycopy(q.values(), cu[s] * heads * headDim, all, (kvLens[s] - queries) * heads * headDim, queries * heads * headDim);
            double[] o = Reference.attention(new Reference.Attention(new int[] {0, kvLens[s]}, heads, kvHeads, headDim, window, scale, 0), all, keys, values)[0];
            System.arraycopy(o, (kvLens[s] - queries) * heads * headDim, expected, cu[s] * heads * headDim, queries * heads * headDim);
        }
        Tensor table = ints(7, 0, 0, 2, 9, 4, 1, 8, 3, 6, 5, 0).reshape(4, 3);
        Tensor o = output(25, heads * headDim);
        k.pagedAttention(o, q.tensor(), kcache.tensor(), vcache.tensor(), table, ints(kvLens), page,
                new AttentionParams(ints(cu), heads, kvHeads, headDim, window, 40, scale, 0));
        assertNear(expected, o, "paged attention");
    }

    @Test
    void rowsMoveByIndex() {
        Input x = act(9, 21);
        Tensor y = output(4, 21);
        k.gatherRows(y, x.tensor(), ints(8, 0, 3, 3));
        double[] expected = new double[4 * 21];
        int[] from = {8, 0, 3, 3};
        for (int i = 0; i < 4; i++) System.arraycopy(x.values(), from[i] * 21, expected, i * 21, 21);
        assertNear(expected, y, 0, "gather_rows");
        double[] scattered = x.values().clone();
        Input rows = act(2, 21);
        k.scatterRows(x.tensor(), rows.tensor(), ints(5, 2));
        System.arraycopy(rows.values(), 0, scattered, 5 * 21, 21);
        System.arraycopy(rows.values(), 21, scattered, 2 * 21, 21);
        assertNear(scattered, x.tensor(), 0, "scatter_rows");
        assertThrows(EngineException.class, () -> {
            k.gatherRows(y, x.tensor(), ints(8, 0, 9, 3));
            k.engine().synchronize();
        }, "an index outside the rows");
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, names = {"F32", "F16", "BF16", "NF4"})
    void embedding(DType type) {
        Weight w = weight(type, 50, 128, 1);
        int[] ids = {49, 0, 7, 7, 31};
        Tensor y = output(ids.length, 128);
        k.embedding(y, ints(ids), w.matrix(), 8);
        double[] expected = new double[ids.length * 128];
        for (int t = 0; t < ids.length; t++) for (int c = 0; c < 128; c++) expected[t * 128 + c] = 8 * w.values()[ids[t] * 128 + c];
        assertNear(expected, y, Math.max(1e-7, act() == DType.F32 ? 0 : 5e-3), "embedding from " + type);
    }

    @Test
    void elementwise() {
        Input a = act(7, 33);
        Input b = act(7, 33);
        Tensor y = output(7, 33);
        double[] sum = new double[7 * 33];
        double[] capped = new double[7 * 33];
        for (int i = 0; i < sum.length; i++) {
            sum[i] = a.values()[i] + b.values()[i];
            capped[i] = 1.5 * Math.tanh(a.values()[i] / 1.5);
        }
        k.add(y, a.tensor(), b.tensor());
        assertNear(sum, y, "add");
        k.add(b.tensor(), a.tensor(), b.tensor());
        assertNear(sum, b.tensor(), "add in place");
        k.softcap(a.tensor(), 1.5f);
        assertNear(capped, a.tensor(), "softcap");
        assertNear(Arrays.copyOfRange(sum, 33, 66), y.rows(1, 1), "a view of a row");
    }

    @Test
    void adamwFollowsItsFormula() {
        int n = 1024;
        Input p = input(DType.F32, 1, n, 1);
        Tensor m = input(DType.F32, 1, n, new float[n]).tensor();
        Tensor v = input(DType.F32, 1, n, new float[n]).tensor();
        Tensor norm = output(DType.F32, 1, 2);
        double[] param = p.values().clone();
        double[] em = new double[n];
        double[] ev = new double[n];
        for (int step = 1; step <= 5; step++) {
            Input g = input(DType.F32, 1, n, 0.3);
            double sq = 0;
            for (double x : g.values()) sq += x * x;
            k.gradNorm(norm, g.tensor(), 1);
            assertEquals(Math.sqrt(sq), read(norm)[0], 1e-6 * Math.sqrt(sq));
            assertEquals(0, read(norm)[1]);
            double coef = Math.min(1, 2 / (Math.sqrt(sq) + 1e-6));
            k.adamw(new AdamWParams(p.tensor(), g.tensor(), m, v, null, null, norm, 0.01f, 0.9f, 0.999f, 1e-8f, 0.1f, 2, 1, step));
            for (int i = 0; i < n; i++) {
                double gi = g.values()[i] * coef;
                em[i] = 0.9f * em[i] + (1 - 0.9f) * gi;
                ev[i] = 0.999f * ev[i] + (1 - 0.999f) * gi * gi;
                param[i] *= 1 - 0.01f * 0.1f;
                param[i] -= 0.01f * (em[i] / (1 - Math.pow(0.9f, step))) / (Math.sqrt(ev[i] / (1 - Math.pow(0.999f, step))) + 1e-8);
            }
            assertNear(param, p.tensor(), 2e-6, "adamw step " + step);
        }
    }

    @Test
    void aGradientThatIsNotFiniteChangesNothing() {
        Input p = input(DType.F32, 1, 256, 1);
        Input m = input(DType.F32, 1, 256, new float[256]);
        Input v = input(DType.F32, 1, 256, new float[256]);
        float[] bad = new float[256];
        bad[77] = Float.POSITIVE_INFINITY;
        bad[78] = Float.NaN;
        Tensor g = input(DType.F32, 1, 256, bad).tensor();
        Tensor norm = output(DType.F32, 1, 2);
        k.gradNorm(norm, g, 1);
        assertEquals(2, read(norm)[1]);
        k.adamw(new AdamWParams(p.tensor(), g, m.tensor(), v.tensor(), null, null, norm, 0.01f, 0.9f, 0.999f, 1e-8f, 0.1f, 1, 1, 1));
        assertNear(p.values(), p.tensor(), 0, "parameters");
        assertNear(m.values(), m.tensor(), 0, "first moments");
        assertNear(v.values(), v.tensor(), 0, "second moments");
    }

    @Test
    void adamwWith8BitStatesStaysNearTheFullOne() {
        int n = 512;
        float[] start = new float[n];
        for (int i = 0; i < n; i++) start[i] = (float) random().nextGaussian();
        Tensor full = input(DType.F32, 1, n, start).tensor();
        Tensor small = input(DType.F32, 1, n, start).tensor();
        Tensor m = input(DType.F32, 1, n, new float[n]).tensor();
        Tensor v = input(DType.F32, 1, n, new float[n]).tensor();
        Tensor bytes = input(DType.F32, 1, n / 2, new float[n / 2]).tensor();
        Tensor m8 = Tensor.of(bytes.address(), 1, n, DType.U8);
        Tensor v8 = Tensor.of(bytes.address() + n, 1, n, DType.U8);
        Tensor ma = input(DType.F32, 1, n / 256, new float[n / 256]).tensor();
        Tensor va = input(DType.F32, 1, n / 256, new float[n / 256]).tensor();
        Tensor norm = output(DType.F32, 1, 2);
        for (int step = 1; step <= 20; step++) {
            Input g = input(DType.F32, 1, n, 1);
            k.gradNorm(norm, g.tensor(), 1);
            k.adamw(new AdamWParams(full, g.tensor(), m, v, null, null, norm, 0.01f, 0.9f, 0.999f, 1e-8f, 0, 0, 1, step));
            k.adamw(new AdamWParams(small, g.tensor(), m8, v8, ma, va, norm, 0.01f, 0.9f, 0.999f, 1e-8f, 0, 0, 1, step));
        }
        double[] a = read(full);
        double[] b = read(small);
        double error = 0;
        double moved = 0;
        for (int i = 0; i < n; i++) {
            error += (a[i] - b[i]) * (a[i] - b[i]);
            moved += (a[i] - start[i]) * (a[i] - start[i]);
        }
        assertTrue(Math.sqrt(error / moved) < 0.1, "8-bit states drift by " + Math.sqrt(error / moved) + " of the way");
        assertTrue(error > 0, "8-bit states are really in use");
    }

    @Test
    void greedyTakesTheLowestIdOfATie() {
        Tensor logits = input(DType.F32, 2, 5, 0, 3, 1, 3, 2, 9, 9, 9, 9, 9).tensor();
        Tensor ids = ints(-1, -1);
        k.sample(ids, logits, null, new SampleParams(1, 0, 0, 1, 0, 1, 0));
        assertArrayEquals(new int[] {1, 0}, k.engine().ints(ids));
    }

    @Test
    void samplingFollowsItsDistribution() {
        double[] p = {0.5, 0.25, 0.15, 0.07, 0.03};
        float[] logits = new float[5];
        for (int i = 0; i < 5; i++) logits[i] = (float) Math.log(p[i]);
        Tensor t = input(DType.F32, 1, 5, logits).tensor();
        Tensor id = ints(-1);
        assertFrequencies(new double[] {0.5, 0.25, 0.15, 0.07, 0.03}, t, id, 1, 0, 0, 1);
        assertFrequencies(new double[] {2 / 3.0, 1 / 3.0, 0, 0, 0}, t, id, 1, 0, 2, 1);
        assertFrequencies(new double[] {0.5 / 0.9, 0.25 / 0.9, 0.15 / 0.9, 0, 0}, t, id, 0.8f, 0, 0, 1);
        assertFrequencies(new double[] {0.5 / 0.9, 0.25 / 0.9, 0.15 / 0.9, 0, 0}, t, id, 1, 0.2f, 0, 1);
        assertFrequencies(new double[] {0.8, 0.2, 0, 0, 0}, t, id, 1, 0, 2, 0.5f);
    }

    private void assertFrequencies(double[] expected, Tensor logits, Tensor id, float topP, float minP, int topK, float temperature) {
        int draws = 4000;
        int[] counts = new int[expected.length];
        for (int d = 0; d < draws; d++) {
            k.sample(id, logits, null, new SampleParams(99, d, temperature, topP, minP, 1, topK));
            counts[k.engine().ints(id)[0]]++;
        }
        for (int i = 0; i < expected.length; i++)
            assertEquals(expected[i], counts[i] / (double) draws, expected[i] == 0 ? 0 : 0.04, "frequency of id " + i);
    }

    @Test
    void theRepeatPenaltyLowersWhatWasThere() {
        Tensor logits = input(DType.F32, 1, 4, 2f, 1.9f, -1f, -1.1f).tensor();
        Tensor id = ints(-1);
        k.sample(id, logits, ints(0, -1).reshape(1, 2), new SampleParams(1, 0, 0, 1, 0, 1.3f, 0));
        assertEquals(1, k.engine().ints(id)[0]);
    }

    @Test
    void wrongShapesAreNamed() {
        Tensor x = act(3, 8).tensor();
        Tensor g = input(DType.F32, 1, 7, 1).tensor();
        EngineException e = assertThrows(EngineException.class, () -> k.rmsnorm(x, null, x, g, 0, 1e-5f));
        assertEquals(Status.INVALID, e.status());
        assertTrue(e.getMessage().contains("rmsnorm") && e.getMessage().contains("g ") && e.getMessage().contains("7") && e.getMessage().contains("8"), e.getMessage());
        assertThrows(EngineException.class, () -> k.add(x, x, g));
        assertThrows(EngineException.class, () -> k.rope(x, null, ints(1, 2), g, 8, 1, 1), "two positions for three tokens");
    }
}
