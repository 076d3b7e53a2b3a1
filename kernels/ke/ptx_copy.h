// cp.async: copies from global to shared memory that run beside the computation (sm_80+; on sm_75 a plain copy).
// PTX ISA, "Data Movement and Conversion Instructions: cp.async".
#pragma once

namespace ke {
#if defined(KE_GPU)
__device__ __forceinline__ uint32_t shared_address(const void* p) { return (uint32_t)__cvta_generic_to_shared(p); }
#endif

namespace detail {
template <int Bytes> struct CopyWord;
template <> struct CopyWord<4> { using type = uint32_t; };
template <> struct CopyWord<8> { using type = uint2; };
template <> struct CopyWord<16> { using type = uint4; };

// dst = the first src_bytes of src, then zeros
template <int Bytes> __host__ __device__ __forceinline__ void copy_zero_fill(void* dst, const void* src, int src_bytes) {
    using Word = typename CopyWord<Bytes>::type;
    if (src_bytes == Bytes) {
        *(Word*)dst = *(const Word*)src;
        return;
    }
    Word w{};
    for (int i = 0; i < src_bytes; i++) ((unsigned char*)&w)[i] = ((const unsigned char*)src)[i];
    *(Word*)dst = w;
}
}  // namespace detail

// Copies Bytes (4, 8 or 16) to shared memory, of which the first src_bytes come from src and the rest are zeros; with
// src_bytes 0 the source is not read (but must still be aligned to Bytes). Lands when its group has been waited for.
#if defined(KE_GPU)
template <int Bytes> __device__ __forceinline__ void cp_async_zero_fill(void* dst, const void* src, int src_bytes) {
#if KE_ARCH >= 800
    if constexpr (Bytes == 16)   // .cg skips L1, which only whole 16-byte copies may do
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(dst)), "l"(src), "r"(src_bytes) : "memory");
    else
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;\n" ::"r"(shared_address(dst)), "l"(src), "n"(Bytes), "r"(src_bytes) : "memory");
#else
    detail::copy_zero_fill<Bytes>(dst, src, src_bytes);
#endif
}
template <int Bytes> __device__ __forceinline__ void cp_async(void* dst, const void* src) { cp_async_zero_fill<Bytes>(dst, src, Bytes); }

// Closes the group of all copies this thread has issued since the last commit.
__device__ __forceinline__ void cp_async_commit() {
#if KE_ARCH >= 800
    asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}
// Waits until at most Pending of this thread's newest groups are still in flight. Other threads see the data only
// after a barrier.
template <int Pending> __device__ __forceinline__ void cp_async_wait() {
#if KE_ARCH >= 800
    asm volatile("cp.async.wait_group %0;\n" ::"n"(Pending) : "memory");
#endif
}
#else
// CPU model: the destination becomes garbage at issue, and the data lands at the wait that covers its group, as late
// as the hardware may. So "read before the wait" and "overwrote a buffer that others still read" both show up as NaN,
// in any schedule.
template <int Bytes> inline void cp_async_zero_fill(void* dst, const void* src, int src_bytes, KE_SITE_ARG) {
    using Word = typename detail::CopyWord<Bytes>::type;
    if ((uintptr_t)dst % Bytes) emu::fail(KE_SITE, "cp.async: destination %p is not aligned to %d bytes", dst, Bytes);
    if (!emu::in_shared(dst, Bytes)) emu::fail(KE_SITE, "cp.async: destination %p is not in this block's shared memory", dst);
    if ((uintptr_t)src % Bytes) emu::fail(KE_SITE, "cp.async: source %p is not aligned to %d bytes", src, Bytes);
    if (src_bytes < 0 || src_bytes > Bytes) emu::fail(KE_SITE, "cp.async: source size %d is not within 0..%d", src_bytes, Bytes);
#if KE_ARCH >= 800
    for (int i = 0; i < src_bytes; i += Bytes / 2) {   // the read, where ASan and TSan expect it
        volatile unsigned char read = ((const unsigned char*)src)[i];
        (void)read;
    }
    if (src_bytes) {
        volatile unsigned char read = ((const unsigned char*)src)[src_bytes - 1];
        (void)read;
    }
    Word w;
    memset(&w, 0xff, sizeof w);
    *(Word*)dst = w;             // the write, as ASan and TSan see it
    emu::garbage(dst, Bytes);    // and the undefined value, as MSan sees it
    emu::async_push({dst, src, Bytes, src_bytes}, KE_SITE);
#else
    detail::copy_zero_fill<Bytes>(dst, src, src_bytes);
#endif
}
template <int Bytes> inline void cp_async(void* dst, const void* src, KE_SITE_ARG) { cp_async_zero_fill<Bytes>(dst, src, Bytes, file_, line_); }
inline void cp_async_commit() { emu::async_commit(); }
template <int Pending> inline void cp_async_wait() {
    for (emu::AsyncCopy c; emu::async_next(Pending, &c);) {
        if (c.bytes == 16) detail::copy_zero_fill<16>(c.dst, c.src, c.src_bytes);
        else if (c.bytes == 8) detail::copy_zero_fill<8>(c.dst, c.src, c.src_bytes);
        else detail::copy_zero_fill<4>(c.dst, c.src, c.src_bytes);
    }
}
#endif
}  // namespace ke
