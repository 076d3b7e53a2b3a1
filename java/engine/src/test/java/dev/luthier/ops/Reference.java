package dev.luthier.ops;

import dev.luthier.ops.Ops.Activation;
import java.util.Arrays;

/** The ops in plain fp64 Java, by their formulas in luthier.h, row-major arrays. Slow and obvious. */
final class Reference {
    private Reference() {
    }

    /** y[m][n] = sum_k x[m][k] w[n][k]. */
    static double[] matmul(double[] x, double[] w, int m, int n, int k) {
        double[] y = new double[m * n];
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int p = 0; p < k; p++) sum += x[i * k + p] * w[j * k + p];
                y[i * n + j] = sum;
            }
        return y;
    }

    /** The transpose of a [rows, cols]. */
    static double[] transpose(double[] a, int rows, int cols) {
        double[] t = new double[a.length];
        for (int i = 0; i < rows; i++) for (int j = 0; j < cols; j++) t[j * rows + i] = a[i * cols + j];
        return t;
    }

    static double[] rmsnorm(double[] x, double[] g, int rows, int cols, double offset, double eps) {
        double[] y = new double[x.length];
        for (int i = 0; i < rows; i++) {
            double r = rstd(x, i, cols, eps);
            for (int c = 0; c < cols; c++) y[i * cols + c] = x[i * cols + c] * r * (g[c] + offset);
        }
        return y;
    }

    static double rstd(double[] x, int row, int cols, double eps) {
        double sum = 0;
        for (int c = 0; c < cols; c++) sum += x[row * cols + c] * x[row * cols + c];
        return 1 / Math.sqrt(sum / cols + eps);
    }

    /** [dx, dg]. */
    static double[][] drmsnorm(double[] dy, double[] x, double[] g, int rows, int cols, double offset, double eps) {
        double[] dx = new double[x.length];
        double[] dg = new double[cols];
        for (int i = 0; i < rows; i++) {
            double r = rstd(x, i, cols, eps);
            double dot = 0;
            for (int c = 0; c < cols; c++) {
                dot += dy[i * cols + c] * (g[c] + offset) * x[i * cols + c];
                dg[c] += dy[i * cols + c] * x[i * cols + c] * r;
            }
            for (int c = 0; c < cols; c++)
                dx[i * cols + c] = r * (dy[i * cols + c] * (g[c] + offset) - x[i * cols + c] * r * r * dot / cols);
        }
        return new double[][] {dx, dg};
    }

    static double[] rope(double[] x, int[] pos, double[] invFreq, int headDim, int cols, double mscale, int direction) {
        double[] y = x.clone();
        int n = invFreq.length;
        for (int t = 0; t < pos.length; t++)
            for (int h = 0; h < cols / headDim; h++)
                for (int i = 0; i < n; i++) {
                    double angle = direction * pos[t] * invFreq[i];
                    int at = t * cols + h * headDim + i;
                    double a = x[at];
                    double b = x[at + n];
                    y[at] = (a * Math.cos(angle) - b * Math.sin(angle)) * mscale;
                    y[at + n] = (b * Math.cos(angle) + a * Math.sin(angle)) * mscale;
                }
        return y;
    }

    static double act(double x, Activation a) {
        if (a == Activation.SILU) return x / (1 + Math.exp(-x));
        return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }

    /** By central difference of the exact function: 1e-9 of error. */
    static double dact(double x, Activation a) {
        double h = 1e-5;
        return (act(x + h, a) - act(x - h, a)) / (2 * h);
    }

    /** Shape of an attention problem. */
    record Attention(int[] cu, int heads, int kvHeads, int headDim, int window, double scale, double softcap) {
        boolean sees(int query, int key) {
            return key <= query && (window == 0 || query - window < key);
        }
    }

    private static double capped(double s, double cap) {
        return cap == 0 ? s : cap * Math.tanh(s / cap);
    }

    /** [o, lse]. */
    static double[][] attention(Attention p, double[] q, double[] k, double[] v) {
        int t = p.cu[p.cu.length - 1];
        int qc = p.heads * p.headDim;
        int kc = p.kvHeads * p.headDim;
        double[] o = new double[t * qc];
        double[] lse = new double[t * p.heads];
        for (int s = 0; s + 1 < p.cu.length; s++)
            for (int i = p.cu[s]; i < p.cu[s + 1]; i++)
                for (int h = 0; h < p.heads; h++) {
                    int kh = h / (p.heads / p.kvHeads);
                    double sum = 0;
                    for (int j = p.cu[s]; j <= i; j++) {
                        if (!p.sees(i, j)) continue;
                        double e = Math.exp(score(p, q, k, i, j, h, kh, qc, kc));
                        sum += e;
                        for (int d = 0; d < p.headDim; d++) o[i * qc + h * p.headDim + d] += e * v[j * kc + kh * p.headDim + d];
                    }
                    for (int d = 0; d < p.headDim; d++) o[i * qc + h * p.headDim + d] /= sum;
                    lse[i * p.heads + h] = Math.log(sum);
                }
        return new double[][] {o, lse};
    }

    private static double score(Attention p, double[] q, double[] k, int i, int j, int h, int kh, int qc, int kc) {
        double dot = 0;
        for (int d = 0; d < p.headDim; d++) dot += q[i * qc + h * p.headDim + d] * k[j * kc + kh * p.headDim + d];
        return capped(dot * p.scale, p.softcap);
    }

    /** [dq, dk, dv]. */
    static double[][] dattention(Attention p, double[] dout, double[] q, double[] k, double[] v) {
        double[][] forward = attention(p, q, k, v);
        int qc = p.heads * p.headDim;
        int kc = p.kvHeads * p.headDim;
        double[] dq = new double[q.length];
        double[] dk = new double[k.length];
        double[] dv = new double[v.length];
        for (int s = 0; s + 1 < p.cu.length; s++)
            for (int i = p.cu[s]; i < p.cu[s + 1]; i++)
                for (int h = 0; h < p.heads; h++) {
                    int kh = h / (p.heads / p.kvHeads);
                    double delta = 0;
                    for (int d = 0; d < p.headDim; d++) delta += dout[i * qc + h * p.headDim + d] * forward[0][i * qc + h * p.headDim + d];
                    for (int j = p.cu[s]; j <= i; j++) {
                        if (!p.sees(i, j)) continue;
                        double x = score(p, q, k, i, j, h, kh, qc, kc);
                        double prob = Math.exp(x - forward[1][i * p.heads + h]);
                        double dp = 0;
                        for (int d = 0; d < p.headDim; d++) {
                            dp += dout[i * qc + h * p.headDim + d] * v[j * kc + kh * p.headDim + d];
                            dv[j * kc + kh * p.headDim + d] += prob * dout[i * qc + h * p.headDim + d];
                        }
                        double ds = prob * (dp - delta) * (p.softcap == 0 ? 1 : 1 - x * x / (p.softcap * p.softcap)) * p.scale;
                        for (int d = 0; d < p.headDim; d++) {
                            dq[i * qc + h * p.headDim + d] += ds * k[j * kc + kh * p.headDim + d];
                            dk[j * kc + kh * p.headDim + d] += ds * q[i * qc + h * p.headDim + d];
                        }
                    }
                }
        return new double[][] {dq, dk, dv};
    }

    /** [nll, dx] of logits cap(x wᵀ); gradient of gradScale * sum of nll. */
    static double[][] headLoss(double[] x, double[] w, int[] labels, int hidden, int vocab, HeadLossParams p) {
        double[] nll = new double[labels.length];
        double[] dx = new double[x.length];
        for (int t = 0; t < labels.length; t++) {
            if (labels[t] == p.ignore()) continue;
            double[] row = Arrays.copyOfRange(x, t * hidden, (t + 1) * hidden);
            double[] logits = matmul(row, w, 1, vocab, hidden);
            double sum = 0;
            double mean = 0;
            for (int v = 0; v < vocab; v++) {
                logits[v] = capped(logits[v], p.softcap());
                sum += Math.exp(logits[v]);
                mean += logits[v] / vocab;
            }
            double lse = Math.log(sum);
            nll[t] = (1 - p.smoothing()) * (lse - logits[labels[t]]) + p.smoothing() * (lse - mean);
            for (int v = 0; v < vocab; v++) {
                double want = (v == labels[t] ? 1 - p.smoothing() : 0) + p.smoothing() / vocab;
                double d = Math.exp(logits[v] - lse) - want;
                if (p.softcap() != 0) d *= 1 - logits[v] * logits[v] / (p.softcap() * p.softcap());
                for (int c = 0; c < hidden; c++) dx[t * hidden + c] += p.gradScale() * d * w[v * hidden + c];
            }
        }
        return new double[][] {nll, dx};
    }
}
