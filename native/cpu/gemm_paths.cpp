#include "gemm_paths.h"

#include <time.h>

#include <algorithm>
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

#if LT_HAVE_X86_ISAS
namespace {

/* Seconds of the fastest of a few runs of a tile's whole panel. */
double seconds(const TileKernels &t) {
  constexpr int64_t k = kBlockK, rows = 14, cols = 32;
  alignas(64) static float a[rows * k], b[k * cols], c[rows * cols];
  double best = 1;
  for (int run = 0; run < 10; run++) {
    timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    t.tile(rows, 2, k, a, b, c, cols, true);
    clock_gettime(CLOCK_MONOTONIC, &end);
    best = std::min(best, static_cast<double>(end.tv_sec - start.tv_sec) + 1e-9 * static_cast<double>(end.tv_nsec - start.tv_nsec));
  }
  return best;
}

/* vdpbf16ps has twice the rate of fp32 FMA on AMD's Zen 5 (488 against 264 GFLOP/s on a core) and less than that of FMA on the Intel processor
 * it was tried on. Both give the same bytes, so that the clock may decide. */
bool vdpbf16ps_pays() {
  static const bool pays = seconds(avx512bf16_tile) < seconds(avx512::gemm.plain);
  return pays;
}

}  // namespace
#endif

const TileKernels &choose_tile(const Features &f, Isa isa, int32_t precision) {
#if LT_HAVE_X86_ISAS
  if (precision == LT_PRECISION_BF16 && isa == Isa::avx512) {
    const char *variable = getenv("LUTHIER_CPU"), *wanted = variable ? variable : "";
    if (!strcmp(wanted, "avx512")) return avx512::gemm.plain;
    if (!strcmp(wanted, "avx512bf16")) return avx512bf16_tile;
    if (f.amx_tile && f.amx_bf16 && f.avx512_bf16 && amx_allowed()) return amx_tile;
    if (!strcmp(wanted, "amx")) fail(LT_UNAVAILABLE, "LUTHIER_CPU is amx, but Linux does not let this process use the tiles (arch_prctl)");
    if (f.avx512_bf16 && vdpbf16ps_pays()) return avx512bf16_tile;
  }
#endif
  (void)f;
  (void)precision;
  return gemm_kernels(isa).plain;
}

const char *matmul_path(const Cpu &cpu) { return cpu.tile.name; }

}  // namespace luthier::cpu
