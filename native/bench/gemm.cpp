/* Speed of the matrix products on this machine: GFLOP/s of training shapes, GB/s of weights at one row.
 * luthier_bench_gemm [threads [parts]]: parts are letters, f or b the precision (both when neither), p large products, s small ones, l LoRA,
 * h the head, d decoding. LUTHIER_CPU chooses the path. */
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "core/types.h"
#include "luthier.h"

namespace {

void check(lt_status s) {
  if (s == LT_OK) return;
  fprintf(stderr, "%s\n", lt_last_error());
  exit(1);
}

class Bench {
 public:
  Bench(int threads, int32_t precision) : threads_(threads) {
    const lt_engine_config config = {"cpu", nullptr, 0, threads, precision, 0};
    check(lt_engine_create(&e_, &config));
    const lt_limits limits = {2048, 16384, 4096, 151936, 1, 32, 128, 64, 0};
    int64_t bytes;
    check(lt_workspace_bytes(e_, &bytes, &limits));
    check(lt_set_workspace(e_, alloc(bytes), bytes));
    lt_device_info info;
    check(lt_engine_device(e_, &info));
    printf("%s, %d threads, %s precision: %s; workspace %.0f MB\n", info.name, info.threads, precision == LT_PRECISION_BF16 ? "bf16" : "fp32",
           info.matmul, bytes / 1e6);
  }
  ~Bench() { lt_engine_destroy(e_); }
  Bench(const Bench &) = delete;

  lt_tensor tensor(int64_t rows, int64_t cols, int32_t dtype, float scale = 1) {
    lt_tensor t = {alloc(rows * cols * luthier::kTypes[dtype].bytes), rows, cols, cols, dtype, 0};
    std::vector<float> x(rows * cols);
    for (auto &v : x) v = scale * (static_cast<float>(next() >> 40) / (1 << 23) - 1);
    if (dtype == LT_F32) {
      check(lt_upload(e_, t.data, x.data(), rows * cols * 4));
      return t;
    }
    const lt_tensor plain = {alloc(rows * cols * 4), rows, cols, cols, LT_F32, 0};
    check(lt_upload(e_, plain.data, x.data(), rows * cols * 4));
    check(lt_cast(e_, &t, &plain));
    check(lt_free(e_, plain.data));
    return t;
  }

  /* Random bytes are fine for blocks but for their scales: zero halves keep every value finite. */
  lt_matrix matrix(int32_t type, int64_t rows, int64_t cols) {
    lt_matrix w = {0, 0, 0, rows, cols, type, 0};
    if (luthier::activation(type)) {
      w.data = tensor(rows, cols, type, 0.02f).data;
    } else if (type == LT_NF4) {
      const int64_t blocks = rows * cols / 64;
      w.data = alloc(rows * cols / 2);
      w.absmax = alloc(blocks);
      w.nested_absmax = alloc((blocks + 255) / 256 * 4);
      const lt_tensor x = tensor(rows, cols, LT_F32, 0.02f);
      check(lt_nf4_quantize(e_, &w, &x));
      check(lt_free(e_, x.data));
    } else {
      const int64_t bytes = rows * cols / luthier::kTypes[type].block * luthier::kTypes[type].bytes;
      std::vector<uint8_t> data(bytes, 1);
      w.data = alloc(bytes);
      check(lt_upload(e_, w.data, data.data(), bytes));
    }
    return w;
  }

  void free(const lt_matrix &w) {
    for (lt_ptr p : {w.data, w.absmax, w.nested_absmax})
      if (p) check(lt_free(e_, p));
  }
  void free(const lt_tensor &t) { check(lt_free(e_, t.data)); }

  /* With one thread its own time, which a busy machine does not stretch. */
  double now() const {
    timespec t;
    clock_gettime(threads_ == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  }

  /* The median of the runs of about half a second, in seconds. */
  template <class F>
  double time(F &&f) {
    f();
    std::vector<double> seconds;
    double total = 0;
    while (total < 0.6 || seconds.size() < 3) {
      const double start = now();
      f();
      seconds.push_back(now() - start);
      total += seconds.back();
    }
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
  }

  operator lt_engine *() const { return e_; }

 private:
  lt_ptr alloc(int64_t bytes) {
    lt_ptr p;
    check(lt_alloc(e_, &p, bytes));
    return p;
  }
  uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    return state_ ^= state_ << 17;
  }
  lt_engine *e_;
  int threads_;
  uint64_t state_ = 88172645463325252;
};

void products(Bench &b, int64_t t, int64_t out, int64_t in, int32_t type, int32_t act) {
  const lt_tensor x = b.tensor(t, in, act), y = b.tensor(t, out, act);
  const lt_matrix w = b.matrix(type, out, in);
  const double flops = 2.0 * static_cast<double>(t) * static_cast<double>(out) * static_cast<double>(in);
  const double forward = b.time([&] { check(lt_matmul(b, &y, &x, &w, LT_SET)); });
  const double backward = b.time([&] { check(lt_dmatmul(b, &x, &y, &w, LT_SET)); });
  printf("  %5lld x %5lld x %5lld  %-5s act %-4s  y %7.1f  dx %7.1f GFLOP/s\n", (long long)t, (long long)out, (long long)in,
         luthier::name(type), luthier::name(act), flops / forward / 1e9, flops / backward / 1e9);
  b.free(x), b.free(y), b.free(w);
}

void decode(Bench &b, int64_t t, int64_t out, int64_t in, int32_t type, int32_t act) {
  const lt_tensor x = b.tensor(t, in, act), y = b.tensor(t, out, act);
  const lt_matrix w = b.matrix(type, out, in);
  const double bytes = static_cast<double>(out * in) / luthier::kTypes[type].block * luthier::kTypes[type].bytes;
  const double seconds = b.time([&] { check(lt_matmul(b, &y, &x, &w, LT_SET)); });
  printf("  %5lld x %5lld x %5lld  %-5s  %6.2f GB/s of weights, %6.1f GFLOP/s\n", (long long)t, (long long)out, (long long)in, luthier::name(type),
         bytes / seconds / 1e9, 2.0 * static_cast<double>(t * out) * static_cast<double>(in) / seconds / 1e9);
  b.free(x), b.free(y), b.free(w);
}

void lora(Bench &b, int64_t t, int64_t in, const std::vector<int64_t> &outs, int64_t r, int32_t type, int32_t act) {
  std::vector<lt_lora_proj> p(outs.size());
  const lt_tensor x = b.tensor(t, in, act), dx = b.tensor(t, in, act);
  double flops = 0;
  for (size_t i = 0; i < outs.size(); i++) {
    p[i] = {};
    p[i].w = b.matrix(type, outs[i], in);
    p[i].a = b.tensor(r, in, LT_F32);
    p[i].b = b.tensor(outs[i], r, LT_F32);
    p[i].xa = b.tensor(t, r, act);
    p[i].da = b.tensor(r, in, LT_F32);
    p[i].db = b.tensor(outs[i], r, LT_F32);
    p[i].y = b.tensor(t, outs[i], act);
    p[i].scale = 1;
    flops += 2.0 * static_cast<double>(t * outs[i]) * static_cast<double>(in);
  }
  const int32_t n = static_cast<int32_t>(p.size());
  const double forward = b.time([&] { check(lt_lora_matmul(b, p.data(), n, &x)); });
  const double backward = b.time([&] { check(lt_dlora_matmul(b, &dx, p.data(), n, &x, LT_SET)); });
  printf("  lora r %lld, %5lld x %5lld, %d projections of %lld...  %-5s  y %7.1f  dx %7.1f GFLOP/s of the base products\n", (long long)r, (long long)t,
         (long long)in, n, (long long)outs[0], luthier::name(type), flops / forward / 1e9, flops / backward / 1e9);
  for (const auto &q : p) {
    b.free(q.w);
    for (const lt_tensor *m : {&q.a, &q.b, &q.xa, &q.da, &q.db, &q.y}) b.free(*m);
  }
  b.free(x), b.free(dx);
}

void head(Bench &b, int64_t t, int64_t h, int64_t v, int32_t type, int32_t act) {
  const lt_tensor x = b.tensor(t, h, act), dx = b.tensor(t, h, act), nll = b.tensor(t, 1, LT_F32);
  const lt_matrix w = b.matrix(type, v, h);
  lt_tensor labels = b.tensor(t, 1, LT_F32);
  labels.dtype = LT_I32;
  std::vector<int32_t> ids(t);
  for (int64_t i = 0; i < t; i++) ids[i] = static_cast<int32_t>(i * 7919 % v);
  check(lt_upload(b, labels.data, ids.data(), t * 4));
  const lt_tensor none = {};
  const lt_head_loss_params p = {1, 0, 0, -100};
  const double forward = b.time([&] { check(lt_head_loss(b, &nll, &none, &none, &x, &w, &labels, &p)); });
  const double both = b.time([&] { check(lt_head_loss(b, &nll, &dx, &none, &x, &w, &labels, &p)); });
  const double flops = 2.0 * static_cast<double>(t * h) * static_cast<double>(v);
  printf("  head %lld x %lld x %lld  %-5s  loss %7.1f  with dx %7.1f GFLOP/s\n", (long long)t, (long long)v, (long long)h, luthier::name(type),
         flops / forward / 1e9, 2 * flops / both / 1e9);
  b.free(x), b.free(dx), b.free(nll), b.free(w), b.free(labels);
}

}  // namespace

int main(int argc, char **argv) {
  const int threads = argc > 1 ? atoi(argv[1]) : 0;
  const char *parts = argc > 2 ? argv[2] : "pslhd";
  const auto has = [&](char c) { return strchr(parts, c) != nullptr; };
  for (int32_t precision : {LT_PRECISION_FP32, LT_PRECISION_BF16}) {
    if (has(precision == LT_PRECISION_BF16 ? 'f' : 'b')) continue;
    Bench b(threads, precision);
    const int32_t act = precision == LT_PRECISION_BF16 ? LT_BF16 : LT_F32;
    if (has('p')) {
      for (int32_t type : {act, int32_t{LT_NF4}, int32_t{LT_Q4_K}}) products(b, 1024, 4096, 4096, type, act);
      products(b, 1024, 896, 896, LT_NF4, act);
      products(b, 1024, 128, 896, LT_NF4, act);
      products(b, 1024, 4864, 896, LT_NF4, act);
      products(b, 1024, 896, 4864, LT_NF4, act);
    }
    if (has('s'))
      for (int64_t t : {16, 64})
        for (int32_t type : {act, int32_t{LT_NF4}, int32_t{LT_Q8_0}, int32_t{LT_Q4_K}}) products(b, t, 4096, 4096, type, act);
    if (has('l')) {
      lora(b, 1024, 896, {896, 128, 128}, 16, LT_NF4, act);
      lora(b, 1024, 896, {4864, 4864}, 16, LT_NF4, act);
      lora(b, 1024, 4864, {896}, 16, LT_NF4, act);
    }
    if (has('h')) head(b, 512, 896, 151936, LT_BF16, act);
    if (has('d')) {
      for (int32_t type : {LT_F32, LT_BF16, LT_F16, LT_NF4, LT_Q8_0, LT_Q4_0, LT_Q4_K, LT_Q6_K}) decode(b, 1, 8192, 8192, type, act);
      decode(b, 4, 8192, 8192, LT_NF4, act);
      decode(b, 8, 8192, 8192, LT_NF4, act);
      for (int32_t type : {LT_F32, LT_BF16, LT_NF4, LT_Q8_0, LT_Q4_K}) decode(b, 1, 896, 1024, type, act);
    }
  }
}
