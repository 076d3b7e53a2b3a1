/* Sums over many elements whose rounding does not depend on the number of threads. */
#pragma once

#include "pool.h"

namespace luthier::cpu {

/* Most parts of a sum: what the partial results on the stack are sized for. */
constexpr int64_t kMostParts = 1024;

/* Elements of one part: at least grain, a multiple of it, and a function of n alone. */
inline __attribute__((always_inline)) int64_t part_size(int64_t n, int64_t grain) {
  const int64_t parts = n / grain + (n % grain != 0);
  return grain * (parts / kMostParts + (parts % kMostParts != 0));
}

}  // namespace luthier::cpu
