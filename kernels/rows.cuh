// Row numbers inside kernels.
#pragma once
#include "ke/ke.h"
#include "rows.h"

namespace kernels {
// idx[t], or -1 when it is not within [0, rows); `first` is true in the one thread that reports it.
__device__ __forceinline__ int64_t row_number(const RowNumbers& idx, int64_t t, int64_t rows, bool first) {
    const int32_t i = idx.at[t * idx.stride];
    if (i >= 0 && i < rows) return i;
    if (first && idx.bad) atomicMin(idx.bad, (int32_t)t);
    return -1;
}
}  // namespace kernels
