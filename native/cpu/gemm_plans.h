/* Workspace of the matrix products: each op walks its pieces twice, once to count them and once to cut them. */
#pragma once

#include <algorithm>

#include "gemm.h"

namespace luthier::cpu {

/* The workspace of an op whose lay(carver) takes its pieces. */
template <class F>
Carver carve(const Cpu &cpu, const char *op, F &&lay) {
  Carver count = counting();
  lay(count);
  return cpu.workspace.need(op, counted(count));
}

/* The most bytes that lay(carver, tokens, width) takes within the limits. Rows are cut by the width (Gemm::row_block), and few rows take
 * another way, so that the largest limits alone do not give the largest need. */
template <class F>
int64_t most_bytes(const lt_limits &l, int64_t widest, F &&lay) {
  int64_t most = 0;
  for (const int64_t t : {std::min(l.tokens, kGemvRows), l.tokens})
    for (const int64_t width : {std::min(widest, Gemm::kOperand / std::max<int64_t>(1, std::min<int64_t>(l.tokens, 1024))), widest}) {
      Carver c = counting();
      lay(c, t, width);
      most = std::max(most, counted(c));
    }
  return most;
}

int64_t lora_bytes(const Cpu &, const lt_limits &);
int64_t head_loss_bytes(const Cpu &, const lt_limits &);

}  // namespace luthier::cpu
