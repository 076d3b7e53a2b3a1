/* Attention and its gradient against fp64, packed, grouped, windowed, capped, and paged. */
#include <algorithm>
#include <numeric>

#include "test.h"

using test::Engine;
using test::kActs;
using test::Tensor;
using Values = std::vector<float>;
using Wanted = std::vector<double>;

namespace {

struct Shape {
  std::vector<int32_t> lengths;
  int32_t heads, kv_heads, dim, window;
  float softcap;
};

const Shape kShapes[] = {
    {{1}, 1, 1, 8, 0, 0},
    {{5, 1, 9}, 4, 2, 16, 0, 0},
    {{70, 0, 3, 130}, 6, 2, 24, 0, 0},
    {{150, 33}, 4, 4, 64, 17, 0},
    {{90}, 7, 1, 40, 0, 2.0f},
    {{65, 64}, 2, 1, 256, 64, 3.0f},
    {{200}, 3, 3, 128, 1, 0},
};

struct Problem {
  Problem(const Shape &shape, int32_t type) : s(shape), dtype(type), cu(1, 0) {
    for (int32_t n : s.lengths) cu.push_back(cu.back() + n);
    T = cu.back();
    const auto make = [&](int64_t n) {
      Values x = test::random().normals(n);
      for (float &v : x) v = test::rounded(dtype, v);
      return x;
    };
    q = make(T * s.heads * s.dim);
    k = make(T * s.kv_heads * s.dim);
    v = make(T * s.kv_heads * s.dim);
    dout = make(T * s.heads * s.dim);
  }

  int64_t q_at(int64_t t, int64_t h) const { return (t * s.heads + h) * s.dim; }
  int64_t kv_at(int64_t t, int64_t h) const { return (t * s.kv_heads + h / (s.heads / s.kv_heads)) * s.dim; }
  double scale() const { return 1.3f / std::sqrt(float(s.dim)); }

  /* f(token, head, first key, probabilities, slopes of the cap) for every query, in fp64; lse and o are filled. */
  template <class F>
  void for_queries(F &&f) {
    o.assign(T * s.heads * s.dim, 0);
    lse.assign(T * s.heads, 0);
    for (size_t n = 0; n < s.lengths.size(); n++)
      for (int64_t t = cu[n]; t < cu[n + 1]; t++)
        for (int64_t h = 0; h < s.heads; h++) {
          const int64_t first = s.window ? std::max<int64_t>(cu[n], t - s.window + 1) : cu[n];
          Wanted p, slope;
          for (int64_t j = first; j <= t; j++) {
            double dot = 0;
            for (int64_t c = 0; c < s.dim; c++) dot += double(q[q_at(t, h) + c]) * k[kv_at(j, h) + c];
            double score = dot * static_cast<float>(scale());
            double capped = s.softcap > 0 ? s.softcap * std::tanh(score / s.softcap) : score;
            slope.push_back(s.softcap > 0 ? 1 - capped / s.softcap * capped / s.softcap : 1);
            p.push_back(capped);
          }
          const double most = *std::max_element(p.begin(), p.end());
          double sum = 0;
          for (double &x : p) sum += x = std::exp(x - most);
          for (double &x : p) x /= sum;
          lse[t * s.heads + h] = most + std::log(sum);
          for (int64_t j = first; j <= t; j++)
            for (int64_t c = 0; c < s.dim; c++) o[q_at(t, h) + c] += p[j - first] * v[kv_at(j, h) + c];
          f(t, h, first, p, slope);
        }
  }

  lt_attention_params params(const Tensor &cu_seqlens, int32_t longest) const {
    return {cu_seqlens.t, s.heads, s.kv_heads, s.dim, s.window, longest, static_cast<float>(scale()), s.softcap, 0};
  }
  int32_t longest() const { return *std::max_element(s.lengths.begin(), s.lengths.end()); }

  const Shape &s;
  int32_t dtype;
  std::vector<int32_t> cu;
  int64_t T;
  Values q, k, v, dout;
  Wanted o, lse;
};

TEST(attention_forward_and_backward) {
  for (const Shape &shape : kShapes)
    for (int32_t dtype : kActs) {
      Problem p(shape, dtype);
      const int64_t T = p.T, W = shape.heads * shape.dim, KW = shape.kv_heads * shape.dim;
      Wanted dq(T * W, 0), dk(T * KW, 0), dv(T * KW, 0);
      p.for_queries([&](int64_t t, int64_t h, int64_t first, const Wanted &prob, const Wanted &slope) {
        double delta = 0;
        /* From the o that forward stores, rounding included. */
        for (int64_t c = 0; c < shape.dim; c++)
          delta += double(p.dout[p.q_at(t, h) + c]) * test::rounded(dtype, static_cast<float>(p.o[p.q_at(t, h) + c]));
        for (size_t i = 0; i < prob.size(); i++) {
          const int64_t kv = p.kv_at(first + i, h), q = p.q_at(t, h);
          double dp = 0;
          for (int64_t c = 0; c < shape.dim; c++) dp += double(p.dout[q + c]) * p.v[kv + c];
          const double ds = prob[i] * (dp - delta) * slope[i] * static_cast<float>(p.scale());
          for (int64_t c = 0; c < shape.dim; c++) {
            dq[q + c] += ds * p.k[kv + c];
            dk[kv + c] += ds * p.q[q + c];
            dv[kv + c] += prob[i] * p.dout[q + c];
          }
        }
      });
      std::vector<std::vector<uint8_t>> first_run;
      for (int threads : {1, 2, 5}) {
        const Engine e(threads);
        /* q, k and v side by side in one tensor, as a fused projection leaves them. */
        const Tensor fused(e, T, W + 2 * KW, dtype);
        const auto part = [&](int64_t col, int64_t cols, const Values &x) {
          lt_tensor t = fused.t;
          t.data += col * test::size_of(dtype);
          t.cols = cols;
          const Tensor from(e, T, cols, x, dtype);
          OK(lt_cast(e, &t, from));
          return t;
        };
        const lt_tensor q = part(0, W, p.q), k = part(W, KW, p.k), v = part(W + KW, KW, p.v);
        const Tensor cu(e, p.cu), O(e, T, W, dtype, 3), L(e, T, shape.heads, LT_F32, 1), DO(e, T, W, p.dout, dtype), DQ(e, T, W, dtype, 1),
            DK(e, T, KW, dtype), DV(e, T, KW, dtype, 8);
        const lt_attention_params params = p.params(cu, p.longest());
        OK(lt_attention(e, O, L, &q, &k, &v, &params));
        const double tolerance = test::tolerance(dtype);
        test::check_close(O.floats(), p.o, tolerance, 3e-6, "o");
        test::check_close(L.floats(), p.lse, 1e-5, 2e-6, "lse");
        const double slack = dtype == LT_F32 ? 1e-5 : 4 * tolerance; /* o near a tie rounds either way */
        OK(lt_dattention(e, DQ, DK, DV, DO, O, L, &q, &k, &v, &params));
        test::check_close(DQ.floats(), dq, tolerance, slack, "dq");
        test::check_close(DK.floats(), dk, tolerance, slack * 4, "dk");
        test::check_close(DV.floats(), dv, tolerance, slack, "dv");
        const std::vector<std::vector<uint8_t>> run = {O.bytes(), L.bytes(), DQ.bytes(), DK.bytes(), DV.bytes()};
        if (first_run.empty()) first_run = run;
        CHECK(run == first_run, "%d threads give other bytes", threads);
        OK(lt_attention(e, O, nullptr, &q, &k, &v, &params));
        CHECK(O.bytes() == run[0], "without lse the output differs");
      }
    }
}

/* The gradient is that of the forward: differences of sum(dout o) along random directions. */
TEST(attention_gradient_by_differences) {
  for (const Shape &shape : {Shape{{9, 4}, 4, 2, 8, 0, 0}, Shape{{12}, 2, 1, 16, 5, 1.5f}}) {
    Problem p(shape, LT_F32);
    const Engine e;
    const int64_t T = p.T, W = shape.heads * shape.dim, KW = shape.kv_heads * shape.dim;
    const Tensor cu(e, p.cu), Q(e, T, W, p.q), K(e, T, KW, p.k), V(e, T, KW, p.v), O(e, T, W), L(e, T, shape.heads), DO(e, T, W, p.dout),
        DQ(e, T, W), DK(e, T, KW), DV(e, T, KW);
    const lt_attention_params params = p.params(cu, p.longest());
    OK(lt_attention(e, O, L, Q, K, V, &params));
    OK(lt_dattention(e, DQ, DK, DV, DO, O, L, Q, K, V, &params));
    const auto objective = [&] {
      p.for_queries([](int64_t, int64_t, int64_t, const Wanted &, const Wanted &) {});
      double sum = 0;
      for (size_t i = 0; i < p.o.size(); i++) sum += p.dout[i] * p.o[i];
      return sum;
    };
    for (const auto &[values, gradient] : {std::pair<Values *, Values>{&p.q, DQ.floats()}, {&p.k, DK.floats()}, {&p.v, DV.floats()}}) {
      const Values direction = test::random().normals(static_cast<int64_t>(values->size())), kept = *values;
      const float h = 1.0f / 1024;
      double along = 0, size = 0;
      for (size_t i = 0; i < kept.size(); i++) {
        along += double(direction[i]) * gradient[i];
        size += std::fabs(double(direction[i]) * gradient[i]);
      }
      for (size_t i = 0; i < kept.size(); i++) (*values)[i] = kept[i] + h * direction[i];
      const double up = objective();
      for (size_t i = 0; i < kept.size(); i++) (*values)[i] = kept[i] - h * direction[i];
      const double down = objective();
      *values = kept;
      const double difference = (up - down) / (2 * h);
      CHECK(std::fabs(difference - along) < 2e-4 * size, "difference %g, gradient %g", difference, along);
    }
  }
}

TEST(paged_attention_equals_packed) {
  for (const Shape &shape : kShapes)
    for (int32_t page_size : {1, 16, 48}) {
      Problem p(shape, LT_F32);
      const int64_t W = shape.heads * shape.dim, KW = shape.kv_heads * shape.dim, n = static_cast<int64_t>(shape.lengths.size());
      p.for_queries([](int64_t, int64_t, int64_t, const Wanted &, const Wanted &) {});
      const Engine e;
      /* Keys of all sequences in pages of a shuffled cache; of the queries only the last few. */
      const int64_t most = (p.longest() + page_size - 1) / page_size + 1, page_count = most * n + 3;
      std::vector<int32_t> order(page_count);
      std::iota(order.begin(), order.end(), 0);
      for (int64_t i = page_count - 1; i > 0; i--) std::swap(order[i], order[test::random().below(i + 1)]);
      std::vector<int32_t> table, cu(1, 0), lens, cache_rows, query_rows;
      for (int64_t s = 0; s < n; s++) {
        table.insert(table.end(), order.begin() + s * most, order.begin() + (s + 1) * most);
        const int32_t queries = static_cast<int32_t>(test::random().below(shape.lengths[s] + 1));
        for (int32_t j = 0; j < shape.lengths[s]; j++) {
          cache_rows.push_back(order[s * most + j / page_size] * page_size + j % page_size);
          if (j >= shape.lengths[s] - queries) query_rows.push_back(p.cu[s] + j);
        }
        cu.push_back(cu.back() + queries);
        lens.push_back(shape.lengths[s]);
      }
      const Tensor K(e, p.T, KW, p.k), V(e, p.T, KW, p.v), Q(e, p.T, W, p.q), rows(e, cache_rows), picked(e, query_rows),
          kcache(e, page_count * page_size, KW, LT_F32, 1), vcache(e, page_count * page_size, KW), q(e, cu.back(), W), o(e, cu.back(), W), CU(e, cu),
          lengths(e, lens), pages(e, n, most, LT_I32);
      OK(lt_upload(e, pages.t.data, table.data(), static_cast<int64_t>(table.size()) * 4));
      OK(lt_scatter_rows(e, kcache, K, rows));
      OK(lt_scatter_rows(e, vcache, V, rows));
      OK(lt_gather_rows(e, q, Q, picked));
      lt_attention_params params = p.params(CU, p.longest());
      OK(lt_paged_attention(e, o, q, kcache, vcache, pages, lengths, page_size, &params));
      Wanted want;
      for (int32_t r : query_rows) want.insert(want.end(), p.o.begin() + r * W, p.o.begin() + (r + 1) * W);
      test::check_close(o.floats(), want, 1e-5, 3e-6, "o");

      table[0] = static_cast<int32_t>(page_count);
      OK(lt_upload(e, pages.t.data, table.data(), 4));
      ERROR(lt_paged_attention(e, o, q, kcache, vcache, pages, lengths, page_size, &params), LT_INVALID,
            "lt_paged_attention: pages[0][0] is " + std::to_string(page_count) + ", wanted 0 or more and less than " + std::to_string(page_count) +
                " (kcache.rows / page_size)");
    }
}

TEST(attention_refuses_wrong_sequences) {
  const Engine e;
  const Tensor q(e, 10, 16), k(e, 10, 8), v(e, 10, 8), o(e, 10, 16);
  const auto call = [&](const std::vector<int32_t> &cu, int32_t longest) {
    const Tensor CU(e, cu);
    const lt_attention_params p = {CU.t, 2, 1, 8, 0, longest, 1, 0, 0};
    return lt_attention(e, o, nullptr, q, k, v, &p);
  };
  OK(call({0, 4, 10}, 6));
  ERROR(call({0, 4, 10}, 5), LT_INVALID, "lt_attention: p.max_seqlen is 5, wanted at least 6, the keys of sequence 1");
  ERROR(call({1, 4, 10}, 10), LT_INVALID, "lt_attention: p.cu_seqlens[0] is 1, wanted 0");
  ERROR(call({0, 4, 11}, 10), LT_INVALID, "lt_attention: p.cu_seqlens[2] is 11, wanted 10 (q.rows)");
  ERROR(call({0, 14, 10}, 14), LT_INVALID, "lt_attention: p.cu_seqlens[2] is 10, wanted at least 14, the entry before it");
}

}  // namespace
