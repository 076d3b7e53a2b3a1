#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../core/status.h"

namespace luthier::cpu {
namespace {

constexpr int64_t kAlign = 256;
constexpr int64_t kHugePage = 2 << 20;

void release(void *base, int64_t mapped) {
  if (mapped)
    munmap(base, mapped);
  else
    ::free(base);
}

/* The number in the first line of a file; -1 when there is none ("max"). */
int64_t read_number(const std::string &path) {
  FILE *f = fopen(path.c_str(), "re");
  if (!f) return -1;
  int64_t value;
  if (fscanf(f, "%" SCNd64, &value) != 1) value = -1;
  fclose(f);
  return value;
}

}  // namespace

Heap::~Heap() {
  for (auto &p : pieces_) release(p.second.base, p.second.mapped);
}

void *Heap::alloc(int64_t bytes) {
  Piece piece{nullptr, 0};
  void *at = nullptr;
  if (bytes < kHugePage) {
    at = piece.base = aligned_alloc(kAlign, (bytes + kAlign - 1) / kAlign * kAlign);
  } else if (bytes <= INT64_MAX / 2) {
    piece.mapped = bytes + kHugePage;
    void *p = mmap(nullptr, piece.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED) {
      piece.base = p;
      at = reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(p) + kHugePage - 1) / kHugePage * kHugePage);
      madvise(at, bytes, MADV_HUGEPAGE);
    }
  }
  if (!at) fail(LT_OUT_OF_MEMORY, "lt_alloc: %lld bytes of host memory could not be had", (long long)bytes);
  try {
    pieces_.emplace(at, piece);
  } catch (...) {
    release(piece.base, piece.mapped);
    throw;
  }
  return at;
}

void Heap::free(void *p) {
  const auto it = pieces_.find(p);
  if (it == pieces_.end()) return;
  release(it->second.base, it->second.mapped);
  pieces_.erase(it);
}

void host_memory(int64_t &total, int64_t &free) {
  total = free = 0;
  if (FILE *f = fopen("/proc/meminfo", "re")) {
    char line[256];
    int64_t kib;
    while (fgets(line, sizeof line, f)) {
      if (sscanf(line, "MemTotal: %" SCNd64, &kib) == 1) total = kib * 1024;
      if (sscanf(line, "MemAvailable: %" SCNd64, &kib) == 1) free = kib * 1024;
    }
    fclose(f);
  }
  /* A container's own limit, where it is tighter. */
  std::string group;
  if (FILE *f = fopen("/proc/self/cgroup", "re")) {
    char line[4096];
    while (fgets(line, sizeof line, f)) {
      line[strcspn(line, "\n")] = 0;
      if (strncmp(line, "0::", 3) == 0) group = line + 3;
    }
    fclose(f);
  }
  while (!group.empty()) {
    const std::string base = "/sys/fs/cgroup" + (group == "/" ? "" : group);
    const int64_t limit = read_number(base + "/memory.max"), used = read_number(base + "/memory.current");
    if (limit >= 0) {
      total = std::min(total, limit);
      if (used >= 0) free = std::min(free, std::max<int64_t>(0, limit - used));
    }
    if (group == "/") break;
    group.resize(std::max<size_t>(1, group.rfind('/')));
  }
}

}  // namespace luthier::cpu
