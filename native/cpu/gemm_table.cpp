/* The table of the matrix products' kernels compiled for one Isa. */
#include "gemm_isa.h"
#include "simd.h"

#define LT_TEXT(x) #x
#define LT_TEXT_OF(x) LT_TEXT(x)
#define LT_NAME LT_TEXT_OF(LT_ISA)

namespace luthier::cpu::LT_ISA {

extern const GemmKernels gemm;
const GemmKernels gemm = {
    {LT_NAME " fp32", tile_plain, false, kTileRows, 1, kLanes, 2, 1, nullptr, 256}, pack_rows,      pack_columns, pack_bt, pack_b, store_block, add_transposed, dots, unit_dots, pair_up, fetch,
    scan_logits,                                                  softmax_gradient};

}  // namespace luthier::cpu::LT_ISA
