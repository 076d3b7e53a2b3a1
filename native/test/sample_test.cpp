/* lt_sample: its filters by the set of tokens that they leave, its draws by Philox and by frequency. */
#include <algorithm>
#include <set>

#include "test.h"

using test::Engine;
using test::Tensor;
using Values = std::vector<float>;

namespace {

constexpr lt_sample_params kPlain = {11, 0, 1, 1, 0, 1, 0, 0};

/* Philox4x32-10 as published. */
std::vector<uint32_t> philox(std::vector<uint32_t> c, uint32_t k0, uint32_t k1) {
  for (int i = 0; i < 10; i++) {
    const uint64_t a = 0xD2511F53ull * c[0], b = 0xCD9E8D57ull * c[2];
    c = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(b), static_cast<uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(a)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

class Sampler {
 public:
  Sampler(int threads, const std::vector<Values> &rows)
      : engine_(threads), n_(static_cast<int64_t>(rows.size())), V_(static_cast<int64_t>(rows[0].size())), logits_(engine_, n_, V_, flat(rows), LT_F32, 3),
        ids_(engine_, n_, 1, LT_I32, 1) {
    lt_limits limits = {};
    limits.vocab = V_;
    engine_.give_workspace(limits);
  }
  std::vector<int32_t> draw(const lt_sample_params &p, const lt_tensor *history = nullptr) {
    OK(lt_sample(engine_, ids_, logits_, history, &p));
    return ids_.ints();
  }
  const Engine &engine() const { return engine_; }
  Values logits() const { return logits_.floats(); }

 private:
  static Values flat(const std::vector<Values> &rows) {
    Values all;
    for (const auto &r : rows) all.insert(all.end(), r.begin(), r.end());
    return all;
  }
  Engine engine_;
  int64_t n_, V_;
  Tensor logits_, ids_;
};

/* Ids that draws from many counters hit. */
std::set<int32_t> support(Sampler &s, lt_sample_params p, int draws = 400) {
  std::set<int32_t> ids;
  for (p.counter = 0; p.counter < static_cast<uint64_t>(draws); p.counter++)
    for (int32_t id : s.draw(p)) ids.insert(id);
  return ids;
}

TEST(sample_is_philox_and_inverse_distribution) {
  CHECK((philox({0, 0, 0, 0}, 0, 0) == std::vector<uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}), "the test's own Philox is wrong");
  const int64_t V = 1003, n = 5;
  std::vector<Values> rows;
  for (int64_t i = 0; i < n; i++) rows.push_back(test::random().normals(V, 2));
  Sampler one(1, rows), three(3, rows);
  const Values before = one.logits();
  lt_sample_params p = kPlain;
  p.temperature = 0.7f;
  for (p.counter = 0; p.counter < 300; p.counter++) {
    p.seed = test::random().next();
    if (p.counter == 250) p.counter = (1ull << 40) + 7, p.seed |= 1ull << 63;
    const auto ids = one.draw(p);
    CHECK(ids == three.draw(p), "three threads draw other tokens");
    for (int64_t r = 0; r < n; r++) {
      const auto x = philox({static_cast<uint32_t>(p.counter), static_cast<uint32_t>(p.counter >> 32), static_cast<uint32_t>(r), 0},
                            static_cast<uint32_t>(p.seed), static_cast<uint32_t>(p.seed >> 32));
      const double u = ((x[0] >> 5) * 67108864.0 + (x[1] >> 6)) * 0x1p-53;
      double total = 0, below = 0;
      for (float l : rows[r]) total += std::exp(l / 0.7);
      for (int64_t i = 0; i < ids[r]; i++) below += std::exp(rows[r][i] / 0.7);
      const double at = std::exp(rows[r][ids[r]] / 0.7);
      CHECK(below / total <= u + 1e-5 && u <= (below + at) / total + 1e-5, "u is %g, the token's share is [%g, %g]", u, below / total,
            (below + at) / total);
    }
    if (p.counter > 1000) break;
  }
  CHECK(one.logits() == before, "the logits changed");
}

TEST(sample_greedy_takes_the_lowest_of_equals) {
  Values row(50, -1);
  row[7] = row[30] = 2;
  row[3] = NAN;
  Sampler s(2, {row});
  lt_sample_params p = kPlain;
  p.temperature = 0;
  CHECK(s.draw(p) == std::vector<int32_t>{7});
  /* Penalties: positive logits are divided, negative ones multiplied, once however often they occur. */
  const Tensor history(s.engine(), 1, 4, LT_I32);
  const int32_t past[] = {7, -1, 7, 99};
  OK(lt_upload(s.engine(), history.t.data, past, sizeof past));
  p.repeat_penalty = 1.5f;
  CHECK(s.draw(p, history) == std::vector<int32_t>{30});
  Sampler negative(1, {Values{-1, -1.4f}});
  const Tensor twice(negative.engine(), 1, 2, LT_I32);
  const int32_t zeros[] = {0, 0};
  OK(lt_upload(negative.engine(), twice.t.data, zeros, sizeof zeros));
  p.repeat_penalty = 1.3f; /* -1.3 once; -1.69 if it counted twice */
  CHECK(negative.draw(p, twice) == std::vector<int32_t>{0});
  p.repeat_penalty = 1.5f;
  CHECK(negative.draw(p, twice) == std::vector<int32_t>{1});
}

TEST(sample_filters_leave_the_right_tokens) {
  /* Probabilities 0.4, 0.3, 0.2, 0.1 at shuffled ids among tokens that never come up. */
  const std::vector<std::pair<int32_t, double>> tokens = {{17, 0.4}, {2, 0.3}, {60, 0.2}, {33, 0.1}};
  Values row(64, -INFINITY);
  for (const auto &[id, p] : tokens) row[id] = static_cast<float>(std::log(p)) - 3;
  Sampler s(2, {row, row, row});
  const auto first = [&](size_t n) {
    std::set<int32_t> ids;
    for (size_t i = 0; i < n; i++) ids.insert(tokens[i].first);
    return ids;
  };
  lt_sample_params p = kPlain;
  CHECK(support(s, p) == first(4));
  for (int32_t k : {1, 2, 3, 4, 100}) {
    p = kPlain;
    p.top_k = k;
    CHECK(support(s, p) == first(std::min(k, 4)), "top_k %d", k);
  }
  const std::pair<float, size_t> nuclei[] = {{0.05f, 1}, {0.39f, 1}, {0.41f, 2}, {0.69f, 2}, {0.71f, 3}, {0.95f, 4}};
  for (const auto &[top_p, n] : nuclei) {
    p = kPlain;
    p.top_p = top_p;
    CHECK(support(s, p) == first(n), "top_p %g", top_p);
  }
  const std::pair<float, size_t> floors[] = {{0.2f, 4}, {0.3f, 3}, {0.6f, 2}, {0.8f, 1}, {1.0f, 1}};
  for (const auto &[min_p, n] : floors) {
    p = kPlain;
    p.min_p = min_p;
    CHECK(support(s, p) == first(n), "min_p %g", min_p);
  }
  /* The order: top-k of 3 leaves 4/9, 3/9, 2/9; a nucleus of 0.75 of that is two tokens (without top-k it would be three). */
  p = kPlain;
  p.top_k = 3;
  p.top_p = 0.75f;
  CHECK(support(s, p) == first(2), "top-k, then top-p");
  /* Temperature comes before the nucleus: at 0.25 the best has 0.4^4 of the sum of fourth powers, more than 0.7. */
  p = kPlain;
  p.temperature = 0.25f;
  p.top_p = 0.7f;
  CHECK(support(s, p) == first(1), "temperature, then top-p");
}

TEST(sample_frequencies) {
  const Values row = {0.0f, 1.0f, -1.0f, 0.5f, 2.0f};
  Sampler s(2, std::vector<Values>(50, row));
  std::vector<double> counts(row.size(), 0);
  lt_sample_params p = kPlain;
  p.seed = test::random().next();
  const int rounds = 400;
  for (p.counter = 0; p.counter < rounds; p.counter++)
    for (int32_t id : s.draw(p)) counts[id]++;
  double total = 0, chi2 = 0;
  for (float l : row) total += std::exp(l);
  for (size_t i = 0; i < row.size(); i++) {
    const double want = rounds * 50 * std::exp(row[i]) / total;
    chi2 += (counts[i] - want) * (counts[i] - want) / want;
  }
  CHECK(chi2 < 33, "chi square with 4 degrees of freedom is %g", chi2); /* p = 1e-6 */
}

TEST(sample_refuses_logits_without_a_maximum) {
  const Engine e(1);
  lt_limits limits = {};
  limits.vocab = 9;
  e.give_workspace(limits);
  const Tensor ids(e, 2, 1, LT_I32);
  for (float wild : {NAN, INFINITY, -INFINITY}) {
    Values x(18, 0.0f);
    std::fill(x.begin() + 9, x.end(), wild);
    const Tensor logits(e, 2, 9, x);
    const char *most = wild == INFINITY ? "inf" : "-inf";
    ERROR(lt_sample(e, ids, logits, nullptr, &kPlain), LT_INVALID,
          std::string("lt_sample: the largest of logits[1] is ") + most + ", wanted a finite number");
  }
}

}  // namespace
