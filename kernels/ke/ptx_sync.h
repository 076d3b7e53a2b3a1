// Barriers among some of a block's warps. PTX ISA, "Parallel Synchronization: bar.sync".
#pragma once

namespace ke {
// Waits until `threads` threads (a multiple of 32, whole warps) have come to barrier `id` (1..15; 0 belongs to
// __syncthreads), and makes their writes to shared and global memory visible to one another.
#if defined(KE_GPU)
__device__ __forceinline__ void named_barrier(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
#else
inline void named_barrier(int id, int threads, KE_SITE_ARG) {
    if (id < 1 || id > 15) emu::fail(KE_SITE, "named_barrier: id %d is not within 1..15", id);
    if (threads < 32 || threads % 32) emu::fail(KE_SITE, "named_barrier: %d threads is not a multiple of 32", threads);
    emu::barrier(id, threads, 0, emu::Predicate::none, KE_SITE);
}
#endif
}  // namespace ke
