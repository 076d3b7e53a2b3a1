// Warp primitives (the _sync forms) of CUDA C++ Programming Guide, "Warp Vote/Match/Reduce/Shuffle Functions".
#pragma once
#include <cstring>

#include "execution.h"

namespace emu {
enum class WarpOp { shuffle, vote, match, reduce, syncwarp, ldmatrix, movmatrix, mma };
// Meets the other lanes of `mask`; the last to arrive computes the operation for all. `io` is the structure below
// that belongs to `op`, filled with the lane's input and, on return, its result.
void warp_op(WarpOp op, unsigned mask, void* io, Site site);

enum class Shuffle { index, up, down, exclusive_or };
struct ShuffleIO { uint64_t value; int arg, width; Shuffle mode; };
enum class Vote { all, any, ballot };
struct VoteIO { int predicate; Vote mode; unsigned result; };
enum class Reduce { add, min_signed, min_unsigned, max_signed, max_unsigned, bit_and, bit_or, bit_xor };
struct ReduceIO { uint32_t value; Reduce mode; };
struct MatchIO { uint64_t value; unsigned result; };
struct LdmatrixIO { uint32_t row[4]; uint32_t result[4]; int tiles; bool transpose; };
struct MovmatrixIO { uint32_t value; };
struct MmaIO { const uint32_t *a, *b; const float* c; float* d; int k; bool bf16; };

template <class T> inline T shuffle(unsigned mask, T v, int arg, int width, Shuffle mode, Site site) {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable<T>::value, "a shuffle moves at most 8 bytes");
    ShuffleIO io{0, arg, width, mode};
    memcpy(&io.value, &v, sizeof(T));
    warp_op(WarpOp::shuffle, mask, &io, site);
    T r;
    memcpy((void*)&r, &io.value, sizeof(T));
    return r;
}
inline unsigned vote(unsigned mask, int p, Vote mode, Site site) {
    VoteIO io{p, mode, 0};
    warp_op(WarpOp::vote, mask, &io, site);
    return io.result;
}
template <class T> inline T reduce(unsigned mask, T v, Reduce mode, Site site) {
    ReduceIO io{(uint32_t)v, mode};
    warp_op(WarpOp::reduce, mask, &io, site);
    return (T)io.value;
}
}  // namespace emu

inline void __syncwarp(unsigned mask = 0xffffffffu, KE_SITE_ARG) { emu::warp_op(emu::WarpOp::syncwarp, mask, nullptr, KE_SITE); }
template <class T> inline T __shfl_sync(unsigned m, T v, int src, int w = 32, KE_SITE_ARG) { return emu::shuffle(m, v, src, w, emu::Shuffle::index, KE_SITE); }
template <class T> inline T __shfl_up_sync(unsigned m, T v, unsigned d, int w = 32, KE_SITE_ARG) { return emu::shuffle(m, v, (int)d, w, emu::Shuffle::up, KE_SITE); }
template <class T> inline T __shfl_down_sync(unsigned m, T v, unsigned d, int w = 32, KE_SITE_ARG) { return emu::shuffle(m, v, (int)d, w, emu::Shuffle::down, KE_SITE); }
template <class T> inline T __shfl_xor_sync(unsigned m, T v, int x, int w = 32, KE_SITE_ARG) { return emu::shuffle(m, v, x, w, emu::Shuffle::exclusive_or, KE_SITE); }
inline int __all_sync(unsigned m, int p, KE_SITE_ARG) { return (int)emu::vote(m, p, emu::Vote::all, KE_SITE); }
inline int __any_sync(unsigned m, int p, KE_SITE_ARG) { return (int)emu::vote(m, p, emu::Vote::any, KE_SITE); }
inline unsigned __ballot_sync(unsigned m, int p, KE_SITE_ARG) { return emu::vote(m, p, emu::Vote::ballot, KE_SITE); }
template <class T> inline unsigned __match_any_sync(unsigned m, T v, KE_SITE_ARG) {
    emu::MatchIO io{0, 0};
    memcpy(&io.value, &v, sizeof(T));
    emu::warp_op(emu::WarpOp::match, m, &io, KE_SITE);
    return io.result;
}
// The hardware has __reduce_*_sync from sm_80 on; an emulated sm_75 build must not find them.
#if KE_ARCH >= 800
inline unsigned __reduce_add_sync(unsigned m, unsigned v, KE_SITE_ARG) { return emu::reduce(m, v, emu::Reduce::add, KE_SITE); }
inline int __reduce_add_sync(unsigned m, int v, KE_SITE_ARG) { return emu::reduce(m, v, emu::Reduce::add, KE_SITE); }
inline unsigned __reduce_min_sync(unsigned m, unsigned v, KE_SITE_ARG) { return emu::reduce(m, v, emu::Reduce::min_unsigned, KE_SITE); }
inline int __reduce_min_sync(unsigned m, int v, KE_SITE_ARG) { return emu::reduce(m, v, emu::Reduce::min_signed, KE_SITE); }
inline unsigned __reduce_max_sync(unsigned m, unsigned v, KE_SITE_ARG) { return emu::reduce(m, v, emu::Reduce::max_unsigned, KE_SITE); }
inline int __reduce_max_sync(unsigned m, int v, KE_SITE_ARG) { return emu::reduce(m, v, emu::Reduce::max_signed, KE_SITE); }
inline unsigned __reduce_and_sync(unsigned m, unsigned v, KE_SITE_ARG) { return emu::reduce(m, v, emu::Reduce::bit_and, KE_SITE); }
inline unsigned __reduce_or_sync(unsigned m, unsigned v, KE_SITE_ARG) { return emu::reduce(m, v, emu::Reduce::bit_or, KE_SITE); }
inline unsigned __reduce_xor_sync(unsigned m, unsigned v, KE_SITE_ARG) { return emu::reduce(m, v, emu::Reduce::bit_xor, KE_SITE); }
#endif
