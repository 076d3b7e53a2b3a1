// Approximate functions that CUDA C++ has no intrinsic for. PTX ISA, "Floating Point Instructions".
#pragma once

namespace ke {
#if defined(KE_GPU)
// tanh to a relative error of 2^-11 (sm_75+)
__device__ __forceinline__ float tanh_approx(float x) {
    float y;
    asm("tanh.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
// 2^x to 2 ulp, subnormal inputs and results flushed to zero
__device__ __forceinline__ float exp2_approx(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
// log2(x), absolute error 2^-22 for x in [0.5, 2], relative 2^-22 elsewhere
__device__ __forceinline__ float log2_approx(float x) {
    float y;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
// 1/x to 1 ulp
__device__ __forceinline__ float rcp_approx(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
#else
namespace detail {
inline float flush(float x) { return fabsf(x) < 1.17549435e-38f ? copysignf(0.f, x) : x; }
// keeps `bits` of the mantissa: a kernel must live with the precision the hardware has
inline float round_mantissa(float x, int bits) {
    if (x == 0.f || !std::isfinite(x)) return x;
    int exponent;
    const float m = frexpf(x, &exponent);
    return ldexpf(nearbyintf(ldexpf(m, bits)), exponent - bits);
}
}  // namespace detail
inline float tanh_approx(float x) { return detail::round_mantissa(tanhf(x), 11); }
inline float exp2_approx(float x) { return detail::flush(exp2f(detail::flush(x))); }
inline float log2_approx(float x) { return log2f(detail::flush(x)); }
inline float rcp_approx(float x) { return detail::flush(1.f / detail::flush(x)); }
#endif
}  // namespace ke
