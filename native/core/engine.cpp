#include "engine.h"

#include <dlfcn.h>

#include <cstring>
#include <mutex>
#include <unordered_set>

#include "../cpu/backend.h"

namespace luthier {
namespace {

/* Handles that were created and not destroyed: a stale one is refused, not followed. */
std::mutex live_mutex;
std::unordered_set<lt_engine *> &live_engines() {
  static auto *set = new std::unordered_set<lt_engine *>; /* outlives every static destructor */
  return *set;
}

const Host kHost = {[](const char *text) { remember(text); }};

/* config with NULL strings and wild numbers refused. */
const lt_engine_config &checked(const lt_engine_config *config, const char *op) {
  if (!config) fail(LT_INVALID, "%s: config is NULL", op);
  const char *b = config->backend;
  if (!b || (strcmp(b, "cpu") != 0 && strcmp(b, "cuda") != 0 && strcmp(b, "cuda-emulated") != 0))
    fail(LT_INVALID, "%s: config.backend is %s, wanted cpu, cuda or cuda-emulated", op, b ? b : "NULL");
  if (config->device < 0) fail(LT_INVALID, "%s: config.device is %d, wanted 0 or more", op, config->device);
  if (config->threads < 0) fail(LT_INVALID, "%s: config.threads is %d, wanted 0 (all) or more", op, config->threads);
  if (config->precision != LT_PRECISION_FP32 && config->precision != LT_PRECISION_BF16)
    fail(LT_INVALID, "%s: config.precision is %d, wanted LT_PRECISION_FP32 or LT_PRECISION_BF16", op, config->precision);
  if (config->reserved != 0) fail(LT_INVALID, "%s: config.reserved is %d, wanted 0", op, config->reserved);
  return *config;
}

/* Fills *out (or only asks, when out is null) from the core's own backend or from config.library. */
lt_status open_backend(Backend *out, const lt_engine_config &config, const char *op, void **library) {
  if (strcmp(config.backend, "cpu") == 0) {
    cpu::open(out, config);
    return LT_OK;
  }
  if (!config.library || !*config.library)
    fail(LT_INVALID, "%s: config.library is empty, wanted the path of the %s backend's library", op, config.backend);
  void *handle = dlopen(config.library, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *why = dlerror();
    fail(LT_UNAVAILABLE, "%s: the %s backend cannot be loaded: %s", op, config.backend, why ? why : config.library);
  }
  const auto backend_open = reinterpret_cast<BackendOpen>(dlsym(handle, kBackendOpen));
  if (!backend_open) {
    dlclose(handle);
    fail(LT_UNAVAILABLE, "%s: %s is not a backend of this library: it has no %s", op, config.library, kBackendOpen);
  }
  const lt_status status = backend_open(out, &config, &kHost);
  if (status != LT_OK) return status;
  if (out && out->size != sizeof(Backend)) {
    /* Built against another backend.h: not even close() can be trusted. */
    fail(LT_UNAVAILABLE, "%s: %s was built for another version of this library", op, config.library);
  }
  if (library) *library = handle;
  return LT_OK;
}

}  // namespace

Session::Session(lt_engine *engine, const char *op, bool even_broken) : engine_(engine) {
  if (!engine) fail(LT_INVALID, "%s: engine is NULL", op);
  {
    std::lock_guard<std::mutex> lock(live_mutex);
    if (!live_engines().count(engine)) fail(LT_INVALID, "%s: engine is not a live engine: it was destroyed or never created", op);
    if (engine->busy.exchange(true, std::memory_order_acquire))
      fail(LT_INVALID, "%s: engine is in use by another thread: one call at a time", op);
  }
  if (engine->broken && !even_broken) {
    engine->busy.store(false, std::memory_order_release);
    fail(LT_DEVICE_ERROR, "%s: the engine's device failed in an earlier call: destroy the engine", op);
  }
}

}  // namespace luthier

using namespace luthier;

lt_engine::~lt_engine() {
  if (backend.close) backend.close(backend.self);
}

cpu::Cpu &lt_engine::host_cpu() {
  if (on_cpu) return cpu::cpu_of(backend);
  if (!host) host = std::make_unique<cpu::Cpu>(config.threads, LT_PRECISION_FP32);
  return *host;
}

extern "C" {

lt_status lt_backend_probe(const lt_engine_config *config) {
  return guarded("lt_backend_probe", [&] { return open_backend(nullptr, checked(config, "lt_backend_probe"), "lt_backend_probe", nullptr); });
}

lt_status lt_engine_create(lt_engine **out, const lt_engine_config *config) {
  return guarded("lt_engine_create", [&] {
    if (!out) fail(LT_INVALID, "lt_engine_create: out is NULL");
    *out = nullptr;
    auto engine = std::make_unique<lt_engine>();
    engine->config = checked(config, "lt_engine_create");
    Backend backend{};
    const lt_status status = open_backend(&backend, *config, "lt_engine_create", &engine->library);
    if (status != LT_OK) return status;
    engine->backend = backend;
    engine->on_cpu = strcmp(config->backend, "cpu") == 0;
    engine->config.backend = engine->config.library = nullptr;
    std::lock_guard<std::mutex> lock(live_mutex);
    live_engines().insert(engine.get());
    *out = engine.release();
    return static_cast<lt_status>(LT_OK);
  });
}

lt_status lt_engine_destroy(lt_engine *engine) {
  if (!engine) return LT_OK;
  return guarded("lt_engine_destroy", [&] {
    std::unique_ptr<lt_engine> dying;
    {
      Session session(engine, "lt_engine_destroy", true);
      std::lock_guard<std::mutex> lock(live_mutex);
      live_engines().erase(engine);
    }
    dying.reset(engine);
    return static_cast<lt_status>(LT_OK);
  });
}

lt_status lt_engine_device(lt_engine *engine, lt_device_info *out) {
  return with_engine(engine, "lt_engine_device", [&](lt_engine &e) {
    if (!out) fail(LT_INVALID, "lt_engine_device: out is NULL");
    memset(out, 0, sizeof *out);
    return available(e.backend.device, "lt_engine_device")(e.backend.self, *out);
  });
}

lt_status lt_synchronize(lt_engine *engine) {
  return with_engine(engine, "lt_synchronize", [&](lt_engine &e) { return available(e.backend.synchronize, "lt_synchronize")(e.backend.self); });
}

}  // extern "C"
