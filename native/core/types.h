/* The element and block types of luthier.h in one table: name, elements and bytes of a block, alignment of its address. */
#pragma once

#include "luthier.h"

namespace luthier {

struct Type {
  const char *name;
  int32_t block;  /* elements of one block; 1 for plain types */
  int32_t bytes;  /* of one block */
  int32_t align;  /* of the address of the first block */
};

/* In the order of the LT_ numbers. Block layouts: GGUF (ggml-common.h); NF4: 64 codes, two in a byte, scales elsewhere. */
constexpr Type kTypes[] = {
    {"F32", 1, 4, 4},       {"F16", 1, 2, 2},       {"BF16", 1, 2, 2},      {"I32", 1, 4, 4},       {"U8", 1, 1, 1},       {"NF4", 64, 32, 1},
    {"Q4_0", 32, 18, 2},    {"Q4_1", 32, 20, 2},    {"Q5_0", 32, 22, 2},    {"Q5_1", 32, 24, 2},    {"Q8_0", 32, 34, 2},
    {"Q2_K", 256, 84, 2},   {"Q3_K", 256, 110, 2},  {"Q4_K", 256, 144, 2},  {"Q5_K", 256, 176, 2},  {"Q6_K", 256, 210, 2},
};
constexpr int32_t kTypeCount = sizeof kTypes / sizeof kTypes[0];

constexpr bool known(int32_t type) { return type >= 0 && type < kTypeCount; }
constexpr const char *name(int32_t type) { return known(type) ? kTypes[type].name : "an unknown type"; }
constexpr bool activation(int32_t type) { return type == LT_F32 || type == LT_F16 || type == LT_BF16; }
constexpr bool weight(int32_t type) { return known(type) && type != LT_I32 && type != LT_U8; }
constexpr int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0); }

}  // namespace luthier
