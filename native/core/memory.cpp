#include "memory.h"

namespace luthier {

void Allocations::add(lt_ptr start, Range range) { ranges_[start] = range; }

const Allocations::Range *Allocations::starting_at(lt_ptr p) const {
  const auto it = ranges_.find(p);
  return it == ranges_.end() ? nullptr : &it->second;
}

const Allocations::Range *Allocations::holding(lt_ptr p, int64_t bytes) const {
  auto it = ranges_.upper_bound(p);
  if (it == ranges_.begin()) return nullptr;
  --it;
  const uint64_t offset = p - it->first, size = static_cast<uint64_t>(it->second.bytes);
  return offset <= size && static_cast<uint64_t>(bytes) <= size - offset ? &it->second : nullptr;
}

bool Allocations::touches(lt_ptr p, int64_t bytes) const {
  const auto it = ranges_.lower_bound(p);
  if (it != ranges_.end() && it->first - p < static_cast<uint64_t>(bytes)) return true;
  return holding(p, 0) && holding(p, 1);
}

}  // namespace luthier
