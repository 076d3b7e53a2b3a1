// A matrix as kernels and their launchers pass it: rows of `cols` elements, `stride` elements apart.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

namespace ke {
template <class T> struct Rows {
    T* data;
    int64_t rows, cols, stride;

    __host__ __device__ T* row(int64_t r) const { return data + r * stride; }
    template <class U, class = std::enable_if_t<!std::is_const<T>::value && std::is_same<U, const T>::value>>
    __host__ __device__ operator Rows<U>() const { return {data, rows, cols, stride}; }
    // no gaps between the rows: may be taken for one long row
    __host__ __device__ bool contiguous() const { return stride == cols || rows <= 1; }
    __host__ __device__ Rows flat() const { return {data, 1, rows * cols, rows * cols}; }
    // every row begins at an address that a vector of n elements may be read from
    __host__ __device__ bool aligned_for(int n) const { return (uintptr_t)data % (n * sizeof(T)) == 0 && (rows <= 1 || stride % n == 0); }
};

enum class Store { set, add };   // does an output overwrite or accumulate
}  // namespace ke
