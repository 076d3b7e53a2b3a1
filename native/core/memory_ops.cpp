/* lt_alloc to lt_set_workspace: memory of the engine and its workspace. */
#include "engine.h"
#include "types.h"

using namespace luthier;

namespace {

void positive(const char *op, int64_t bytes) {
  if (bytes <= 0) fail(LT_INVALID, "%s: bytes is %lld, wanted more than 0", op, (long long)bytes);
}

/* [p, p + bytes) lies in one live allocation. */
const Allocations::Range &live(const lt_engine &e, const char *op, const char *name, lt_ptr p, int64_t bytes) {
  const auto *range = e.allocations.holding(p, bytes);
  if (!range)
    fail(LT_INVALID, "%s: %s 0x%llx with %lld bytes does not lie in one live allocation of this engine", op, name, (unsigned long long)p,
         (long long)bytes);
  return *range;
}

void writable(const lt_engine &e, const char *op, const char *name, lt_ptr p, int64_t bytes) {
  if (live(e, op, name, p, bytes).registered)
    fail(LT_INVALID, "%s: %s 0x%llx is registered host memory, which is read-only", op, name, (unsigned long long)p);
}

void transfer(const char *op, const void *host, int64_t bytes) {
  if (bytes < 0) fail(LT_INVALID, "%s: bytes is %lld, wanted 0 or more", op, (long long)bytes);
  if (!host && bytes > 0) fail(LT_INVALID, "%s: host is NULL", op);
}

}  // namespace

extern "C" {

lt_status lt_alloc(lt_engine *engine, lt_ptr *out, int64_t bytes) {
  return with_engine(engine, "lt_alloc", [&](lt_engine &e) {
    if (!out) fail(LT_INVALID, "lt_alloc: out is NULL");
    *out = 0;
    positive("lt_alloc", bytes);
    lt_ptr p = 0;
    const lt_status status = available(e.backend.alloc, "lt_alloc")(e.backend.self, p, bytes);
    if (status != LT_OK) return status;
    try {
      e.allocations.add(p, {bytes, false});
    } catch (...) {
      e.backend.free(e.backend.self, p, bytes);
      throw;
    }
    *out = p;
    return status;
  });
}

lt_status lt_register(lt_engine *engine, lt_ptr *out, const void *host, int64_t bytes) {
  return with_engine(engine, "lt_register", [&](lt_engine &e) {
    if (!out) fail(LT_INVALID, "lt_register: out is NULL");
    *out = 0;
    positive("lt_register", bytes);
    if (!host) fail(LT_INVALID, "lt_register: host is NULL");
    const auto address = reinterpret_cast<lt_ptr>(host);
    if (address + static_cast<uint64_t>(bytes) < address)
      fail(LT_INVALID, "lt_register: host %p with %lld bytes runs past the end of memory", host, (long long)bytes);
    lt_ptr p = 0;
    const lt_status status = available(e.backend.register_host, "lt_register")(e.backend.self, p, host, bytes);
    if (status != LT_OK) return status;
    if (e.allocations.touches(p, bytes)) {
      e.backend.unregister_host(e.backend.self, p, bytes);
      fail(LT_INVALID, "lt_register: host %p with %lld bytes overlaps a live allocation or registration of this engine", host, (long long)bytes);
    }
    try {
      e.allocations.add(p, {bytes, true});
    } catch (...) {
      e.backend.unregister_host(e.backend.self, p, bytes);
      throw;
    }
    *out = p;
    return status;
  });
}

lt_status lt_free(lt_engine *engine, lt_ptr ptr) {
  return with_engine(engine, "lt_free", [&](lt_engine &e) {
    if (ptr == 0) return static_cast<lt_status>(LT_OK);
    const auto *range = e.allocations.starting_at(ptr);
    if (!range) fail(LT_INVALID, "lt_free: ptr 0x%llx is not the start of a live allocation of this engine", (unsigned long long)ptr);
    const auto [bytes, registered] = *range;
    const auto release = registered ? e.backend.unregister_host : e.backend.free;
    lt_status status;
    if (e.workspace && ptr <= e.workspace && e.workspace - ptr < static_cast<uint64_t>(bytes)) {
      /* The ops must not keep what is gone. */
      e.workspace = 0;
      status = e.backend.set_workspace(e.backend.self, 0, 0);
      if (status != LT_OK) return status;
    }
    status = available(release, "lt_free")(e.backend.self, ptr, bytes);
    if (status == LT_OK) e.allocations.remove(ptr);
    return status;
  });
}

lt_status lt_upload(lt_engine *engine, lt_ptr dst, const void *host, int64_t bytes) {
  return with_engine(engine, "lt_upload", [&](lt_engine &e) {
    transfer("lt_upload", host, bytes);
    if (bytes == 0) return static_cast<lt_status>(LT_OK);
    writable(e, "lt_upload", "dst", dst, bytes);
    return available(e.backend.upload, "lt_upload")(e.backend.self, dst, host, bytes);
  });
}

lt_status lt_download(lt_engine *engine, void *host, lt_ptr src, int64_t bytes) {
  return with_engine(engine, "lt_download", [&](lt_engine &e) {
    transfer("lt_download", host, bytes);
    if (bytes == 0) return static_cast<lt_status>(LT_OK);
    live(e, "lt_download", "src", src, bytes);
    return available(e.backend.download, "lt_download")(e.backend.self, host, src, bytes);
  });
}

lt_status lt_copy(lt_engine *engine, lt_ptr dst, lt_ptr src, int64_t bytes) {
  return with_engine(engine, "lt_copy", [&](lt_engine &e) {
    if (bytes < 0) fail(LT_INVALID, "lt_copy: bytes is %lld, wanted 0 or more", (long long)bytes);
    if (bytes == 0) return static_cast<lt_status>(LT_OK);
    writable(e, "lt_copy", "dst", dst, bytes);
    live(e, "lt_copy", "src", src, bytes);
    if ((dst >= src ? dst - src : src - dst) < static_cast<uint64_t>(bytes)) fail(LT_INVALID, "lt_copy: dst and src overlap");
    return available(e.backend.copy, "lt_copy")(e.backend.self, dst, src, bytes);
  });
}

lt_status lt_zero(lt_engine *engine, lt_ptr dst, int64_t bytes) {
  return with_engine(engine, "lt_zero", [&](lt_engine &e) {
    if (bytes < 0) fail(LT_INVALID, "lt_zero: bytes is %lld, wanted 0 or more", (long long)bytes);
    if (bytes == 0) return static_cast<lt_status>(LT_OK);
    writable(e, "lt_zero", "dst", dst, bytes);
    return available(e.backend.zero, "lt_zero")(e.backend.self, dst, bytes);
  });
}

lt_status lt_workspace_bytes(lt_engine *engine, int64_t *out, const lt_limits *limits) {
  return with_engine(engine, "lt_workspace_bytes", [&](lt_engine &e) {
    if (!out || !limits) fail(LT_INVALID, "lt_workspace_bytes: %s is NULL", out ? "limits" : "out");
    *out = 0;
    const struct {
      const char *name;
      int64_t value;
      int64_t most; /* so that no product of a few of them overflows */
    } fields[] = {{"tokens", limits->tokens, 1ll << 40}, {"features", limits->features, 1ll << 32}, {"hidden", limits->hidden, 1ll << 32},
                  {"vocab", limits->vocab, 1ll << 32},   {"sequences", limits->sequences, 1ll << 32}, {"heads", limits->heads, 1 << 16},
                  {"head_dim", limits->head_dim, 1 << 16}, {"rank", limits->rank, 1 << 20},          {"reserved", limits->reserved, 0}};
    for (const auto &f : fields)
      if (f.value < 0 || f.value > f.most)
        fail(LT_INVALID, "lt_workspace_bytes: limits.%s is %lld, wanted 0 to %lld", f.name, (long long)f.value, (long long)f.most);
    return available(e.backend.workspace_bytes, "lt_workspace_bytes")(e.backend.self, *out, *limits);
  });
}

lt_status lt_set_workspace(lt_engine *engine, lt_ptr workspace, int64_t bytes) {
  return with_engine(engine, "lt_set_workspace", [&](lt_engine &e) {
    if (bytes < 0) fail(LT_INVALID, "lt_set_workspace: bytes is %lld, wanted 0 or more", (long long)bytes);
    if (workspace % 256 != 0)
      fail(LT_INVALID, "lt_set_workspace: workspace 0x%llx is not aligned to 256 bytes", (unsigned long long)workspace);
    if (workspace == 0 && bytes != 0) fail(LT_INVALID, "lt_set_workspace: workspace is 0, wanted an allocation of %lld bytes", (long long)bytes);
    if (workspace) writable(e, "lt_set_workspace", "workspace", workspace, bytes);
    const lt_status status = available(e.backend.set_workspace, "lt_set_workspace")(e.backend.self, workspace, bytes);
    if (status == LT_OK) e.workspace = workspace;
    return status;
  });
}

}  // extern "C"
