/* lt_lora_matmul, lt_dlora_matmul and lt_lora_merge against fp64: groups, absent LoRA, bias and dx, every type of activations. */
#include <memory>

#include "weights.h"

using test::Engine;
using test::Tensor;
using test::Weights;
using Values = std::vector<float>;

namespace {

/* One projection with all it needs, the host's copies beside it. */
struct Projection {
  Projection(const Engine &e, int64_t t, int64_t in, int64_t outs, int64_t r, int32_t act, int32_t type, bool has_bias, float s)
      : out(outs),
        rank(r),
        scale(s),
        w(e, type, outs, in),
        bias(test::random().normals(outs)),
        a(test::random().normals(r * in)),
        b(test::random().normals(outs * r)),
        da(test::random().normals(r * in)),
        db(test::random().normals(outs * r)),
        dy(test::rounded(act, test::random().normals(t * outs))),
        xa(test::rounded(act, test::random().normals(t * r))),
        Y(e, t, outs, act, 3),
        DY(e, t, outs, dy, act, 1),
        XA(e, t, r, xa, act, 2),
        A(e, r, in, a, LT_F32, 1),
        B(e, outs, r, b, LT_F32, 4),
        DA(e, r, in, da, LT_F32, 2),
        DB(e, outs, r, db, LT_F32, 1),
        Bias(e, 1, outs, bias) {
    p.w = w.m;
    if (has_bias)
      p.bias = Bias.t;
    else
      bias.assign(outs, 0);
    p.scale = s;
    p.y = Y.t;
    if (r == 0) return;
    p.a = A.t;
    p.b = B.t;
    p.xa = XA.t;
    p.da = DA.t;
    p.db = DB.t;
  }

  int64_t out, rank;
  float scale;
  Weights w;
  Values bias, a, b, da, db, dy, xa;
  Tensor Y, DY, XA, A, B, DA, DB, Bias;
  lt_lora_proj p{};
};

struct Group {
  int64_t t, in;
  std::vector<int64_t> outs, ranks;
};

const Group kGroups[] = {
    {1, 33, {20}, {3}},          {5, 64, {17, 130, 1}, {4, 0, 2}},     {40, 70, {65, 33, 9}, {16, 16, 16}},
    {33, 600, {70, 5}, {40, 3}}, {90, 48, {31, 20, 20, 8}, {0, 1, 8, 5}}, {17, 20, {12}, {0}},
};

std::vector<std::unique_ptr<Projection>> make(const Engine &e, const Group &g, int32_t act, int32_t type) {
  std::vector<std::unique_ptr<Projection>> all;
  for (size_t i = 0; i < g.outs.size(); i++)
    all.push_back(std::make_unique<Projection>(e, g.t, g.in, g.outs[i], g.ranks[i], act, type, i % 2 == 0, 0.5f + static_cast<float>(i)));
  return all;
}

/* xa is rounded once more than the product of the rounded xa that is compared with. */
void check_forward(int32_t precision, const Group &g, int32_t act, int32_t type) {
  const Engine e(2, precision);
  e.give_workspace(test::kLimits);
  const double tolerance = test::product_tolerance(precision);
  const auto all = make(e, g, act, type);
  const Values x = test::rounded(act, test::random().normals(g.t * g.in));
  const Tensor X(e, g.t, g.in, x, act, 5);
  std::vector<lt_lora_proj> p;
  for (const auto &one : all) p.push_back(one->p);
  OK(lt_lora_matmul(e, p.data(), static_cast<int32_t>(p.size()), X));
  for (const auto &one : all) {
    test::Sums y(g.t, one->out);
    if (one->rank) {
      const Values got = one->XA.floats();
      test::Sums xa(g.t, one->rank);
      test::add_product(xa, g.in, x, false, one->a, true);
      test::check_sums(got, xa, tolerance, act, "xa");
      test::add_product(y, one->rank, got, false, one->b, true, one->scale);
    }
    test::add_rows(y, one->bias);
    test::add_product(y, g.in, x, false, one->w.values, true);
    test::check_sums(one->Y.floats(), y, tolerance, act, "y");
  }
}

void check_backward(int32_t precision, const Group &g, int32_t act, int32_t type, int32_t mode, bool with_dx) {
  const Engine e(2, precision);
  e.give_workspace(test::kLimits);
  /* t is a product that enters others: its own error comes on top. */
  const double tolerance = 3 * test::product_tolerance(precision);
  const auto all = make(e, g, act, type);
  const Values x = test::rounded(act, test::random().normals(g.t * g.in)), dx0 = test::rounded(act, test::random().normals(g.t * g.in));
  const Tensor X(e, g.t, g.in, x, act, 5), DX(e, g.t, g.in, dx0, act, 2);
  std::vector<lt_lora_proj> p;
  for (const auto &one : all) {
    p.push_back(one->p);
    p.back().y = one->DY.t;
  }
  OK(lt_dlora_matmul(e, with_dx ? &DX.t : &test::kAbsent, p.data(), static_cast<int32_t>(p.size()), X, mode));

  test::Sums dx(g.t, g.in);
  if (mode == LT_ADD) test::add_rows(dx, dx0);
  for (const auto &one : all) {
    test::add_product(dx, one->out, one->dy, false, one->w.values, false);
    if (one->rank == 0) continue;
    test::Sums t(g.t, one->rank), da(one->rank, g.in), db(one->out, one->rank);
    test::add_product(t, one->out, one->dy, false, one->b, false, one->scale);
    const Values tf(t.value.begin(), t.value.end()), sizes(t.size.begin(), t.size.end());
    test::add_product(dx, one->rank, tf, false, one->a, false);
    test::add_rows(da, one->da);
    test::add_product(da, g.t, tf, true, x, false);
    /* The errors of t are relative to its own sums of absolute values. */
    const auto add_size = [](test::Sums &c, int64_t k, const Values &l, bool l_transposed, const Values &r) {
      Values absolute = r;
      for (float &v : absolute) v = std::fabs(v);
      test::Sums size(c.rows, c.cols);
      test::add_product(size, k, l, l_transposed, absolute, false);
      for (size_t i = 0; i < c.size.size(); i++) c.size[i] += size.value[i];
    };
    add_size(da, g.t, sizes, true, x);
    add_size(dx, one->rank, sizes, false, one->a);
    test::check_sums(one->DA.floats(), da, tolerance, LT_F32, "da");
    test::add_rows(db, one->db);
    test::add_product(db, g.t, one->dy, true, one->xa, false, one->scale);
    test::check_sums(one->DB.floats(), db, tolerance, LT_F32, "db");
  }
  if (with_dx)
    test::check_sums(DX.floats(), dx, tolerance, act, "dx");
  else
    CHECK(DX.floats() == dx0, "dx was written");
}

TEST(lora_forward) {
  for (int32_t precision : test::kPrecisions)
    for (const Group &g : kGroups)
      for (int32_t act : test::kActs) check_forward(precision, g, act, test::random().below(2) ? LT_NF4 : LT_F32);
}

TEST(lora_backward) {
  for (int32_t precision : test::kPrecisions)
    for (const Group &g : kGroups)
      for (int32_t act : test::kActs)
        for (int32_t mode : {LT_SET, LT_ADD}) {
          check_backward(precision, g, act, test::random().below(2) ? LT_NF4 : LT_BF16, mode, true);
          check_backward(precision, g, act, LT_NF4, mode, false);
        }
}

TEST(lora_threads) {
  const Group g = {70, 200, {90, 20, 33}, {16, 4, 16}};
  for (int32_t precision : test::kPrecisions) {
    std::vector<std::vector<uint8_t>> first;
    const uint64_t seed = test::random().next();
    for (int threads = 1; threads <= 4; threads++) {
      test::random() = test::Random(seed);
      const Engine e(threads, precision);
      e.give_workspace(test::kLimits);
      const auto all = make(e, g, LT_BF16, LT_NF4);
      const Tensor X(e, g.t, g.in, test::random().normals(g.t * g.in), LT_BF16), DX(e, g.t, g.in, LT_BF16);
      std::vector<lt_lora_proj> p;
      for (const auto &one : all) p.push_back(one->p);
      OK(lt_lora_matmul(e, p.data(), 3, X));
      OK(lt_dlora_matmul(e, DX, p.data(), 3, X, LT_SET));
      std::vector<std::vector<uint8_t>> bytes = {DX.bytes()};
      for (const auto &one : all)
        for (const Tensor *t : {&one->Y, &one->XA, &one->DA, &one->DB}) bytes.push_back(t->bytes());
      if (threads == 1) first = bytes;
      CHECK(bytes == first, "%d threads give other bytes than 1", threads);
    }
  }
}

TEST(lora_merge_in_fp32) {
  for (int32_t precision : test::kPrecisions)
    for (int32_t type : {LT_F32, LT_BF16, LT_NF4}) {
      const Engine e(2, precision);
      e.give_workspace(test::kLimits);
      const int64_t rows = 600, in = 130, r = 9, row0 = 61, n = 530;
      const Weights w(e, type, rows, in);
      const Values a = test::random().normals(r * in), b = test::random().normals(rows * r);
      const Tensor A(e, r, in, a, LT_F32, 3), B(e, rows, r, b, LT_F32, 2), Y(e, n, in, LT_F32, 7);
      OK(lt_lora_merge(e, Y, w, row0, A, B, 0.75f));
      test::Sums want(n, in);
      test::add_rows(want, Values(w.values.begin() + row0 * in, w.values.begin() + (row0 + n) * in));
      test::add_product(want, r, Values(b.begin() + row0 * r, b.begin() + (row0 + n) * r), false, a, false, 0.75);
      test::check_sums(Y.floats(), want, 5e-7, LT_F32, "merged");
    }
}

}  // namespace
