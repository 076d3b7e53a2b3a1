/* Host memory for lt_alloc: large pieces on huge pages, everything given back when the engine closes. */
#pragma once

#include <cstdint>
#include <map>

namespace luthier::cpu {

class Heap {
 public:
  Heap() = default;
  ~Heap();
  Heap(const Heap &) = delete;
  Heap &operator=(const Heap &) = delete;

  /* 256-byte aligned; throws LT_OUT_OF_MEMORY. */
  void *alloc(int64_t bytes);
  void free(void *p);

 private:
  struct Piece {
    void *base;       /* as mapped or malloced */
    int64_t mapped;   /* bytes mapped; 0: malloced */
  };
  std::map<void *, Piece> pieces_;
};

/* Bytes this machine or container has, and how many a process could still get. */
void host_memory(int64_t &total, int64_t &free);

}  // namespace luthier::cpu
