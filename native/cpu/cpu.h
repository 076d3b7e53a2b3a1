/* The state of one CPU engine: its threads, what the processor can do, its workspace. */
#pragma once

#include <cstdint>
#include <memory>

#include "features.h"
#include "luthier.h"
#include "pool.h"

/* For what the files compiled per Isa share: it must never become a function of its own there (isa.h). */
#define LT_INLINE inline __attribute__((always_inline))

namespace luthier::cpu {

struct Kernels;
struct TileKernels;

/* Every piece that an op takes from the workspace or a worker's scratch starts on a cache line. */
constexpr int64_t kCacheLine = 64;
constexpr int64_t padded(int64_t bytes) { return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine; }

/* Cuts one block of memory into arrays. */
struct Carver {
  char *at;
  template <class T>
  LT_INLINE T *take(int64_t n) {
    T *p = reinterpret_cast<T *>(at);
    at += padded(n * static_cast<int64_t>(sizeof(T)));
    return p;
  }
};

/* The caller's workspace (lt_set_workspace), lent whole to one op at a time. */
class Workspace {
 public:
  void set(char *data, int64_t bytes) {
    data_ = data;
    bytes_ = bytes;
  }
  int64_t bytes() const { return bytes_; }
  /* At least `bytes` of it, 64-byte aligned; LT_OUT_OF_MEMORY in the name of `op` when there is less. */
  Carver need(const char *op, int64_t bytes) const;

 private:
  char *data_ = nullptr;
  int64_t bytes_ = 0;
};

struct Cpu {
  /* threads 0: all available. Throws LT_INVALID or LT_UNAVAILABLE. */
  Cpu(int32_t threads, int32_t precision);

  const Features features;
  const Isa isa;             /* the widest set of instructions the ops were compiled for and this processor has */
  const int32_t precision;   /* LT_PRECISION_... */
  const Kernels &kernels;    /* the ops compiled for isa */
  const TileKernels &tile;   /* the micro-kernel of the matrix products in this precision */
  Workspace workspace;
  Pool pool;

  /* Fixed memory of one worker for use inside a unit of work; contents undefined. */
  static constexpr int64_t kScratchBytes = 1 << 20;
  LT_INLINE Carver scratch(int worker) const { return {scratch_.get() + worker * kScratchBytes}; }

 private:
  struct Unmap {
    int64_t bytes;
    void operator()(char *p) const;
  };
  std::unique_ptr<char, Unmap> scratch_;
};

template <class T>
LT_INLINE T *ptr(lt_ptr p) {
  return reinterpret_cast<T *>(p);
}

}  // namespace luthier::cpu
