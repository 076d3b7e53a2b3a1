#include "cpu.h"

#include <sys/mman.h>

#include <new>

#include "../core/status.h"
#include "expand.h"
#include "gemm_paths.h"
#include "isa.h"
#include "ops.h"

namespace luthier::cpu {
namespace {

constexpr int32_t kMostThreads = 1024;

const Kernels &kernels_for(Isa isa) {
#if defined(LT_HAVE_X86_ISAS)
  if (isa == Isa::avx512) return avx512::kernels;
  if (isa == Isa::avx2) return avx2::kernels;
#endif
  (void)isa;
  return base::kernels;
}

int thread_count(int32_t threads) {
  if (threads < 0 || threads > kMostThreads) fail(LT_INVALID, "config.threads is %d, wanted 0 (all) to %d", threads, kMostThreads);
  return threads ? threads : available_cpus();
}

char *map_scratch(int64_t bytes) {
  void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char *>(p);
}

}  // namespace

Cpu::Cpu(int32_t threads, int32_t wanted_precision)
    : features(detect_features()),
      isa(choose_isa(features)),
      precision(wanted_precision),
      kernels(kernels_for(isa)),
      tile(choose_tile(features, isa, precision)),
      pool(thread_count(threads)),
      scratch_(map_scratch(pool.threads() * kScratchBytes), Unmap{pool.threads() * kScratchBytes}) {}

void Cpu::Unmap::operator()(char *p) const { munmap(p, bytes); }

Carver Workspace::need(const char *op, int64_t bytes) const {
  if (bytes > bytes_)
    fail(LT_OUT_OF_MEMORY, "%s: needs a workspace of %lld bytes, has %lld: give it more with lt_set_workspace", op, (long long)bytes,
         (long long)bytes_);
  return {data_};
}

void expand(const Cpu &cpu, const lt_matrix &w, int64_t row, int64_t col0, int64_t n, float *out) { cpu.kernels.expand(w, row, col0, n, out); }

void expand_bf16(const Cpu &cpu, const lt_matrix &w, int64_t row, int64_t col0, int64_t n, uint16_t *out) {
  cpu.kernels.expand_bf16(w, row, col0, n, out);
}

}  // namespace luthier::cpu
