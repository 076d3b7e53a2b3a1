// Tensor-core instructions and the loads that feed them. PTX ISA, "Warp Level Matrix Instructions".
// All of them need the 32 lanes of the warp together.
#pragma once

namespace ke {
template <class T> struct IsBf16 { static constexpr bool value = false; };
template <> struct IsBf16<__nv_bfloat16> { static constexpr bool value = true; };

// ---------------------------------------------------------------- ldmatrix: 1, 2 or 4 tiles of 8x8 16-bit values
// Lane l gives the address of row l%8 of tile l/8 (lanes beyond the tiles: any value); 16-byte aligned, in shared
// memory. r[t] of lane l holds tile t, row l/4, columns 2*(l%4) and +1; with _trans row and column change places.
#if defined(KE_GPU)
__device__ __forceinline__ void ldmatrix_x1(uint32_t (&r)[1], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];\n" : "=r"(r[0]) : "r"(shared_address(row)) : "memory");
}
__device__ __forceinline__ void ldmatrix_x2(uint32_t (&r)[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];\n" : "=r"(r[0]), "=r"(r[1]) : "r"(shared_address(row)) : "memory");
}
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}
__device__ __forceinline__ void ldmatrix_x1_trans(uint32_t (&r)[1], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];\n" : "=r"(r[0]) : "r"(shared_address(row)) : "memory");
}
__device__ __forceinline__ void ldmatrix_x2_trans(uint32_t (&r)[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];\n" : "=r"(r[0]), "=r"(r[1]) : "r"(shared_address(row)) : "memory");
}
__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}
// Transposes one 8x8 tile held in registers in the layout above.
__device__ __forceinline__ uint32_t movmatrix_trans(uint32_t v) {
    uint32_t r;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;\n" : "=r"(r) : "r"(v));
    return r;
}
#else
namespace detail {
template <int Tiles> inline void ldmatrix(uint32_t (&r)[Tiles], const void* row, bool transpose, emu::Site site) {
    emu::LdmatrixIO io;
    io.tiles = Tiles;
    io.transpose = transpose;
    if ((int)emu::lane_id() < 8 * Tiles) {   // the other lanes' addresses are not used
        if ((uintptr_t)row & 15) emu::fail(site, "ldmatrix: row address %p is not 16-byte aligned", row);
        if (!emu::in_shared(row, 16)) emu::fail(site, "ldmatrix: row address %p is not in this block's shared memory", row);
        for (int i = 0; i < 4; i++) io.row[i] = ((const uint32_t*)row)[i];
    }
    emu::warp_op(emu::WarpOp::ldmatrix, 0xffffffffu, &io, site);
    for (int i = 0; i < Tiles; i++) r[i] = io.result[i];
}
}  // namespace detail
inline void ldmatrix_x1(uint32_t (&r)[1], const void* row, KE_SITE_ARG) { detail::ldmatrix<1>(r, row, false, KE_SITE); }
inline void ldmatrix_x2(uint32_t (&r)[2], const void* row, KE_SITE_ARG) { detail::ldmatrix<2>(r, row, false, KE_SITE); }
inline void ldmatrix_x4(uint32_t (&r)[4], const void* row, KE_SITE_ARG) { detail::ldmatrix<4>(r, row, false, KE_SITE); }
inline void ldmatrix_x1_trans(uint32_t (&r)[1], const void* row, KE_SITE_ARG) { detail::ldmatrix<1>(r, row, true, KE_SITE); }
inline void ldmatrix_x2_trans(uint32_t (&r)[2], const void* row, KE_SITE_ARG) { detail::ldmatrix<2>(r, row, true, KE_SITE); }
inline void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row, KE_SITE_ARG) { detail::ldmatrix<4>(r, row, true, KE_SITE); }
inline uint32_t movmatrix_trans(uint32_t v, KE_SITE_ARG) {
    emu::MovmatrixIO io{v};
    emu::warp_op(emu::WarpOp::movmatrix, 0xffffffffu, &io, KE_SITE);
    return io.value;
}
#endif

// ---------------------------------------------------------------- mma.sync: d = a b + c, accumulated in fp32
// A [16,K] row-major, B [K,8] column-major, C and D [16,8]; with g = lane/4 and t = 2*(lane%4):
//   a[0] = A[g][t,t+1]   a[1] = A[g+8][t,t+1]   a[2], a[3] = the same at columns +8 (K = 16)
//   b[0] = B[t,t+1][g]   b[1] = B[t+8,t+9][g]   (K = 16)
//   c[0] = C[g][t]   c[1] = C[g][t+1]   c[2] = C[g+8][t]   c[3] = C[g+8][t+1]
// mma_m16n8k16<T> is for __half or __nv_bfloat16; on sm_75, which has neither K = 16 nor bf16, half is done as two
// m16n8k8 and bf16 must not be called.
#if defined(KE_GPU)
__device__ __forceinline__ void mma_m16n8k8_f16(float (&d)[4], uint32_t a0, uint32_t a1, uint32_t b0, const float (&c)[4]) {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%7,%8,%9,%10};\n"
                 : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
                 : "r"(a0), "r"(a1), "r"(b0), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
}
template <class T>
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const float (&c)[4]) {
#if KE_ARCH >= 800
    if constexpr (IsBf16<T>::value)
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};\n"
                     : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
    else
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};\n"
                     : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
#else
    if constexpr (IsBf16<T>::value) {
        __trap();   // the launcher must not choose this kernel here
    } else {
        float half_way[4];
        mma_m16n8k8_f16(half_way, a[0], a[1], b[0], c);
        mma_m16n8k8_f16(d, a[2], a[3], b[1], half_way);
    }
#endif
}
#else
namespace detail {
inline void mma(float* d, const uint32_t* a, const uint32_t* b, const float* c, int k, bool bf16, emu::Site site) {
    emu::MmaIO io{a, b, c, d, k, bf16};
    emu::warp_op(emu::WarpOp::mma, 0xffffffffu, &io, site);
}
}  // namespace detail
inline void mma_m16n8k8_f16(float (&d)[4], uint32_t a0, uint32_t a1, uint32_t b0, const float (&c)[4], KE_SITE_ARG) {
    const uint32_t a[2] = {a0, a1};
    detail::mma(d, a, &b0, c, 8, false, KE_SITE);
}
template <class T>
inline void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const float (&c)[4], KE_SITE_ARG) {
#if KE_ARCH >= 800
    detail::mma(d, a, b, c, 16, IsBf16<T>::value, KE_SITE);
#else
    if (IsBf16<T>::value) emu::fail(KE_SITE, "sm_75 has no bf16 mma");
    float half_way[4];
    mma_m16n8k8_f16(half_way, a[0], a[1], b[0], c, file_, line_);
    mma_m16n8k8_f16(d, a[2], a[3], b[1], half_way, file_, line_);
#endif
}
#endif
}  // namespace ke
