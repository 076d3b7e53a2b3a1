/* The code books of NF4 (QLoRA, arXiv 2305.14314, appendix E) and of the 8-bit dynamic data type (arXiv 1511.04561, 2110.02861). */
#pragma once

#include <cstdint>

namespace luthier::cpu {

struct Codes {
  Codes();
  float nf4[16];
  float nf4_midpoints[15];        /* between neighbours of nf4, in fp32 */
  float dynamic_signed[256];      /* sorted; holds 0 and 1, not -1 */
  float dynamic_unsigned[256];
};

extern const Codes codes;

/* Index of the entry of a sorted 256-entry code nearest to x; the lower one when both are equally far. */
uint8_t nearest(const float *code, float x);

}  // namespace luthier::cpu
