/* The engine object behind lt_engine, and the frame in which every function of the C ABI runs. */
#pragma once

#include <atomic>
#include <memory>

#include "backend.h"
#include "luthier.h"
#include "memory.h"
#include "status.h"

namespace luthier::cpu {
struct Cpu;
}

struct lt_engine {
  luthier::Backend backend{};
  lt_engine_config config{}; /* strings are not kept */
  bool on_cpu = false;
  luthier::Allocations allocations;
  lt_ptr workspace = 0;
  bool broken = false; /* a call ended in LT_DEVICE_ERROR */
  std::atomic<bool> busy{false};
  void *library = nullptr; /* of dlopen; stays loaded: driver libraries do not like to be unloaded */
  std::unique_ptr<luthier::cpu::Cpu> host; /* threads for host work of an engine on another device, made when needed */

  ~lt_engine();
  luthier::cpu::Cpu &host_cpu();
};

namespace luthier {

/* Marks the engine as in use for one call; LT_INVALID when it is null, destroyed, broken, or used by another thread. */
class Session {
 public:
  Session(lt_engine *engine, const char *op, bool even_broken = false);
  ~Session() { engine_->busy.store(false, std::memory_order_release); }
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

 private:
  lt_engine *engine_;
};

/* Runs body at the edge of the library: no exception leaves. */
template <class F>
lt_status guarded(const char *op, F &&body) noexcept {
  try {
    return body();
  } catch (...) {
    return status_of_exception(op);
  }
}

/* The same with the engine in use; notes a device that failed. */
template <class F>
lt_status with_engine(lt_engine *engine, const char *op, F &&body) noexcept {
  return guarded(op, [&] {
    Session session(engine, op);
    lt_status status;
    try {
      status = body(*engine);
    } catch (...) {
      status = status_of_exception(op);
    }
    if (status == LT_DEVICE_ERROR) engine->broken = true;
    return status;
  });
}

/* The backend's function, or LT_UNSUPPORTED when it has none. */
template <class F>
F available(F function, const char *op) {
  if (!function) fail(LT_UNSUPPORTED, "%s: this engine's backend does not have it", op);
  return function;
}

}  // namespace luthier
