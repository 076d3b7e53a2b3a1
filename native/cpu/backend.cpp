/* The CPU backend's entry in the backend table, and the parts of it that compute nothing. */
#include "backend.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "../core/status.h"
#include "memory.h"
#include "ops.h"

namespace luthier::cpu {
namespace {

struct State {
  Cpu cpu;
  Heap heap;
};

State &state(void *self) { return *static_cast<State *>(self); }

/* Table entries made of the ops: Op<&f> for a function of ops.h, Op<&Kernels::f> for one compiled for each Isa. */
template <auto F>
struct Op;

template <class... A, void (*F)(Cpu &, A...)>
struct Op<F> {
  static lt_status call(void *self, A... args) {
    F(state(self).cpu, args...);
    return LT_OK;
  }
};

template <class... A, void (*Kernels::*F)(Cpu &, A...)>
struct Op<F> {
  static lt_status call(void *self, A... args) {
    Cpu &cpu = state(self).cpu;
    (cpu.kernels.*F)(cpu, args...);
    return LT_OK;
  }
};

void close(void *self) { delete &state(self); }

lt_status device(void *self, lt_device_info &out) {
  const Cpu &cpu = state(self).cpu;
  snprintf(out.name, sizeof out.name, "%s", cpu.features.brand);
  describe(cpu.features, out.features, sizeof out.features);
  snprintf(out.matmul, sizeof out.matmul, "%s", matmul_path(cpu));
  host_memory(out.memory_total, out.memory_free);
  out.threads = cpu.pool.threads();
  return LT_OK;
}

lt_status synchronize(void *) { return LT_OK; }

lt_status alloc(void *self, lt_ptr &out, int64_t bytes) {
  out = reinterpret_cast<lt_ptr>(state(self).heap.alloc(bytes));
  return LT_OK;
}

lt_status free(void *self, lt_ptr p, int64_t) {
  state(self).heap.free(ptr<void>(p));
  return LT_OK;
}

lt_status register_host(void *, lt_ptr &out, const void *host, int64_t) {
  out = reinterpret_cast<lt_ptr>(host);
  return LT_OK;
}

lt_status unregister_host(void *, lt_ptr, int64_t) { return LT_OK; }

/* Bytes of one unit of work where memory is moved: large enough to be worth a thread's waking. */
constexpr int64_t kCopyGrain = 1 << 20;

void move(Cpu &cpu, void *dst, const void *src, int64_t bytes) {
  cpu.pool.parallel_chunks(bytes, kCopyGrain, [&](int64_t begin, int64_t end, int) {
    memcpy(static_cast<char *>(dst) + begin, static_cast<const char *>(src) + begin, end - begin);
  });
}

lt_status upload(void *self, lt_ptr dst, const void *host, int64_t bytes) {
  move(state(self).cpu, ptr<void>(dst), host, bytes);
  return LT_OK;
}

lt_status download(void *self, void *host, lt_ptr src, int64_t bytes) {
  move(state(self).cpu, host, ptr<void>(src), bytes);
  return LT_OK;
}

lt_status copy(void *self, lt_ptr dst, lt_ptr src, int64_t bytes) {
  move(state(self).cpu, ptr<void>(dst), ptr<void>(src), bytes);
  return LT_OK;
}

lt_status zero(void *self, lt_ptr dst, int64_t bytes) {
  state(self).cpu.pool.parallel_chunks(bytes, kCopyGrain, [&](int64_t begin, int64_t end, int) { memset(ptr<char>(dst) + begin, 0, end - begin); });
  return LT_OK;
}

lt_status workspace_bytes(void *self, int64_t &out, const lt_limits &limits) {
  /* lt_sample keeps a row of probabilities for each thread. */
  const Cpu &cpu = state(self).cpu;
  out = std::max(cpu.pool.threads() * padded(limits.vocab * static_cast<int64_t>(sizeof(float))), matmul_workspace_bytes(cpu, limits));
  return LT_OK;
}

lt_status set_workspace(void *self, lt_ptr workspace, int64_t bytes) {
  state(self).cpu.workspace.set(ptr<char>(workspace), bytes);
  return LT_OK;
}

}  // namespace

void open(Backend *out, const lt_engine_config &config) {
  if (config.library) fail(LT_INVALID, "config.library is %s, wanted NULL: the cpu backend is part of the core library", config.library);
  if (config.device != 0) fail(LT_INVALID, "config.device is %d, wanted 0 for the cpu backend", config.device);
  if (!out) {
    choose_isa(detect_features());
    return;
  }
  Backend t{};
  t.size = sizeof t;
  t.close = close;
  t.device = device;
  t.synchronize = synchronize;
  t.alloc = alloc;
  t.free = free;
  t.register_host = register_host;
  t.unregister_host = unregister_host;
  t.upload = upload;
  t.download = download;
  t.copy = copy;
  t.zero = zero;
  t.workspace_bytes = workspace_bytes;
  t.set_workspace = set_workspace;

  t.nf4_quantize = Op<&Kernels::nf4_quantize>::call;
  t.dequantize = Op<&Kernels::dequantize>::call;
  t.matmul = Op<&cpu::matmul>::call;
  t.dmatmul = Op<&cpu::dmatmul>::call;
  t.lora_matmul = Op<&cpu::lora_matmul>::call;
  t.dlora_matmul = Op<&cpu::dlora_matmul>::call;
  t.lora_merge = Op<&cpu::lora_merge>::call;
  t.head_loss = Op<&cpu::head_loss>::call;
  t.rmsnorm = Op<&Kernels::rmsnorm>::call;
  t.drmsnorm = Op<&Kernels::drmsnorm>::call;
  t.rope = Op<&Kernels::rope>::call;
  t.glu = Op<&Kernels::glu>::call;
  t.dglu = Op<&Kernels::dglu>::call;
  t.add = Op<&Kernels::add>::call;
  t.cast = Op<&Kernels::cast>::call;
  t.softcap = Op<&Kernels::softcap>::call;
  t.gather_rows = Op<&Kernels::gather_rows>::call;
  t.scatter_rows = Op<&Kernels::scatter_rows>::call;
  t.embedding = Op<&Kernels::embedding>::call;
  t.attention = Op<&Kernels::attention>::call;
  t.dattention = Op<&Kernels::dattention>::call;
  t.paged_attention = Op<&Kernels::paged_attention>::call;
  t.grad_norm = Op<&Kernels::grad_norm>::call;
  t.adamw = Op<&Kernels::adamw>::call;
  t.sample = Op<&Kernels::sample>::call;
  t.self = new State{{config.threads, config.precision}, {}};
  *out = t;
}

Cpu &cpu_of(const Backend &backend) { return state(backend.self).cpu; }

}  // namespace luthier::cpu
