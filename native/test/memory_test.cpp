/* Misuse of engines and addresses: a status and a sentence each time, never a crash. */
#include <sys/mman.h>

#include <thread>

#include "cpu/pool.h"
#include "test.h"

using test::Engine;
using test::Tensor;

namespace {

std::string hex(lt_ptr p) {
  char s[32];
  snprintf(s, sizeof s, "0x%llx", (unsigned long long)p);
  return s;
}

TEST(config_errors) {
  lt_engine *e = reinterpret_cast<lt_engine *>(1);
  lt_engine_config c = {"cpu", nullptr, 0, 0, 0, 0};
  c.backend = "vulkan";
  ERROR(lt_engine_create(&e, &c), LT_INVALID, "lt_engine_create: config.backend is vulkan, wanted cpu, cuda or cuda-emulated");
  CHECK(e == nullptr, "out is not NULL after a failure");
  c.backend = nullptr;
  ERROR(lt_backend_probe(&c), LT_INVALID, "lt_backend_probe: config.backend is NULL, wanted cpu, cuda or cuda-emulated");
  c.backend = "cuda";
  ERROR(lt_engine_create(&e, &c), LT_INVALID, "lt_engine_create: config.library is empty, wanted the path of the cuda backend's library");
  c.library = "/nowhere/libluthier_cuda.so";
  CHECK(lt_backend_probe(&c) == LT_UNAVAILABLE && strstr(lt_last_error(), "/nowhere/libluthier_cuda.so"), "%s", lt_last_error());
  c = {"cpu", "x.so", 0, 0, 0, 0};
  ERROR(lt_engine_create(&e, &c), LT_INVALID, "config.library is x.so, wanted NULL: the cpu backend is part of the core library");
  c = {"cpu", nullptr, 1, 0, 0, 0};
  ERROR(lt_engine_create(&e, &c), LT_INVALID, "config.device is 1, wanted 0 for the cpu backend");
  c = {"cpu", nullptr, 0, 5000, 0, 0};
  ERROR(lt_engine_create(&e, &c), LT_INVALID, "config.threads is 5000, wanted 0 (all) to 1024");
  c = {"cpu", nullptr, 0, 1, 7, 0};
  ERROR(lt_engine_create(&e, &c), LT_INVALID, "lt_engine_create: config.precision is 7, wanted LT_PRECISION_FP32 or LT_PRECISION_BF16");
  ERROR(lt_engine_create(nullptr, &c), LT_INVALID, "lt_engine_create: out is NULL");
  ERROR(lt_engine_create(&e, nullptr), LT_INVALID, "lt_engine_create: config is NULL");
}

TEST(engine_handles) {
  lt_engine *e = nullptr;
  const lt_engine_config c = {"cpu", nullptr, 0, 1, 0, 0};
  OK(lt_engine_create(&e, &c));
  OK(lt_engine_destroy(e));
  OK(lt_engine_destroy(nullptr));
  ERROR(lt_engine_destroy(e), LT_INVALID, "lt_engine_destroy: engine is not a live engine: it was destroyed or never created");
  ERROR(lt_synchronize(e), LT_INVALID, "lt_synchronize: engine is not a live engine: it was destroyed or never created");
  ERROR(lt_synchronize(nullptr), LT_INVALID, "lt_synchronize: engine is NULL");
}

TEST(device_info) {
  const Engine e(3);
  lt_device_info info;
  OK(lt_engine_device(e, &info));
  CHECK(info.threads == 3 && info.capability == 0, "%d threads", info.threads);
  CHECK(info.name[0] && info.memory_total > 0 && info.memory_free > 0 && info.memory_free <= info.memory_total, "%s %lld %lld", info.name,
        (long long)info.memory_free, (long long)info.memory_total);
}

TEST(allocations) {
  const Engine e, other;
  lt_ptr p;
  ERROR(lt_alloc(e, &p, 0), LT_INVALID, "lt_alloc: bytes is 0, wanted more than 0");
  ERROR(lt_alloc(e, &p, -1), LT_INVALID, "lt_alloc: bytes is -1, wanted more than 0");
  for (int64_t huge : {int64_t{1} << 46, int64_t{1} << 62, INT64_MAX})
    ERROR(lt_alloc(e, &p, huge), LT_OUT_OF_MEMORY, "lt_alloc: " + std::to_string(huge) + " bytes of host memory could not be had");
  for (int64_t bytes : {int64_t{1}, int64_t{255}, int64_t{4097}, int64_t{3 << 20}}) {
    OK(lt_alloc(e, &p, bytes));
    CHECK(p % 256 == 0, "not aligned");
    OK(lt_zero(e, p, bytes));
    for (uint8_t b : e.download(p, bytes)) CHECK(b == 0);
    ERROR(lt_zero(e, p, bytes + 1), LT_INVALID,
          "lt_zero: dst " + hex(p) + " with " + std::to_string(bytes + 1) + " bytes does not lie in one live allocation of this engine");
    ERROR(lt_zero(other, p, 1), LT_INVALID, "lt_zero: dst " + hex(p) + " with 1 bytes does not lie in one live allocation of this engine");
    ERROR(lt_free(other, p), LT_INVALID, "lt_free: ptr " + hex(p) + " is not the start of a live allocation of this engine");
    ERROR(lt_free(e, p + 1), LT_INVALID, "lt_free: ptr " + hex(p + 1) + " is not the start of a live allocation of this engine");
    OK(lt_free(e, p));
    ERROR(lt_free(e, p), LT_INVALID, "lt_free: ptr " + hex(p) + " is not the start of a live allocation of this engine");
    ERROR(lt_upload(e, p, &p, 1), LT_INVALID, "lt_upload: dst " + hex(p) + " with 1 bytes does not lie in one live allocation of this engine");
  }
  OK(lt_free(e, 0));
  CHECK(lt_download(e, &p, UINT64_MAX - 3, 8) == LT_INVALID, "a range past the end of memory");
}

TEST(transfers) {
  const Engine e;
  const int64_t n = 5 << 20;
  std::vector<uint8_t> data(n);
  for (auto &b : data) b = static_cast<uint8_t>(test::random().next());
  const lt_ptr a = e.upload(data.data(), n), b = e.alloc(n);
  OK(lt_copy(e, b, a, n));
  CHECK(e.download(b, n) == data, "copied bytes differ");
  OK(lt_copy(e, b + 100, b, 100));
  ERROR(lt_copy(e, b + 99, b, 100), LT_INVALID, "lt_copy: dst and src overlap");
  ERROR(lt_copy(e, b, b + 99, 100), LT_INVALID, "lt_copy: dst and src overlap");
  ERROR(lt_upload(e, b, nullptr, 1), LT_INVALID, "lt_upload: host is NULL");
  ERROR(lt_download(e, &data[0], b, -5), LT_INVALID, "lt_download: bytes is -5, wanted 0 or more");
  OK(lt_upload(e, 0, nullptr, 0));
}

TEST(registered_memory_is_read_only) {
  const Engine e;
  const int64_t bytes = 4096;
  void *file = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  lt_ptr p, again;
  OK(lt_register(e, &p, file, bytes));
  CHECK(e.download(p, bytes)[5] == 0);
  ERROR(lt_zero(e, p, 4), LT_INVALID, "lt_zero: dst " + hex(p) + " is registered host memory, which is read-only");
  const lt_tensor inside = {p, 2, 4, 4, LT_F32, 0};
  const Tensor x(e, 2, 4, {1, 2, 3, 4, 5, 6, 7, 8});
  ERROR(lt_cast(e, &inside, x), LT_INVALID, "lt_cast: y at " + hex(p) + " is registered host memory, which is read-only");
  OK(lt_cast(e, x, &inside));
  CHECK(lt_register(e, &again, static_cast<char *>(file) + 4095, 8) == LT_INVALID && strstr(lt_last_error(), "overlaps a live"), "%s", lt_last_error());
  CHECK(lt_register(e, &again, static_cast<char *>(file) - 8, 16) == LT_INVALID && strstr(lt_last_error(), "overlaps a live"), "%s", lt_last_error());
  OK(lt_free(e, p));
  ERROR(lt_cast(e, x, &inside), LT_INVALID, "lt_cast: x at " + hex(p) + " with 32 bytes does not lie in one live allocation of this engine");
  munmap(file, bytes);
}

TEST(workspace) {
  const Engine e(2);
  const Tensor ids(e, 1, 1, LT_I32), logits(e, 1, 1000, test::random().normals(1000));
  const lt_sample_params p = {1, 2, 0, 1, 0, 1, 0, 0};
  ERROR(lt_sample(e, ids, logits, nullptr, &p), LT_OUT_OF_MEMORY,
        "lt_sample: needs a workspace of 8064 bytes, has 0: give it more with lt_set_workspace");
  lt_limits limits = {};
  limits.vocab = 1000;
  int64_t bytes;
  OK(lt_workspace_bytes(e, &bytes, &limits));
  const lt_ptr w = e.alloc(bytes);
  ERROR(lt_set_workspace(e, w + 16, 8), LT_INVALID, "lt_set_workspace: workspace " + hex(w + 16) + " is not aligned to 256 bytes");
  CHECK(lt_set_workspace(e, w, bytes + 1) == LT_INVALID);
  OK(lt_set_workspace(e, w, bytes));
  OK(lt_sample(e, ids, logits, nullptr, &p));
  OK(lt_free(e, w)); /* takes the workspace away with it */
  CHECK(lt_sample(e, ids, logits, nullptr, &p) == LT_OUT_OF_MEMORY, "a freed workspace was used");
  limits.tokens = -1;
  ERROR(lt_workspace_bytes(e, &bytes, &limits), LT_INVALID, "lt_workspace_bytes: limits.tokens is -1, wanted 0 to 1099511627776");
}

TEST(last_error_is_per_thread) {
  CHECK(lt_synchronize(nullptr) == LT_INVALID);
  std::string other = "?";
  std::thread([&] { other = lt_last_error(); }).join();
  CHECK(other.empty(), "another thread sees: %s", other.c_str());
  CHECK(strcmp(lt_last_error(), "lt_synchronize: engine is NULL") == 0);
}

TEST(pool_runs_every_unit_once) {
  for (int threads : {1, 2, 3, 7}) {
    luthier::cpu::Pool pool(threads);
    for (int64_t n : {0, 1, 2, 3, 100, 5000}) {
      std::vector<std::atomic<int>> seen(n);
      pool.parallel_for(n, [&](int64_t i, int worker) {
        CHECK(worker >= 0 && worker < threads);
        seen[i]++;
        pool.parallel_for(2, [&](int64_t, int inner) { CHECK(inner == worker, "a nested unit ran elsewhere"); });
      });
      for (auto &s : seen) CHECK(s == 1);
    }
    for (int round = 0; round < 200; round++) {
      std::atomic<int64_t> sum{0};
      pool.parallel_chunks(103, 10, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
      CHECK(sum == 103);
    }
    bool thrown = false;
    try {
      pool.parallel_for(50, [](int64_t i, int) {
        if (i == 17) throw std::string("seventeen");
      });
    } catch (const std::string &s) {
      thrown = s == "seventeen";
    }
    CHECK(thrown, "the exception of a unit was lost");
    std::atomic<int> after{0};
    pool.parallel_for(10, [&](int64_t, int) { after++; });
    CHECK(after == 10, "the pool does not work after an exception");
  }
}

}  // namespace
