/* AMX-BF16: the tile kernel on the processor's own tiles, and the kernel's leave to use them. */
#include "gemm_amx.h"

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpu.h"
#include "gemm_kernels.h"
#include "gemm_narrow.h"

namespace luthier::cpu {
namespace {

struct Tiles {
  template <int TILE>
  static void zero();
  template <int TILE>
  static void load(const void *p, int64_t stride);
  template <int TILE>
  static void store(void *p, int64_t stride);
  template <int C, int A, int B>
  static void dot();
};

/* The intrinsics want the number of a tile as a literal. */
#define LT_TILE(n)                                                                                                            \
  template <>                                                                                                                 \
  LT_INLINE void Tiles::zero<n>() {                                                                                           \
    _tile_zero(n);                                                                                                            \
  }                                                                                                                           \
  template <>                                                                                                                 \
  LT_INLINE void Tiles::load<n>(const void *p, int64_t stride) {                                                              \
    _tile_loadd(n, p, stride);                                                                                                \
  }                                                                                                                           \
  template <>                                                                                                                 \
  LT_INLINE void Tiles::store<n>(void *p, int64_t stride) {                                                                   \
    _tile_stored(n, p, stride);                                                                                               \
  }
LT_TILE(0)
LT_TILE(1)
LT_TILE(2)
LT_TILE(3)
LT_TILE(4)
LT_TILE(5)
LT_TILE(6)
LT_TILE(7)
#undef LT_TILE

#define LT_DOT(c, a, b)                     \
  template <>                               \
  LT_INLINE void Tiles::dot<c, a, b>() {    \
    _tile_dpbf16ps(c, a, b);                \
  }
LT_DOT(0, 4, 6)
LT_DOT(1, 4, 7)
LT_DOT(2, 5, 6)
LT_DOT(3, 5, 7)
#undef LT_DOT

/* Eight tiles of 16 rows of 64 bytes. A thread's tiles stay configured: nothing else in this process uses them. */
void configure() {
  static thread_local bool done = false;
  if (done) return;
  struct alignas(64) {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } config;
  /* gcc 12 declares too little memory input for the instruction and would drop the stores above. */
  asm volatile("" ::"r"(&config) : "memory");
  _tile_loadconfig(&config);
  done = true;
}

void tile(int rows, int vectors, int64_t k, const void *a, const void *b, float *c, int64_t ldc, bool first) {
  configure();
  asm volatile("" ::: "memory"); /* the tile intrinsics do not say what memory they touch */
  amx_any<Tiles>(rows, vectors, k, a, b, c, ldc, first);
  asm volatile("" ::: "memory");
}

}  // namespace

const TileKernels amx_tile = {"amx bf16", tile, true, 2 * kTileRows, kTileRows, kTileColumns, 2, 32, narrow_bf16, 256};

bool amx_allowed() {
  constexpr long kRequest = 0x1023, kTileData = 18; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA */
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

}  // namespace luthier::cpu
