// Warp operations: the lanes of a mask meet, and the last one to arrive computes the result for all.
#include <algorithm>
#include <cstdlib>

#include "machine.h"
#include "sanitizers.h"

namespace emu {
namespace {
constexpr unsigned kFullMask = 0xffffffffu;
bool in(unsigned mask, int lane) { return mask >> lane & 1; }
template <class IO> IO& io(Warp& warp, int lane) { return *(IO*)warp.io[lane]; }

void run_shuffle(Warp& warp, unsigned mask, Site site) {
    uint64_t given[32] = {};
    for (int l = 0; l < 32; l++)
        if (in(mask, l)) given[l] = io<ShuffleIO>(warp, l).value;
    for (int l = 0; l < 32; l++) {
        if (!in(mask, l)) continue;
        ShuffleIO& x = io<ShuffleIO>(warp, l);
        if (x.width < 1 || x.width > 32 || (x.width & (x.width - 1))) fail(site, "shuffle: width %d is not 1, 2, 4, 8, 16 or 32", x.width);
        const int first = l & ~(x.width - 1), end = first + x.width;
        int source = l;
        switch (x.mode) {   // out of the segment: the lane keeps its own value
            case Shuffle::index: source = first + (x.arg & (x.width - 1)); break;
            case Shuffle::up: source = l - x.arg < first ? l : l - x.arg; break;
            case Shuffle::down: source = l + x.arg >= end ? l : l + x.arg; break;
            case Shuffle::exclusive_or: source = (l ^ x.arg) >= end ? l : l ^ x.arg; break;
        }
        if (source < 0 || source > 31 || !in(mask, source))
            fail(site, "shuffle: lane %d reads lane %d, which does not take part (0x%08x): the value is undefined", l, source, mask);
        x.value = given[source];
    }
}

void run_vote(Warp& warp, unsigned mask) {
    unsigned ballot = 0;
    for (int l = 0; l < 32; l++)
        if (in(mask, l) && io<VoteIO>(warp, l).predicate) ballot |= 1u << l;
    for (int l = 0; l < 32; l++) {
        if (!in(mask, l)) continue;
        VoteIO& x = io<VoteIO>(warp, l);
        x.result = x.mode == Vote::ballot ? ballot : x.mode == Vote::all ? ballot == mask : ballot != 0;
    }
}

void run_match(Warp& warp, unsigned mask) {
    for (int l = 0; l < 32; l++) {
        if (!in(mask, l)) continue;
        MatchIO& x = io<MatchIO>(warp, l);
        x.result = 0;
        for (int k = 0; k < 32; k++)
            if (in(mask, k) && io<MatchIO>(warp, k).value == x.value) x.result |= 1u << k;
    }
}

uint32_t combine(Reduce mode, uint32_t a, uint32_t b) {
    switch (mode) {
        case Reduce::add: return a + b;
        case Reduce::min_signed: return (uint32_t)std::min((int)a, (int)b);
        case Reduce::min_unsigned: return std::min(a, b);
        case Reduce::max_signed: return (uint32_t)std::max((int)a, (int)b);
        case Reduce::max_unsigned: return std::max(a, b);
        case Reduce::bit_and: return a & b;
        case Reduce::bit_or: return a | b;
        case Reduce::bit_xor: return a ^ b;
    }
    abort();
}

void run_reduce(Warp& warp, unsigned mask) {
    const int first = __builtin_ctz(mask);
    uint32_t all = io<ReduceIO>(warp, first).value;
    for (int l = first + 1; l < 32; l++)
        if (in(mask, l)) all = combine(io<ReduceIO>(warp, l).mode, all, io<ReduceIO>(warp, l).value);
    for (int l = 0; l < 32; l++)
        if (in(mask, l)) io<ReduceIO>(warp, l).value = all;
}

bool needs_whole_warp(WarpOp op) { return op == WarpOp::ldmatrix || op == WarpOp::movmatrix || op == WarpOp::mma; }

void complete(Warp& warp, const Rendezvous& met) {
    stats.collectives++;
    switch (met.op) {
        case WarpOp::shuffle: run_shuffle(warp, met.arrived, met.site); break;
        case WarpOp::vote: run_vote(warp, met.arrived); break;
        case WarpOp::match: run_match(warp, met.arrived); break;
        case WarpOp::reduce: run_reduce(warp, met.arrived); break;
        case WarpOp::syncwarp: break;
        case WarpOp::ldmatrix: run_ldmatrix(warp); break;
        case WarpOp::movmatrix: run_movmatrix(warp); break;
        case WarpOp::mma: run_mma(warp); break;
    }
    for (int l = 0; l < 32; l++)
        if (in(met.arrived, l) && warp.lane[l] != machine.current && warp.lane[l]->state == State::in_warp_op) make_ready(warp.lane[l]);
}

// Lanes that have exited are no longer waited for, as on the hardware.
bool try_complete(Warp& warp, int index) {
    const Rendezvous met = warp.open[index];
    const unsigned wanted = met.mask & ~warp.exited;
    if ((met.arrived & wanted) != wanted) return false;
    if (needs_whole_warp(met.op) && met.arrived != kFullMask)
        fail(met.site, "%s needs all 32 lanes of the warp, got 0x%08x", name(met.op), met.arrived);
    warp.open[index] = warp.open[--warp.open_count];
    complete(warp, met);
    return true;
}
}  // namespace

const char* name(WarpOp op) {
    switch (op) {
        case WarpOp::shuffle: return "__shfl_sync";
        case WarpOp::vote: return "a vote";
        case WarpOp::match: return "__match_any_sync";
        case WarpOp::reduce: return "__reduce_sync";
        case WarpOp::syncwarp: return "__syncwarp";
        case WarpOp::ldmatrix: return "ldmatrix";
        case WarpOp::movmatrix: return "movmatrix";
        case WarpOp::mma: return "mma";
    }
    abort();
}

void warp_op(WarpOp op, unsigned mask, void* io, Site site) {
    Fiber* f = machine.current;
    Warp& warp = *f->warp;
    if (!in(mask, f->lane)) fail(site, "%s: lane %d is not in its own mask 0x%08x", name(op), f->lane, mask);
    if (mask & ~warp.present) {   // the last warp of a block may be short; only the full mask may ignore that
        if (mask != kFullMask || needs_whole_warp(op))
            fail(site, "%s: mask 0x%08x names lanes that do not exist (0x%08x do)", name(op), mask, warp.present);
        mask &= warp.present;
    }
    int index = 0;
    while (index < warp.open_count && !(warp.open[index].mask == mask && warp.open[index].op == op)) index++;
    if (index == warp.open_count) warp.open[warp.open_count++] = {op, mask, 0, site};
    warp.io[f->lane] = io;
    warp.open[index].arrived |= 1u << f->lane;
    // Of all warp operations only __syncwarp orders memory.
    if (op == WarpOp::syncwarp) san::release(warp.sync_object);
    if (!try_complete(warp, index)) wait(State::in_warp_op, name(op), mask, site);
    if (op == WarpOp::syncwarp) san::acquire(warp.sync_object);
}

void lane_exited(Fiber* fiber) {
    Warp& warp = *fiber->warp;
    warp.exited |= 1u << fiber->lane;
    for (int i = warp.open_count - 1; i >= 0; i--)
        if (i < warp.open_count) try_complete(warp, i);
}
}  // namespace emu
