// The one header a kernel includes. The same .cu compiles with nvcc for a GPU and with g++ or clang++ for the CPU
// emulator. What a kernel writes in place of the CUDA keywords:
//   KE_SHARED(T, name, dims)            __shared__ T name dims
//   KE_SHARED_ALIGN(A, T, name, dims)   the same, aligned to A bytes (for vector or asynchronous access)
//   KE_DYN_SHARED(name)                 the block's dynamic shared memory, unsigned char*, 16-byte aligned
//   KE_ARCH                             __CUDA_ARCH__; 0 in nvcc's host pass
//   KE_CHECK(cond)                      an assertion that only the emulator evaluates
//   ke::launch(kernel, grid, block, shared, stream, args...)   kernel<<<...>>>(...), returns the launch's status
//   ke::...                             inline PTX (ptx.h), element types and vectors (types.h), matrices (rows.h),
//                                       reductions (reduce.h)
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cmath>
#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)
#define KE_GPU 1
#if defined(__CUDA_ARCH__)
#define KE_ARCH __CUDA_ARCH__
#else
#define KE_ARCH 0
#endif
#define KE_SHARED(T, name, dims) __shared__ T name dims
#define KE_SHARED_ALIGN(A, T, name, dims) __shared__ __align__(A) T name dims
#define KE_DYN_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#define KE_CHECK(cond) ((void)0)
namespace ke {
template <class... P, class... A>
inline cudaError_t launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t smem, cudaStream_t stream, A&&... args) {
    if (smem > 48 * 1024) {   // above 48 KiB a kernel must be told that it may
        cudaError_t e = cudaFuncSetAttribute((const void*)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)smem);
        if (e != cudaSuccess) return e;
    }
    kernel<<<grid, block, smem, stream>>>(static_cast<P>(args)...);
    return cudaGetLastError();
}
}  // namespace ke
#else
#include "emulator/device.h"
#endif

#include "ke/ptx.h"
#include "ke/reduce.h"
#include "ke/types.h"
