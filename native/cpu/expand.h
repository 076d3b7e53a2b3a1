/* Weights of any type made plain, a stretch of a row at a time: what the matrix products call per tile. */
#pragma once

#include <cstdint>

#include "luthier.h"

namespace luthier::cpu {

struct Cpu;

/* out[0, n) = elements [col0, col0 + n) of a row of w. Any col0 and n inside the row; multiples of the block (64 for NF4 counted from the
 * start of the flattened matrix) are the fast case. NF4 values are exactly bitsandbytes': code * scale in fp32. */
void expand(const Cpu &, const lt_matrix &w, int64_t row, int64_t col0, int64_t n, float *out);

/* The same rounded to bf16, nearest even. */
void expand_bf16(const Cpu &, const lt_matrix &w, int64_t row, int64_t col0, int64_t n, uint16_t *out);

}  // namespace luthier::cpu
