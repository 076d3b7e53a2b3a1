package dev.luthier.io;

import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/**
 * The values that GGUF's quantized blocks stand for. Each decoder states its block: fields in order
 * with their bytes (d, m, dmin are 16-bit floats), and the value of element i. Products are rounded
 * to float one by one from the left, as llama.cpp's portable code does, so that the results are equal.
 *
 * <p>Source: ggml-common.h (layouts) and ggml-quants.c (meaning) of llama.cpp.
 */
final class GgufBlocks {

    /** Decodes the block at {@code b[o]} into {@code y[at...]}. */
    private interface Block {
        void decode(byte[] b, int o, float[] y, int at);
    }

    private static final Map<DType, Block> BLOCKS = new EnumMap<>(Map.of(
            DType.Q4_0, GgufBlocks::q4_0,
            DType.Q4_1, GgufBlocks::q4_1,
            DType.Q5_0, GgufBlocks::q5_0,
            DType.Q5_1, GgufBlocks::q5_1,
            DType.Q8_0, GgufBlocks::q8_0,
            DType.Q2_K, GgufBlocks::q2_k,
            DType.Q3_K, GgufBlocks::q3_k,
            DType.Q4_K, GgufBlocks::q4_k,
            DType.Q5_K, GgufBlocks::q5_k,
            DType.Q6_K, GgufBlocks::q6_k));

    private GgufBlocks() {
    }

    static Set<DType> types() {
        return BLOCKS.keySet();
    }

    /** Decodes {@code elements} from the start of {@code b}. */
    static void decode(DType type, byte[] b, int elements, float[] y, int at) {
        Block block = BLOCKS.get(type);
        for (int i = 0; i < elements / type.blockElements(); i++) {
            block.decode(b, i * type.blockBytes(), y, at + i * type.blockElements());
        }
    }

    /** d[2] q[16]: y = d (q - 8); element i < 16 in the low half of byte i, i + 16 in the high. */
    private static void q4_0(byte[] b, int o, float[] y, int at) {
        float d = half(b, o);
        for (int i = 0; i < 16; i++) {
            int q = b[o + 2 + i];
            y[at + i] = ((q & 15) - 8) * d;
            y[at + 16 + i] = ((q >> 4 & 15) - 8) * d;
        }
    }

    /** d[2] m[2] q[16]: y = d q + m. */
    private static void q4_1(byte[] b, int o, float[] y, int at) {
        float d = half(b, o);
        float m = half(b, o + 2);
        for (int i = 0; i < 16; i++) {
            int q = b[o + 4 + i];
            y[at + i] = (q & 15) * d + m;
            y[at + 16 + i] = (q >> 4 & 15) * d + m;
        }
    }

    /** d[2] h[4] q[16]: y = d (q - 16); bit i of h is bit 4 of element i. */
    private static void q5_0(byte[] b, int o, float[] y, int at) {
        float d = half(b, o);
        int h = int32(b, o + 2);
        for (int i = 0; i < 16; i++) {
            int q = b[o + 6 + i];
            y[at + i] = ((q & 15 | (h >>> i & 1) << 4) - 16) * d;
            y[at + 16 + i] = ((q >> 4 & 15 | (h >>> i + 16 & 1) << 4) - 16) * d;
        }
    }

    /** d[2] m[2] h[4] q[16]: y = d q + m. */
    private static void q5_1(byte[] b, int o, float[] y, int at) {
        float d = half(b, o);
        float m = half(b, o + 2);
        int h = int32(b, o + 4);
        for (int i = 0; i < 16; i++) {
            int q = b[o + 8 + i];
            y[at + i] = (q & 15 | (h >>> i & 1) << 4) * d + m;
            y[at + 16 + i] = (q >> 4 & 15 | (h >>> i + 16 & 1) << 4) * d + m;
        }
    }

    /** d[2] q[32], signed: y = d q. */
    private static void q8_0(byte[] b, int o, float[] y, int at) {
        float d = half(b, o);
        for (int i = 0; i < 32; i++) {
            y[at + i] = b[o + 2 + i] * d;
        }
    }

    /**
     * scales[16] q[64] d[2] dmin[2]: y = (d s) q - (dmin m) for 16 groups of 16, s and m the low and
     * high half of a scale byte. Each half of 128 elements has 32 bytes of q, two bits a quarter.
     */
    private static void q2_k(byte[] b, int o, float[] y, int at) {
        float d = half(b, o + 80);
        float dmin = half(b, o + 82);
        for (int g = 0; g < 16; g++) {
            float s = d * (b[o + g] & 15);
            float m = dmin * (b[o + g] >> 4 & 15);
            int shift = g / 2 % 4 * 2;
            int q = o + 16 + g / 8 * 32 + g % 2 * 16;
            for (int i = 0; i < 16; i++) {
                y[at + 16 * g + i] = s * (b[q + i] >> shift & 3) - m;
            }
        }
    }

    /**
     * h[32] q[64] scales[12] d[2]: y = (d (s - 32)) (q - 4 + 4 h) for 16 groups of 16; q as in Q2_K;
     * h has one byte for each i mod 32 with a bit for each group of 32. The low four bits of the
     * 6-bit scales are the halves of bytes 0 to 7, their high two bits lie in bytes 8 to 11.
     */
    private static void q3_k(byte[] b, int o, float[] y, int at) {
        float d = half(b, o + 108);
        for (int g = 0; g < 16; g++) {
            int low = b[o + 96 + g % 8] >> g / 8 * 4 & 15;
            int high = b[o + 104 + g % 4] >> g / 4 * 2 & 3;
            float s = d * ((low | high << 4) - 32);
            int shift = g / 2 % 4 * 2;
            int q = o + 32 + g / 8 * 32 + g % 2 * 16;
            int h = o + g % 2 * 16;
            for (int i = 0; i < 16; i++) {
                int value = (b[q + i] >> shift & 3) - ((b[h + i] >> g / 2 & 1) == 0 ? 4 : 0);
                y[at + 16 * g + i] = s * value;
            }
        }
    }

    /**
     * d[2] dmin[2] scales[12] q[128]: y = (d s) q - (dmin m) for 8 groups of 32; groups 2k and 2k+1
     * are the low and high halves of the same 32 bytes.
     */
    private static void q4_k(byte[] b, int o, float[] y, int at) {
        float d = half(b, o);
        float dmin = half(b, o + 2);
        for (int g = 0; g < 8; g++) {
            float s = d * scaleK(b, o + 4, g);
            float m = dmin * minK(b, o + 4, g);
            int q = o + 16 + g / 2 * 32;
            int shift = g % 2 * 4;
            for (int i = 0; i < 32; i++) {
                y[at + 32 * g + i] = s * (b[q + i] >> shift & 15) - m;
            }
        }
    }

    /** d[2] dmin[2] scales[12] h[32] q[128]: as Q4_K, with bit g of h[i] as bit 4 of element i of group g. */
    private static void q5_k(byte[] b, int o, float[] y, int at) {
        float d = half(b, o);
        float dmin = half(b, o + 2);
        for (int g = 0; g < 8; g++) {
            float s = d * scaleK(b, o + 4, g);
            float m = dmin * minK(b, o + 4, g);
            int q = o + 48 + g / 2 * 32;
            int shift = g % 2 * 4;
            for (int i = 0; i < 32; i++) {
                y[at + 32 * g + i] = s * (b[q + i] >> shift & 15 | (b[o + 16 + i] >> g & 1) << 4) - m;
            }
        }
    }

    /**
     * low[128] high[64] scales[16] d[2]: y = (d s) (q - 32) for 16 groups of 16 with signed scales.
     * Of each half of 128 elements, quarters 0 and 1 are the low and quarters 2 and 3 the high
     * halves of 64 bytes of low; 32 bytes of high hold two bits for each quarter.
     */
    private static void q6_k(byte[] b, int o, float[] y, int at) {
        float d = half(b, o + 208);
        for (int g = 0; g < 16; g++) {
            float s = d * b[o + 192 + g];
            int quarter = g / 2 % 4;
            int low = o + g / 8 * 64 + quarter % 2 * 32 + g % 2 * 16;
            int high = o + 128 + g / 8 * 32 + g % 2 * 16;
            for (int i = 0; i < 16; i++) {
                int q = b[low + i] >> quarter / 2 * 4 & 15 | (b[high + i] >> quarter * 2 & 3) << 4;
                y[at + 16 * g + i] = s * (q - 32);
            }
        }
    }

    /** The 6-bit scale of group g in the 12 bytes that Q4_K and Q5_K share. */
    private static int scaleK(byte[] b, int o, int g) {
        return g < 4 ? b[o + g] & 63 : b[o + g + 4] & 15 | (b[o + g - 4] >> 6 & 3) << 4;
    }

    /** The 6-bit minimum of group g in the same bytes. */
    private static int minK(byte[] b, int o, int g) {
        return g < 4 ? b[o + g + 4] & 63 : b[o + g + 4] >> 4 & 15 | (b[o + g] >> 6 & 3) << 4;
    }

    private static float half(byte[] b, int o) {
        return Float.float16ToFloat((short) (b[o] & 0xFF | b[o + 1] << 8));
    }

    private static int int32(byte[] b, int o) {
        return b[o] & 0xFF | (b[o + 1] & 0xFF) << 8 | (b[o + 2] & 0xFF) << 16 | b[o + 3] << 24;
    }
}
