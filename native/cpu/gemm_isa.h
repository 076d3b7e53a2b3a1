/* The entries of an Isa's GemmKernels, defined in gemm_tile.cpp, gemm_pack.cpp, gemm_rows.cpp and gemm_loss.cpp. */
#pragma once

#include "gemm_kernels.h"
#include "isa.h"

namespace luthier::cpu::LT_ISA {

#if defined(__AVX512F__)
constexpr int kTileRows = 14;
#else
constexpr int kTileRows = 6;
#endif

/* rows <= kTileRows, vectors <= 2 */
void tile_plain(int rows, int vectors, int64_t k, const void *a, const void *b, float *c, int64_t ldc, bool first);

#define LT_DECLARE(entry) extern std::remove_pointer_t<decltype(GemmKernels::entry)> entry;
LT_DECLARE(pack_rows)
LT_DECLARE(pack_columns)
LT_DECLARE(pack_bt)
LT_DECLARE(pack_b)
LT_DECLARE(store_block)
LT_DECLARE(add_transposed)
LT_DECLARE(dots)
LT_DECLARE(fetch)
LT_DECLARE(scan_logits)
LT_DECLARE(softmax_gradient)
#undef LT_DECLARE

}  // namespace luthier::cpu::LT_ISA
