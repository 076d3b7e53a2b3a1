// Bit, conversion, cached-memory and math intrinsics of CUDA C++ for the CPU.
// Where the hardware's fast function is less exact than libm in a way that can break a kernel (large arguments of
// __sinf, huge divisors of __fdividef), the model is as inexact: CUDA C++ Programming Guide, "Intrinsic Functions".
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "execution.h"

// ---------------------------------------------------------------- cached loads and stores
template <class T> inline T __ldg(const T* p) { return *p; }
template <class T> inline T __ldca(const T* p) { return *p; }
template <class T> inline T __ldcg(const T* p) { return *p; }
template <class T> inline T __ldcs(const T* p) { return *p; }
template <class T> inline void __stwb(T* p, T v) { *p = v; }
template <class T> inline void __stcg(T* p, T v) { *p = v; }
template <class T> inline void __stcs(T* p, T v) { *p = v; }

// ---------------------------------------------------------------- bits
namespace emu {
template <class To, class From> inline To bit_cast(From v) {
    static_assert(sizeof(To) == sizeof(From), "same size");
    To r;
    memcpy(&r, &v, sizeof r);
    return r;
}
}  // namespace emu
inline float __int_as_float(int i) { return emu::bit_cast<float>(i); }
inline float __uint_as_float(unsigned i) { return emu::bit_cast<float>(i); }
inline int __float_as_int(float f) { return emu::bit_cast<int>(f); }
inline unsigned __float_as_uint(float f) { return emu::bit_cast<unsigned>(f); }
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline int __popcll(unsigned long long v) { return __builtin_popcountll(v); }
inline int __ffs(int v) { return __builtin_ffs(v); }
inline int __clz(int v) { return v ? __builtin_clz((unsigned)v) : 32; }
inline int __clzll(long long v) { return v ? __builtin_clzll((unsigned long long)v) : 64; }
inline unsigned __brev(unsigned v) {
    unsigned r = 0;
    for (int i = 0; i < 32; i++) r |= ((v >> i) & 1u) << (31 - i);
    return r;
}
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
    const uint64_t v = ((uint64_t)y << 32) | x;
    unsigned r = 0;
    for (int i = 0; i < 4; i++) {
        const unsigned s = (selector >> (4 * i)) & 0xf;
        unsigned b = (v >> (8 * (s & 7))) & 0xff;
        if (s & 8) b = (b & 0x80) ? 0xff : 0;   // replicate the sign bit
        r |= b << (8 * i);
    }
    return r;
}
inline unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned n) { return n & 31 ? hi << (n & 31) | lo >> (32 - (n & 31)) : hi; }
inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned n) { return n & 31 ? lo >> (n & 31) | hi << (32 - (n & 31)) : lo; }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((uint64_t)a * b) >> 32); }
inline int __mulhi(int a, int b) { return (int)(((int64_t)a * b) >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) { return (unsigned long long)(((unsigned __int128)a * b) >> 64); }

// ---------------------------------------------------------------- conversions: saturating, as cvt is
namespace emu {
inline int to_int(float rounded) {
    if (std::isnan(rounded)) return 0;
    if (rounded >= 2147483648.f) return 2147483647;
    if (rounded < -2147483648.f) return -2147483647 - 1;
    return (int)rounded;
}
inline unsigned to_unsigned(float rounded) {
    if (!(rounded > 0.f)) return 0u;
    return rounded >= 4294967296.f ? 4294967295u : (unsigned)rounded;
}
}  // namespace emu
inline int __float2int_rn(float a) { return emu::to_int(nearbyintf(a)); }
inline int __float2int_rz(float a) { return emu::to_int(truncf(a)); }
inline int __float2int_rd(float a) { return emu::to_int(floorf(a)); }
inline int __float2int_ru(float a) { return emu::to_int(ceilf(a)); }
inline unsigned __float2uint_rn(float a) { return emu::to_unsigned(nearbyintf(a)); }
inline unsigned __float2uint_rz(float a) { return emu::to_unsigned(truncf(a)); }
inline float __int2float_rn(int a) { return (float)a; }
inline float __uint2float_rn(unsigned a) { return (float)a; }

// ---------------------------------------------------------------- correctly rounded
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline float rsqrtf(float a) { return (float)(1.0 / sqrt((double)a)); }
inline float __frsqrt_rn(float a) { return rsqrtf(a); }
inline double rsqrt(double a) { return 1.0 / sqrt(a); }
inline float __saturatef(float a) { return a > 0.f ? (a < 1.f ? a : 1.f) : 0.f; }

// ---------------------------------------------------------------- fast and inexact
inline float __exp2f(float x) { return exp2f(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __expf(float x) { return exp2f(x * 1.44269504f); }     // the error grows with |x|
inline float __logf(float x) { return log2f(x) * 0.693147181f; }
inline float __powf(float x, float y) { return exp2f(y * log2f(x)); }
inline float __fdividef(float a, float b) {
    const float m = fabsf(b);
    if (m > 8.507059e37f && m < INFINITY) return std::isinf(a) ? NAN : 0.f * a;   // 2^126 < |b| < 2^128 gives 0
    return a / b;
}
namespace emu {
// The special function unit takes the angle in turns, computed in fp32: absolute error about |x| * 2^-24.
inline float turns(float x) { const float t = x * 0.159154943f; return t - floorf(t); }
}  // namespace emu
inline float __sinf(float x) { return (float)sin(6.283185307179586 * emu::turns(x)); }
inline float __cosf(float x) { return (float)cos(6.283185307179586 * emu::turns(x)); }
inline void __sincosf(float x, float* s, float* c) { *s = __sinf(x); *c = __cosf(x); }

// ---------------------------------------------------------------- min and max of mixed arithmetic types
namespace emu {
template <class T, class U>
using Arithmetic = std::enable_if_t<std::is_arithmetic<T>::value && std::is_arithmetic<U>::value, std::common_type_t<T, U>>;
}
template <class T, class U> inline emu::Arithmetic<T, U> min(T a, U b) {
    using C = std::common_type_t<T, U>;
    return (C)b < (C)a ? (C)b : (C)a;
}
template <class T, class U> inline emu::Arithmetic<T, U> max(T a, U b) {
    using C = std::common_type_t<T, U>;
    return (C)a < (C)b ? (C)b : (C)a;
}

// ---------------------------------------------------------------- device-only parts of cuda_fp16.h and cuda_bf16.h
// (their conversions, operators and comparisons work on the host as they are)
#define KE_HALF_FUNCTIONS(T, widen, narrow)                                                          \
    inline T __hfma(T a, T b, T c) { return narrow((float)((double)widen(a) * widen(b) + widen(c))); } \
    inline T hexp(T a) { return narrow(expf(widen(a))); }                                            \
    inline T hexp2(T a) { return narrow(exp2f(widen(a))); }                                          \
    inline T hlog(T a) { return narrow(logf(widen(a))); }                                            \
    inline T hsqrt(T a) { return narrow(sqrtf(widen(a))); }                                          \
    inline T hrsqrt(T a) { return narrow(rsqrtf(widen(a))); }                                        \
    inline T hrcp(T a) { return narrow(1.f / widen(a)); }                                            \
    inline T htanh(T a) { return narrow(tanhf(widen(a))); }
KE_HALF_FUNCTIONS(__half, __half2float, __float2half_rn)
KE_HALF_FUNCTIONS(__nv_bfloat16, __bfloat162float, __float2bfloat16_rn)
#undef KE_HALF_FUNCTIONS
inline __half2 __hfma2(__half2 a, __half2 b, __half2 c) {
    return __halves2half2(__hfma(__low2half(a), __low2half(b), __low2half(c)), __hfma(__high2half(a), __high2half(b), __high2half(c)));
}
inline __nv_bfloat162 __hfma2(__nv_bfloat162 a, __nv_bfloat162 b, __nv_bfloat162 c) {
    return __halves2bfloat162(__hfma(__low2bfloat16(a), __low2bfloat16(b), __low2bfloat16(c)),
                              __hfma(__high2bfloat16(a), __high2bfloat16(b), __high2bfloat16(c)));
}
