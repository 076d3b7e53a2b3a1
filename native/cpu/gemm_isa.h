/* The entries of an Isa's GemmKernels, defined in gemm_tile.cpp, gemm_pack.cpp, gemm_rows.cpp, gemm_units.cpp and gemm_loss.cpp. */
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

/* gemm_units.cpp. The first n / 64 units of a row's elements [col, col + n), as floats or, where the type allows it directly, bf16: they return
 * how many elements they did, 0 where the type or the place has no units. */
int64_t unit_values(const lt_matrix &w, int64_t row, int64_t col, int64_t n, float *out);
int64_t unit_words(const lt_matrix &w, int64_t row, int64_t col, int64_t n, uint16_t *out);

#define LT_DECLARE(entry) extern std::remove_pointer_t<decltype(GemmKernels::entry)> entry;
LT_DECLARE(pack_rows)
LT_DECLARE(pack_columns)
LT_DECLARE(pack_bt)
LT_DECLARE(pack_b)
LT_DECLARE(store_block)
LT_DECLARE(add_transposed)
LT_DECLARE(dots)
LT_DECLARE(unit_dots)
LT_DECLARE(pair_up)
LT_DECLARE(fetch)
LT_DECLARE(scan_logits)
LT_DECLARE(softmax_gradient)
#undef LT_DECLARE

}  // namespace luthier::cpu::LT_ISA
