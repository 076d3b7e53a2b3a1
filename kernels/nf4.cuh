// NF4 inside kernels: the one table, how codes are packed, how scales are stored.
//
//   weight i of the flattened matrix = nf4[code i] * scale[i / 64]         QLoRA, arXiv 2305.14314, appendix E
//   byte j = code 2j in the high nibble, code 2j + 1 in the low one
//   scale b = absmax[b], or with double quantization dynamic[absmax[b]] * nested_absmax[b / 256] + offset, the product
//   rounded, then the sum. dynamic: the signed 8-bit data type of arXiv 1511.04561.
#pragma once
#include "ke/ke.h"
#include "nf4.h"

namespace kernels {
constexpr float kNf4Code[16] = {-1.0f,
                                -0.6961928009986877f,
                                -0.5250730514526367f,
                                -0.39491748809814453f,
                                -0.28444138169288635f,
                                -0.18477343022823334f,
                                -0.09105003625154495f,
                                0.0f,
                                0.07958029955625534f,
                                0.16093020141124725f,
                                0.24611230194568634f,
                                0.33791524171829224f,
                                0.44070982933044434f,
                                0.5626170039176941f,
                                0.7229568362236023f,
                                1.0f};

// The same where kernels can index it, and the points between neighbours, in fp32.
struct Nf4Table {
    float value[16], midpoint[15];
};
constexpr Nf4Table make_nf4_table() {
    Nf4Table t{};
    for (int i = 0; i < 16; i++) t.value[i] = kNf4Code[i];
    for (int i = 0; i < 15; i++) t.midpoint[i] = (kNf4Code[i] + kNf4Code[i + 1]) / 2.0f;
    return t;
}
static __constant__ const Nf4Table kNf4Table = make_nf4_table();

// ---------------------------------------------------------------- the code of the scales
struct DynamicCode {
    float at[256];
};
// Seven decades from 1e-6 to 1; decade d has 2^d values of each sign, the middles of equal parts of [0.1, 1]; 0 and 1
// complete them. The boundaries of the parts are counted from the nearer end with one rounding, as torch.linspace does,
// so that every value has bitsandbytes' bits: step * i + 0.1f is exact in fp64.
constexpr float dynamic_boundary(int i, int n) {
    const float step = (1.0f - 0.1f) / (float)(n - 1);
    return i < n / 2 ? (float)((double)step * i + (double)0.1f) : (float)(1.0 - (double)step * (n - i - 1));
}
constexpr DynamicCode make_dynamic_code() {
    constexpr float decade[7] = {1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1.0f};
    DynamicCode code{};
    int n = 0;
    for (int d = 0; d < 7; d++)
        for (int i = 0; i < (1 << d); i++, n++) {
            const int points = (1 << d) + 1;
            const float value = decade[d] * ((dynamic_boundary(i, points) + dynamic_boundary(i + 1, points)) / 2.0f);
            code.at[128 + n] = value;
            code.at[126 - n] = -value;
        }
    code.at[127] = 0.0f;
    code.at[255] = 1.0f;
    return code;
}
static __device__ const DynamicCode kDynamicCode = make_dynamic_code();

// Copies the code into shared memory: lookups with another index in every lane are cheap only there. A barrier must follow.
template <int Threads> __device__ __forceinline__ void load_dynamic_code(float* shared) {
    for (int i = threadIdx.x; i < 256; i += Threads) shared[i] = kDynamicCode.at[i];
}

// What a scale is made of; fetched early, made into a scale when it has arrived.
struct RawScale {
    float base;
    uint8_t code;
};
__device__ __forceinline__ RawScale fetch_scale(const Nf4& w, int64_t block) {
    if (!w.nested_absmax) return {((const float*)w.absmax)[block], 0};
    return {w.nested_absmax[block / 256], ((const uint8_t*)w.absmax)[block]};
}
__device__ __forceinline__ float make_scale(const Nf4& w, RawScale raw, const float* dynamic) {
    return w.nested_absmax ? __fadd_rn(__fmul_rn(dynamic[raw.code], raw.base), w.offset) : raw.base;
}

// ---------------------------------------------------------------- codes to 16-bit values, in registers
// Expansion with byte permutes: the 16 values, split into their low and high bytes, fill eight registers; a permute looks
// up four codes in eight bytes, so two of them and a select by the codes' top bit look up four in sixteen. 2.6 integer
// instructions a value and no memory: a table in shared memory costs a load a value (32 lanes a clock on an SM, where the
// permutes reach about 25) and takes that bandwidth from the fragments.
template <class T> struct Format;
template <> struct Format<__half> {
    static constexpr int mantissa = 10, bias = 15;
};
template <> struct Format<__nv_bfloat16> {
    static constexpr int mantissa = 7, bias = 127;
};
// the bits of a normal number or zero in a 16-bit format, to nearest even
constexpr uint32_t encode16(double v, int mantissa, int bias) {
    if (v == 0) return 0;
    const uint32_t sign = v < 0 ? 0x8000u : 0u;
    int exponent = 0;
    double a = v < 0 ? -v : v;
    while (a < 1) a *= 2, exponent--;
    const double scaled = (a - 1) * (1 << mantissa);
    uint32_t m = (uint32_t)scaled;
    const double rest = scaled - m;
    if (rest > 0.5 || (rest == 0.5 && m % 2)) m++;
    return sign | (((uint32_t)(exponent + bias) << mantissa) + m);
}
// byte `which` of values 4 i .. 4 i + 3
template <class T> constexpr uint32_t code_bytes(int i, int which) {
    uint32_t r = 0;
    for (int j = 0; j < 4; j++) r |= (encode16(kNf4Code[4 * i + j], Format<T>::mantissa, Format<T>::bias) >> (8 * which) & 0xff) << (8 * j);
    return r;
}
template <class T> struct CodeBytes {
    static constexpr uint32_t low0 = code_bytes<T>(0, 0), low1 = code_bytes<T>(1, 0), low2 = code_bytes<T>(2, 0), low3 = code_bytes<T>(3, 0);
    static constexpr uint32_t high0 = code_bytes<T>(0, 1), high1 = code_bytes<T>(1, 1), high2 = code_bytes<T>(2, 1), high3 = code_bytes<T>(3, 1);
};
// Values of the four codes in bits 0..15 of `codes` (higher bits: anything). HighFirst: as packed bytes hold them, the
// high nibble before the low; else nibble i is value i. v[0] holds values 0 and 1, v[1] values 2 and 3.
template <class T, bool HighFirst> __device__ __forceinline__ void expand4(uint32_t codes, uint32_t (&v)[2]) {
    using B = CodeBytes<T>;
    const uint32_t three = codes & 0x7777u;                                    // bit 3 of a selector means something else
    const uint32_t upper = __byte_perm(codes, codes << 4, 0x9d8cu);            // byte i: bit 3 of nibble i, replicated
    const uint32_t low = (__byte_perm(B::low0, B::low1, three) & ~upper) | (__byte_perm(B::low2, B::low3, three) & upper);
    const uint32_t high = (__byte_perm(B::high0, B::high1, three) & ~upper) | (__byte_perm(B::high2, B::high3, three) & upper);
    v[0] = __byte_perm(low, high, HighFirst ? 0x4051u : 0x5140u);
    v[1] = __byte_perm(low, high, HighFirst ? 0x6273u : 0x7362u);
}

// products of two pairs of 16-bit values
template <class T> __device__ __forceinline__ uint32_t multiply2(uint32_t a, uint32_t b);
template <> __device__ __forceinline__ uint32_t multiply2<__half>(uint32_t a, uint32_t b) {
    const __half2 v = __hmul2(*(const __half2*)&a, *(const __half2*)&b);
    return *(const uint32_t*)&v;
}
template <> __device__ __forceinline__ uint32_t multiply2<__nv_bfloat16>(uint32_t a, uint32_t b) {
    const __nv_bfloat162 v = __hmul2(*(const __nv_bfloat162*)&a, *(const __nv_bfloat162*)&b);
    return *(const uint32_t*)&v;
}
}  // namespace kernels
