// NF4 matrices, and the launchers of nf4.cu. T is float, __half or __nv_bfloat16.
#pragma once
#include "ke/rows.h"

namespace kernels {
constexpr int kNf4Block = 64;      // weights that share a scale, along the flattened matrix
constexpr int kNf4Nested = 256;    // scales that share a nested scale

// A matrix [rows, cols] of 4-bit codes; nf4.cuh says what the bytes mean.
struct Nf4 {
    const uint8_t* data;           // [ceil(rows * cols / 2)]
    const void* absmax;            // uint8_t [blocks] when nested_absmax is there, else float [blocks]
    const float* nested_absmax;    // [ceil(blocks / 256)], or null
    float offset;                  // added to every scale that is nested
    int64_t rows, cols;

    __host__ __device__ int64_t blocks() const { return (rows * cols + kNf4Block - 1) / kNf4Block; }
    // No block reaches over the end of a row, and rows begin where 8 bytes can be read: what the products need.
    __host__ bool whole_blocks() const { return cols % kNf4Block == 0 && (uintptr_t)data % 16 == 0; }
};

// data, absmax [blocks] = NF4(x), single quantization.
template <class T> cudaError_t nf4_quantize(uint8_t* data, float* absmax, ke::Rows<const T> x, cudaStream_t stream);

// codes [blocks], nested_absmax [ceil(blocks / 256)], offset [1] = 8-bit quantization of absmax [blocks] around its mean.
cudaError_t nf4_quantize_scales(uint8_t* codes, float* nested_absmax, float* offset, const float* absmax, int64_t blocks, cudaStream_t stream);

// y = rows [row0, row0 + y.rows) of w, rounded once.
template <class T> cudaError_t nf4_dequantize(ke::Rows<T> y, const Nf4& w, int64_t row0, cudaStream_t stream);
}  // namespace kernels
