/* The live allocations of an engine: every address that a call passes is looked up here before anybody uses it. */
#pragma once

#include <cstdint>
#include <map>

#include "luthier.h"

namespace luthier {

class Allocations {
 public:
  struct Range {
    int64_t bytes;
    bool registered; /* the caller's host memory: read-only to the ops */
  };

  void add(lt_ptr start, Range);
  void remove(lt_ptr start) { ranges_.erase(start); }
  /* The allocation that starts at p, or null. */
  const Range *starting_at(lt_ptr p) const;
  /* The allocation that holds all of [p, p + bytes), or null. bytes >= 0. */
  const Range *holding(lt_ptr p, int64_t bytes) const;
  /* Does [p, p + bytes) touch a live allocation? */
  bool touches(lt_ptr p, int64_t bytes) const;

 private:
  std::map<lt_ptr, Range> ranges_;
};

}  // namespace luthier
