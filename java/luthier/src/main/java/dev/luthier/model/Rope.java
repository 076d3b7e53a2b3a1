package dev.luthier.model;

/**
 * Rotary position table: the frequencies with their scaling folded in. Sources: RoPE arXiv 2104.09864; llama3 scaling: Llama 3.1's reference code
 * as in transformers' modeling_rope_utils; LongRoPE arXiv 2402.13753.
 *
 * @param invFreq        angle per position of dims (i, i + n); n = rotated dims / 2
 * @param longInvFreq    the same for sequences longer than originalMax; null when there is one table only
 * @param originalMax    length up to which {@link #invFreq} holds; 0 when there is one table only
 * @param mscale         factor on cos and sin
 */
public record Rope(float[] invFreq, float[] longInvFreq, int originalMax, float mscale) {
    /** The table for a text that reaches {@code length} positions. */
    public float[] forLength(int length) {
        return usesLong(length) ? longInvFreq : invFreq;
    }

    public boolean usesLong(int length) {
        return longInvFreq != null && length > originalMax;
    }

    /** Unscaled frequencies theta^(-2i/dims). */
    static float[] plain(double theta, int dims) {
        float[] f = new float[dims / 2];
        for (int i = 0; i < f.length; i++) f[i] = 1f / (float) Math.pow(theta, (double) ((float) (2 * i) / dims));
        return f;
    }

    static Rope standard(double theta, int dims) {
        return new Rope(plain(theta, dims), null, 0, 1);
    }

    /** Positions divided by factor. */
    static Rope linear(double theta, int dims, double factor) {
        float[] f = plain(theta, dims);
        for (int i = 0; i < f.length; i++) f[i] /= (float) factor;
        return new Rope(f, null, 0, 1);
    }

    /** Llama 3.1: long wavelengths divided by factor, short ones kept, those between blended. */
    static Rope llama3(double theta, int dims, double factor, double lowFreqFactor, double highFreqFactor, int originalMax) {
        float[] f = plain(theta, dims);
        double lowWavelength = originalMax / lowFreqFactor;
        double highWavelength = originalMax / highFreqFactor;
        for (int i = 0; i < f.length; i++) {
            double wavelength = 2 * Math.PI / f[i];
            if (wavelength > lowWavelength) {
                f[i] = (float) (f[i] / factor);
            } else if (wavelength >= highWavelength) {
                double smooth = (originalMax / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
                f[i] = (float) ((1 - smooth) * f[i] / factor + smooth * f[i]);
            }
        }
        return new Rope(f, null, 0, 1);
    }

    /** LongRoPE: each frequency divided by its own factor, one list for short texts and one for long. */
    static Rope longrope(double theta, int dims, double[] shortFactor, double[] longFactor, int originalMax, double mscale) {
        float[] shortFreq = plain(theta, dims);
        float[] longFreq = shortFreq.clone();
        for (int i = 0; i < shortFreq.length; i++) {
            shortFreq[i] /= (float) shortFactor[i];
            longFreq[i] /= (float) longFactor[i];
        }
        return new Rope(shortFreq, longFreq, originalMax, (float) mscale);
    }
}
