#include "gemm_paths.h"

#include <cstdlib>
#include <cstring>

#include "../core/status.h"
#include "ops.h"

namespace luthier::cpu {

const GemmKernels &gemm_kernels(Isa isa) {
#if LT_HAVE_X86_ISAS
  if (isa == Isa::avx512) return avx512::gemm;
  if (isa == Isa::avx2) return avx2::gemm;
#endif
  (void)isa;
  return base::gemm;
}

const TileKernels &choose_tile(const Features &f, Isa isa, int32_t precision) {
#if LT_HAVE_X86_ISAS
  if (precision == LT_PRECISION_BF16 && isa == Isa::avx512) {
    const char *variable = getenv("LUTHIER_CPU"), *wanted = variable ? variable : "";
    if (!strcmp(wanted, "avx512")) return avx512::gemm.plain;
    if (f.avx512_bf16) return avx512bf16_tile;
  }
#endif
  (void)f;
  return gemm_kernels(isa).plain;
}

const char *matmul_path(const Cpu &cpu) { return cpu.tile.name; }

}  // namespace luthier::cpu
