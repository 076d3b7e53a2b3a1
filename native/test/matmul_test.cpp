/* lt_matmul and lt_dmatmul against fp64: every type of weights, sizes on both sides of every block, strides, modes; the same bytes for any
 * number of threads. */
#include <cstdlib>

#include "weights.h"

using test::Engine;
using test::Tensor;
using test::Weights;
using Values = std::vector<float>;

namespace {

struct Shape {
  int64_t t, in, out;
};

/* y (mode) x W^T and dx (mode) dy W of one shape. */
void check_products(const Engine &e, int32_t precision, const Weights &w, int64_t t, int32_t act, int32_t y_dtype, int32_t mode) {
  const int64_t in = w.m.cols, out = w.m.rows;
  char what[200];
  snprintf(what, sizeof what, "precision %d, type %d, [%lld, %lld] x [%lld, %lld], act %d, y %d, mode %d", precision, w.m.type, (long long)t,
           (long long)in, (long long)out, (long long)in, act, y_dtype, mode);
  const double tolerance = test::product_tolerance(precision);
  const auto x = test::rounded(act, test::random().normals(t * in)), before = test::rounded(y_dtype, test::random().normals(t * out));
  {
    const Tensor X(e, t, in, x, act, 3), Y(e, t, out, before, y_dtype, 5);
    OK(lt_matmul(e, Y, X, w, mode));
    test::Sums want(t, out);
    if (mode == LT_ADD) test::add_rows(want, before);
    test::add_product(want, in, x, false, w.values, true);
    test::check_sums(Y.floats(), want, tolerance, y_dtype, what);
  }
  const auto dy = test::rounded(act, test::random().normals(t * out)), dx0 = test::rounded(act, test::random().normals(t * in));
  const Tensor DY(e, t, out, dy, act, 1), DX(e, t, in, dx0, act, 2);
  OK(lt_dmatmul(e, DX, DY, w, mode));
  test::Sums want(t, in);
  if (mode == LT_ADD) test::add_rows(want, dx0);
  test::add_product(want, out, dy, false, w.values, false);
  test::check_sums(DX.floats(), want, tolerance, act, what);
}

TEST(matmul_sizes) {
  const int64_t sizes[] = {1, 2, 3, 5, 8, 9, 16, 17, 31, 33, 64, 65, 130};
  for (int32_t precision : test::kPrecisions) {
    for (int64_t t : sizes)
      for (int64_t in : sizes) {
        const Engine e(2, precision);
        e.give_workspace(test::kLimits);
        const int64_t out = sizes[test::random().below(13)];
        const Weights w(e, test::random().below(2) ? LT_F32 : LT_NF4, out, in, 1, test::random().below(2));
        check_products(e, precision, w, t, test::kActs[test::random().below(3)], LT_F32, static_cast<int32_t>(test::random().below(2)));
      }
  }
}

/* Several blocks of K and of N, with ragged ends. */
TEST(matmul_blocks) {
  const Shape shapes[] = {{3, 1100, 300}, {30, 1100, 531}, {77, 513, 512}, {14, 1025, 1030}, {260, 64, 700}};
  for (int32_t precision : test::kPrecisions)
    for (const Shape &s : shapes) {
      const Engine e(2, precision);
      e.give_workspace(test::kLimits);
      check_products(e, precision, Weights(e, LT_BF16, s.out, s.in), s.t, LT_F32, LT_F32, LT_SET);
    }
}

TEST(matmul_types) {
  for (int32_t precision : test::kPrecisions)
    for (int32_t type : test::weight_types())
      for (int64_t t : {1, 4, 40}) {
        const Engine e(2, precision);
        e.give_workspace(test::kLimits);
        const int32_t act = test::kActs[test::random().below(3)];
        const Weights w(e, type, 67, 768);
        check_products(e, precision, w, t, act, act, LT_ADD);
        check_products(e, precision, w, t, act, act, LT_SET);
      }
}

/* More rows than are packed at a time. */
TEST(matmul_many_rows) {
  for (int32_t precision : test::kPrecisions) {
    const Engine e(2, precision);
    lt_limits limits = test::kLimits;
    limits.tokens = 2100;
    e.give_workspace(limits);
    check_products(e, precision, Weights(e, LT_F32, 20, 40), 2100, LT_F32, LT_F32, LT_ADD);
  }
}

TEST(matmul_threads) {
  for (int32_t precision : test::kPrecisions)
    for (const Shape &s : {Shape{1, 600, 300}, Shape{100, 600, 300}, Shape{100, 300, 20}, Shape{9, 40, 1300}}) {
      const auto x = test::random().normals(s.t * s.in), weights = test::random().normals(s.out * s.in);
      std::vector<uint8_t> first[2];
      for (int threads = 1; threads <= 5; threads++) {
        const Engine e(threads, precision);
        e.give_workspace(test::kLimits);
        const Tensor X(e, s.t, s.in, x), Y(e, s.t, s.out), W(e, s.out, s.in, weights, LT_BF16), DX(e, s.t, s.in);
        const lt_matrix w = {W.t.data, 0, 0, s.out, s.in, LT_BF16, 0};
        OK(lt_matmul(e, Y, X, &w, LT_SET));
        OK(lt_dmatmul(e, DX, Y, &w, LT_SET));
        if (threads == 1) first[0] = Y.bytes(), first[1] = DX.bytes();
        CHECK(Y.bytes() == first[0] && DX.bytes() == first[1], "%d threads give other bytes than 1", threads);
      }
    }
}

/* The environment variable for one scope. */
class Path {
 public:
  explicit Path(const char *name) {
    const char *now = getenv("LUTHIER_CPU");
    if (now) before_ = now;
    had_ = now != nullptr;
    setenv("LUTHIER_CPU", name, 1);
  }
  ~Path() { had_ ? setenv("LUTHIER_CPU", before_.c_str(), 1) : unsetenv("LUTHIER_CPU"); }

 private:
  std::string before_;
  bool had_;
};

/* fp32: wherever a product and a sum are one operation. bf16: everywhere but with AMX, whose sums have another order; the products of bf16
 * values are exact in fp32, fused or not. */
TEST(matmul_paths_agree) {
  for (int32_t precision : test::kPrecisions)
    for (int64_t t : {9, 100}) {
      const int64_t in = 1101, out = 70;
      const auto x = test::random().normals(t * in), weights = test::random().normals(out * in);
      std::vector<uint8_t> first[2];
      int engines = 0;
      for (const char *path : {"base", "avx2", "avx512", "avx512bf16"}) {
        if (precision == LT_PRECISION_FP32 && !strcmp(path, "base")) continue;
        const Path forced(path);
        const lt_engine_config config = {"cpu", nullptr, 0, 1, precision, 0};
        if (lt_backend_probe(&config) == LT_UNAVAILABLE) continue;
        const Engine e(1, precision);
        e.give_workspace(test::kLimits);
        const Tensor X(e, t, in, x), Y(e, t, out), W(e, out, in, weights), DX(e, t, in);
        const lt_matrix w = {W.t.data, 0, 0, out, in, LT_F32, 0};
        OK(lt_matmul(e, Y, X, &w, LT_SET));
        OK(lt_dmatmul(e, DX, Y, &w, LT_SET));
        if (engines++ == 0) first[0] = Y.bytes(), first[1] = DX.bytes();
        CHECK(Y.bytes() == first[0] && DX.bytes() == first[1], "%s gives other bytes, precision %d", path, precision);
      }
    }
}

TEST(matmul_without_workspace) {
  const Engine e;
  const Tensor x(e, 100, 64, Values(6400, 1)), y(e, 100, 8);
  const Weights w(e, LT_F32, 8, 64);
  CHECK(lt_matmul(e, y, x, w, LT_SET) == LT_OUT_OF_MEMORY, "%s", lt_last_error());
  CHECK(strstr(lt_last_error(), "lt_matmul: needs a workspace of "), "%s", lt_last_error());
}

}  // namespace
