/* lt_head_loss against the softmax in fp64: soft-cap, label smoothing, ignored rows, argmax and ties, chunks; the gradient against finite
 * differences of the fp64 loss. */
#include <algorithm>

#include "weights.h"

using test::Engine;
using test::Tensor;
using test::Weights;
using Values = std::vector<float>;

namespace {

struct Row {
  double nll;
  std::vector<double> logits, d; /* dnll/dlogit before the cap */
};

/* One row in fp64. */
Row reference(const float *x, const Weights &w, int32_t label, const lt_head_loss_params &p) {
  const int64_t v = w.m.rows, h = w.m.cols;
  Row row{0, std::vector<double>(v), std::vector<double>(v)};
  for (int64_t j = 0; j < v; j++) {
    double sum = 0;
    for (int64_t i = 0; i < h; i++) sum += double(x[i]) * w.values[j * h + i];
    row.logits[j] = p.softcap != 0 ? p.softcap * std::tanh(sum / p.softcap) : sum;
  }
  if (label == p.ignore) return row;
  const double top = *std::max_element(row.logits.begin(), row.logits.end());
  double sum = 0, mean = 0;
  for (double l : row.logits) sum += std::exp(l - top), mean += l / v;
  const double lse = top + std::log(sum);
  row.nll = lse - (1.0 - p.smoothing) * row.logits[label] - p.smoothing * mean;
  for (int64_t j = 0; j < v; j++) {
    const double flat = p.softcap != 0 ? row.logits[j] / p.softcap : 0;
    row.d[j] = (std::exp(row.logits[j] - lse) - (j == label ? 1.0 - p.smoothing : 0) - p.smoothing / v) * (1 - flat * flat);
  }
  return row;
}

struct Problem {
  int64_t t, h, v;
  int32_t type, act;
  lt_head_loss_params p;
};

void check_loss(int32_t precision, const Problem &q, bool with_dx, bool with_best, int ignored_in_ten) {
  const Engine e(2, precision);
  e.give_workspace(test::kLimits);
  const Weights w(e, q.type, q.v, q.h, 2 / std::sqrt(static_cast<float>(q.h)));
  const Values x = test::rounded(q.act, test::random().normals(q.t * q.h));
  std::vector<int32_t> labels(q.t);
  for (auto &l : labels) l = test::random().below(10) < ignored_in_ten ? q.p.ignore : static_cast<int32_t>(test::random().below(q.v));
  const Tensor X(e, q.t, q.h, x, q.act, 3), DX(e, q.t, q.h, q.act, 1), Nll(e, q.t, 1, LT_F32), Best(e, q.t, 1, LT_I32), Labels(e, labels);
  OK(lt_head_loss(e, Nll, with_dx ? &DX.t : &test::kAbsent, with_best ? &Best.t : &test::kAbsent, X, w, Labels, &q.p));

  /* A logit is wrong by this much of the size of its sum, here about h * 2 / sqrt(h); nll by twice that, as is a probability relatively. */
  const double logit = test::product_tolerance(precision) * 4 * std::sqrt(static_cast<double>(q.h)) + 2e-6;
  const Values nll = Nll.floats(), dx = with_dx ? DX.floats() : Values();
  const auto best = with_best ? Best.ints() : std::vector<int32_t>();
  for (int64_t i = 0; i < q.t; i++) {
    const Row want = reference(&x[i * q.h], w, labels[i], q.p);
    CHECK(std::fabs(nll[i] - want.nll) <= 2 * logit + 1e-6 * std::fabs(want.nll), "nll[%lld] is %.9g, wanted %.9g", (long long)i, nll[i], want.nll);
    if (labels[i] == q.p.ignore) CHECK(nll[i] == 0, "nll[%lld] of an ignored row is %g", (long long)i, nll[i]);
    if (with_best) {
      const double top = *std::max_element(want.logits.begin(), want.logits.end());
      CHECK(best[i] >= 0 && best[i] < q.v && want.logits[best[i]] >= top - 2 * logit, "best[%lld] is %d", (long long)i, best[i]);
    }
    for (int64_t j = 0; with_dx && j < q.h; j++) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < q.v; k++) {
        sum += want.d[k] * w.values[k * q.h + j] * q.p.grad_scale;
        size += std::fabs(want.d[k] * w.values[k * q.h + j] * q.p.grad_scale);
      }
      const double allowed = (2 * logit + test::product_tolerance(precision)) * size + test::tolerance(q.act) * std::fabs(sum) + 1e-7 * q.p.grad_scale;
      CHECK(std::fabs(dx[i * q.h + j] - sum) <= allowed, "dx[%lld][%lld] is %.9g, wanted %.9g, allowed error %.3g", (long long)i, (long long)j,
            dx[i * q.h + j], sum, allowed);
    }
  }
}

TEST(head_loss_cases) {
  const Problem problems[] = {
      {1, 7, 1, LT_F32, LT_F32, {1, 0, 0, -100}},         {3, 16, 11, LT_F32, LT_F32, {0.5f, 0, 0.1f, -100}},
      {20, 33, 700, LT_BF16, LT_BF16, {0.25f, 3, 0, -1}}, {45, 64, 1030, LT_NF4, LT_F16, {2, 5, 0.2f, -100}},
      {300, 24, 513, LT_F32, LT_F32, {1, 0, 0, -100}},
  };
  for (int32_t precision : test::kPrecisions)
    for (const Problem &q : problems) {
      check_loss(precision, q, true, true, 3);
      check_loss(precision, q, true, false, 3);
      check_loss(precision, q, false, true, 0);
      check_loss(precision, q, true, false, 10);
    }
}

/* dx against (nll(x + h) - nll(x - h)) / 2h in fp64. */
TEST(head_loss_finite_differences) {
  const lt_head_loss_params p = {1, 4, 0.1f, -100};
  const Engine e;
  e.give_workspace(test::kLimits);
  const int64_t t = 4, h = 12, v = 37;
  const Weights w(e, LT_F32, v, h);
  const Values x = test::random().normals(t * h);
  std::vector<int32_t> labels = {3, 36, -100, 0};
  const Tensor X(e, t, h, x), DX(e, t, h), Nll(e, t, 1, LT_F32), Labels(e, labels);
  OK(lt_head_loss(e, Nll, DX, &test::kAbsent, X, w, Labels, &p));
  const Values dx = DX.floats();
  for (int64_t i = 0; i < t; i++)
    for (int64_t j = 0; j < h; j++) {
      Values up(x.begin() + i * h, x.begin() + (i + 1) * h), down = up;
      up[j] += 0x1p-8f;
      down[j] -= 0x1p-8f;
      const double slope = (reference(up.data(), w, labels[i], p).nll - reference(down.data(), w, labels[i], p).nll) / (double(up[j]) - down[j]);
      CHECK(std::fabs(dx[i * h + j] - slope) < 2e-4 * (1 + std::fabs(slope)), "dx[%lld][%lld] is %g, the slope %g", (long long)i, (long long)j,
            dx[i * h + j], slope);
    }
}

TEST(head_loss_ties_and_extremes) {
  const Engine e;
  e.give_workspace(test::kLimits);
  /* logits of row t are x[t] * column: far apart, and with two maxima in different blocks of the vocabulary */
  const int64_t v = 1300;
  Values column(v, 0);
  column[40] = column[41] = column[1200] = 1000;
  column[7] = -1000;
  const Tensor W(e, v, 1, column), X(e, 3, 1, {1, -1, 0}), Nll(e, 3, 1), DX(e, 3, 1), Best(e, 3, 1, LT_I32), Labels(e, {7, 7, 1299});
  const lt_matrix w = {W.t.data, 0, 0, v, 1, LT_F32, 0};
  const lt_head_loss_params p = {1, 0, 0, -100};
  OK(lt_head_loss(e, Nll, DX, Best, X, &w, Labels, &p));
  CHECK((Best.ints() == std::vector<int32_t>{40, 7, 0}), "best %d %d %d", Best.ints()[0], Best.ints()[1], Best.ints()[2]);
  test::check_close(Nll.floats(), {2000 + std::log(3.0), 0, std::log(1300.0)}, 1e-6, 1e-6, "nll");
  const double mean = (3000.0 - 1000) / 1300;
  test::check_close(DX.floats(), {2000, 0, mean}, 1e-5, 1e-5, "dx");
}

TEST(head_loss_threads) {
  for (int32_t precision : test::kPrecisions) {
    const auto x = test::random().normals(90 * 40), weights = test::random().normals(1100 * 40);
    std::vector<int32_t> labels(90);
    for (auto &l : labels) l = static_cast<int32_t>(test::random().below(1101)) - 1;
    std::vector<uint8_t> first;
    for (int threads = 1; threads <= 4; threads++) {
      const Engine e(threads, precision);
      e.give_workspace(test::kLimits);
      const Tensor X(e, 90, 40, x), W(e, 1100, 40, weights), Nll(e, 90, 1, LT_F32), DX(e, 90, 40), Labels(e, labels);
      const lt_matrix w = {W.t.data, 0, 0, 1100, 40, LT_F32, 0};
      const lt_head_loss_params p = {1, 0, 0, -1};
      OK(lt_head_loss(e, Nll, DX, &test::kAbsent, X, &w, Labels, &p));
      auto bytes = Nll.bytes();
      for (uint8_t b : DX.bytes()) bytes.push_back(b);
      if (threads == 1) first = bytes;
      CHECK(bytes == first, "%d threads give other bytes than 1", threads);
    }
  }
}

TEST(head_loss_refuses_labels) {
  const Engine e;
  e.give_workspace(test::kLimits);
  const Tensor X(e, 2, 4, Values(8, 1)), Nll(e, 2, 1, LT_F32), Labels(e, {3, 9});
  const Weights w(e, LT_F32, 9, 4);
  const lt_head_loss_params p = {1, 0, 0, -100};
  ERROR(lt_head_loss(e, Nll, &test::kAbsent, &test::kAbsent, X, w, Labels, &p), LT_INVALID,
        "lt_head_loss: labels[1] is 9, wanted 0 to 8, or -100 for a row that does not count");
}

}  // namespace
