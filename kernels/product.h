// A matrix product as the engine of matmul.cu takes it: several products of one kind in one launch, each a sum of
// segments along K, which is how a low-rank update rides in the K loop of the product it belongs to.
//
//   piece:   out (store) alpha * sum over its segments of  A_s B_s  + bias          [rows, cols], K = the segments' depths
//
// Layout, of how the operands lie in memory:
//   nt   a [rows, depth], b [cols, depth]     y = x W^T
//   nn   a [rows, depth], b [depth, cols]     dx = dy W
//   tn   a [depth, rows], b [depth, cols]     dA = t^T x
#pragma once
#include "ke/rows.h"

namespace kernels {
enum class Layout { nt, nn, tn };

// None of the structs below has padding: gcc 12 with -ftrivial-auto-var-init, which the emulator is built with, clears the
// padding of structs in an array at the wrong places when it copies them.
constexpr int kMostProjections = 8, kMostSegments = 2 * kMostProjections;

// One side of a segment. `outer` counts the rows or columns of the output that it makes, `depth` is its part of K.
template <class T> struct Operand {
    const T* data;
    int64_t stride;
    const int32_t* gather;   // row i of a is row gather[i] of data; null: row i. Not with tn
    int32_t outer, depth;
    int64_t vectors;         // not 0: rows begin at multiples of 16 bytes
};
template <class T> struct Segment {
    Operand<T> a, b;
};
template <class Out> struct Output {
    Out* data;
    int64_t stride;
    int64_t slab;              // elements between the slabs of two parts of K (Product::splits > 1)
    const float* bias;         // [cols], or null
    const int32_t* scatter;    // row i of the result goes to row scatter[i]; null: row i
    float alpha;
    ke::Store store;
    int64_t pairs;             // not 0: two neighbours of an even column can be written as one word
};
template <class T, class Out> struct Piece {
    int32_t first, segments;   // of Product::segment
    int32_t rows, cols;
    Output<Out> out;
};
template <class T, class Out> struct Product {
    Segment<T> segment[kMostSegments];
    Piece<T, Out> piece[kMostProjections];
    int32_t pieces = 0, segments = 0;
    int32_t splits = 1;              // parts of K; part z writes slab z, in fp32, without alpha and bias: sum_slabs does the rest
    int32_t live0 = 0;
    const int32_t* live = nullptr;   // on the device: only rows below *live - live0 are there; null: all
};

template <class T> Operand<T> by_rows(ke::Rows<const T> m) {   // outer by depth: a of nt and nn, b of nt
    return {m.data, m.stride, nullptr, (int32_t)m.rows, (int32_t)m.cols, m.aligned_for(8)};
}
template <class T> Operand<T> by_columns(ke::Rows<const T> m) {   // depth by outer: b of nn and tn, a of tn
    return {m.data, m.stride, nullptr, (int32_t)m.cols, (int32_t)m.rows, m.aligned_for(8)};
}
template <class Out> Output<Out> into(ke::Rows<Out> y, ke::Store store = ke::Store::set, float alpha = 1.f, const float* bias = nullptr) {
    return {y.data, y.stride, 0, bias, nullptr, alpha, store, y.aligned_for(2)};
}

// Starts the next piece of p; its segments follow with add_segment.
template <class T, class Out> void add_piece(Product<T, Out>& p, int64_t rows, int64_t cols, Output<Out> out) {
    p.piece[p.pieces++] = {p.segments, 0, (int32_t)rows, (int32_t)cols, out};
}
template <class T, class Out> void add_segment(Product<T, Out>& p, Operand<T> a, Operand<T> b) {
    if (a.depth == 0) return;
    p.segment[p.segments++] = {a, b};
    p.piece[p.pieces - 1].segments++;
}

// T float (plain fp32 arithmetic), __half or __nv_bfloat16; Out is T or float. cudaErrorNotSupported: bf16 on a device without
// bf16 tensor cores (sm_75).
template <class T, class Out> cudaError_t product(const Product<T, Out>& p, Layout layout, cudaStream_t stream);

// How many parts to cut K into so that a product of this shape fills the device.
int product_splits(int64_t rows, int64_t cols, int64_t depth);

// A part of the sum of slabs: y [rows, cols] (store) alpha * sum over s < splits of slab[s], with slab s at
// slabs + s * distance, its rows `stride` elements apart. The order of the sum is fixed.
template <class Out> struct SlabSum {
    ke::Rows<Out> y;
    const float* slabs;
    int64_t stride, distance;
    const float* bias;   // [cols], or null
    float alpha;
    ke::Store store;
};
template <class Out> cudaError_t sum_slabs(const SlabSum<Out>* parts, int count, int splits, cudaStream_t stream);

int multiprocessors();   // of the current device

// Whether the tensor cores of this device take T.
template <class T> bool tensor_cores_take();
}  // namespace kernels
