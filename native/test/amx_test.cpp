/* The AMX micro-kernel on a model of the tiles, so that its addresses, strides and tile numbers are tested on any machine; packing and all. */
#include "cpu/gemm_amx.h"

#include "cpu/gemm.h"
#include "cpu/gemm_kernels.h"
#include "cpu/half.h"
#include "cpu/ops.h"
#include "weights.h"

namespace {

/* Eight tiles of 16 rows of 64 bytes, as Intel's manual (SDM volume 2, TDPBF16PS) has them. */
struct Model {
  static inline float f32[8][16][16];
  static uint16_t half(int tile, int row, int i) {
    uint16_t v;
    memcpy(&v, reinterpret_cast<const char *>(f32[tile][row]) + 2 * i, 2);
    return v;
  }
  template <int TILE>
  static void zero() {
    memset(f32[TILE], 0, sizeof f32[TILE]);
  }
  template <int TILE>
  static void load(const void *p, int64_t stride) {
    for (int i = 0; i < 16; i++) memcpy(f32[TILE][i], static_cast<const char *>(p) + i * stride, 64);
  }
  template <int TILE>
  static void store(void *p, int64_t stride) {
    for (int i = 0; i < 16; i++) memcpy(static_cast<char *>(p) + i * stride, f32[TILE][i], 64);
  }
  template <int C, int A, int B>
  static void dot() {
    using luthier::cpu::from_bf16;
    for (int m = 0; m < 16; m++)
      for (int n = 0; n < 16; n++) {
        float even = 0, odd = 0;
        for (int k = 0; k < 16; k++) {
          even += from_bf16(half(A, m, 2 * k)) * from_bf16(half(B, k, 2 * n));
          odd += from_bf16(half(A, m, 2 * k + 1)) * from_bf16(half(B, k, 2 * n + 1));
        }
        f32[C][m][n] += even + odd;
      }
  }
};

const luthier::cpu::TileKernels kModel = {"model of amx", luthier::cpu::amx_any<Model>, true, 32, 16, 16, 2, 32, nullptr, 256};

/* A whole product through packing and tiles, both ways round. */
TEST(amx_model) {
  using namespace luthier::cpu;
  Cpu cpu(1, LT_PRECISION_BF16);
  if (cpu.isa != Isa::avx512) return; /* the packing for AMX is that of avx512 */
  std::vector<char> memory(16 << 20);
  for (int64_t m : {1, 15, 16, 17, 33, 70})
    for (int64_t k : {1, 31, 32, 65, 600})
      for (int64_t n : {1, 16, 17, 40, 300})
        for (bool transposed : {false, true}) {
          const auto x = test::rounded(LT_BF16, test::random().normals(m * k)), w = test::rounded(LT_BF16, test::random().normals(k * n));
          std::vector<float> y(m * n, 777);
          Gemm gemm(cpu, kModel, Rounding::bf16);
          Carver carver{memory.data() + 64 - reinterpret_cast<uintptr_t>(memory.data()) % 64};
          const PackedA a = gemm.lay(carver, m, k);
          gemm.lay_workers(carver, 1, m);
          CHECK(carver.at < memory.data() + memory.size(), "too little memory for the test");
          gemm.pack(cpu.pool, a, {reinterpret_cast<lt_ptr>(x.data()), 0, 0, m, k, LT_F32, 0}, 0, 1);
          const lt_matrix b = {reinterpret_cast<lt_ptr>(w.data()), 0, 0, transposed ? n : k, transposed ? k : n, LT_F32, 0};
          Product product{n, {{a, b, transposed}, {}}, 1, {}};
          product.out.y = {reinterpret_cast<lt_ptr>(y.data()), m, n, n, LT_F32, 0};
          gemm.run(cpu.pool, &product, 1);
          test::Sums want(m, n);
          test::add_product(want, k, x, false, w, transposed);
          char what[60];
          snprintf(what, sizeof what, "%lld x %lld x %lld, %d", (long long)m, (long long)k, (long long)n, transposed);
          test::check_sums(y, want, 2e-6, LT_F32, what);
        }
}

}  // namespace
