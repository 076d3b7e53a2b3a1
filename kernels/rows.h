// Launchers of rows.cu. T is uint8_t, uint16_t or uint32_t: the size of an element, what its bits mean does not matter.
#pragma once
#include "ke/rows.h"

namespace kernels {
// Row numbers as an op gets them: `at` [count], stride elements apart. A number outside the matrix is left out, and `bad`
// (null: nobody asks) falls to the smallest t of such a number: set it to INT32_MAX before, look at it when convenient.
struct RowNumbers {
    const int32_t* at;
    int64_t count, stride;
    int32_t* bad;
};

// y[t] = x[idx[t]]
template <class T> cudaError_t gather_rows(ke::Rows<T> y, ke::Rows<const T> x, RowNumbers idx, cudaStream_t stream);
// y[idx[t]] = x[t]; the numbers must differ
template <class T> cudaError_t scatter_rows(ke::Rows<T> y, ke::Rows<const T> x, RowNumbers idx, cudaStream_t stream);
}  // namespace kernels
