// Launcher of sample.cu.
#pragma once
#include "ke/rows.h"

namespace kernels {
struct Sampling {
    uint64_t seed, counter;   // key and counter of Philox4x32-10; row i draws with (counter, i)
    float temperature;        // 0: greedy, lowest id on a tie
    float top_p;              // (0, 1]; 1: off
    float min_p;              // 0: off
    float repeat_penalty;     // 1: off
    int32_t top_k;            // 0: off
};

// ids[i] = a token drawn from row i of logits [n, V], which stay; -1 where the row's largest logit is not a finite number.
// scratch [n, V]; history [n, m], entries < 0 are ignored, data may be null.
cudaError_t sample(int32_t* ids, int64_t ids_stride, float* scratch, ke::Rows<const float> logits, ke::Rows<const int32_t> history, const Sampling& how,
                   cudaStream_t stream);
}  // namespace kernels
