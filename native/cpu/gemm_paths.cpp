#include "gemm_paths.h"

#include "features.h"
#include "ops.h"

namespace luthier::cpu {

const GemmKernels &gemm_kernels(const Cpu &cpu) {
#if LT_HAVE_X86_ISAS
  if (cpu.isa == Isa::avx512) return avx512::gemm;
  if (cpu.isa == Isa::avx2) return avx2::gemm;
#endif
  (void)cpu;
  return base::gemm;
}

const TileKernels &gemm_tile(const Cpu &cpu, int32_t precision) {
#if LT_HAVE_X86_ISAS
  if (precision == LT_PRECISION_BF16 && cpu.isa == Isa::avx512 && cpu.features.avx512_bf16) return avx512bf16_tile;
#endif
  return gemm_kernels(cpu).plain;
}

const char *matmul_path(const Cpu &cpu) { return gemm_tile(cpu, cpu.precision).name; }

}  // namespace luthier::cpu
