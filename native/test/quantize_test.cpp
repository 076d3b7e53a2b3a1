/* The quantizers that search for their scales: Q2_K to Q6_K, and Q4_0 to Q5_1 with importance. */
#include <algorithm>

#include "core/types.h"
#include "test.h"

using luthier::kTypes;
using test::Engine;
using test::Tensor;
using Values = std::vector<float>;
using Bytes = std::vector<uint8_t>;

namespace {

constexpr int32_t kSearched[] = {LT_Q4_0, LT_Q4_1, LT_Q5_0, LT_Q5_1, LT_Q2_K, LT_Q3_K, LT_Q4_K, LT_Q5_K, LT_Q6_K};
constexpr bool super(int32_t type) { return type >= LT_Q2_K; }

Bytes quantize(const Engine &e, int32_t type, const Values &x, int64_t cols, const Values &importance = {}) {
  const int64_t rows = static_cast<int64_t>(x.size()) / cols, size = rows * cols / kTypes[type].block * kTypes[type].bytes;
  Bytes data(size);
  OK(lt_quantize_rows(e, data.data(), size, type, x.data(), rows, cols, importance.empty() ? nullptr : importance.data()));
  return data;
}

Values dequantize(const Engine &e, int32_t type, const Bytes &data, int64_t cols) {
  const int64_t rows = static_cast<int64_t>(data.size()) / kTypes[type].bytes * kTypes[type].block / cols;
  const lt_matrix w = {e.upload(data.data(), static_cast<int64_t>(data.size())), 0, 0, rows, cols, type, 0};
  const Tensor y(e, rows, cols);
  OK(lt_dequantize(e, y, &w, 0));
  return y.floats();
}

/* Root of the weighted mean square error over that of x. */
double error(const Values &got, const Values &x, const Values &importance = {}) {
  double e = 0, all = 0;
  for (size_t i = 0; i < x.size(); i++) {
    const double w = importance.empty() ? 1 : importance[i % importance.size()];
    e += w * (double(got[i]) - x[i]) * (double(got[i]) - x[i]);
    all += w * double(x[i]) * x[i];
  }
  return std::sqrt(e / all);
}

/* What normal numbers lose: a code of b bits whose range is about the extremes of its group. */
double expected_error(int32_t type) {
  switch (type) {
    case LT_Q2_K: return 0.35;
    case LT_Q3_K: return 0.18;
    case LT_Q4_0:
    case LT_Q4_1:
    case LT_Q4_K: return 0.09;
    case LT_Q6_K: return 0.025;
    default: return 0.045;
  }
}

TEST(searched_types_err_little) {
  const Engine e;
  const int64_t cols = 768;
  for (int32_t type : kSearched)
    for (float scale : {1.0f, 0.02f, 300.0f}) {
      const Values x = test::random().normals(11 * cols, scale);
      const double plain = error(dequantize(e, type, quantize(e, type, x, cols), cols), x);
      CHECK(plain < expected_error(type), "%s of normal numbers times %g errs by %g", kTypes[type].name, scale, plain);
      Values importance(cols);
      for (float &w : importance) w = static_cast<float>(std::exp(2 * test::random().normal()));
      const Values without = dequantize(e, type, quantize(e, type, x, cols), cols);
      const Values with = dequantize(e, type, quantize(e, type, x, cols, importance), cols);
      CHECK(error(with, x, importance) < error(without, x, importance), "%s: importance makes the weighted error %g of %g", kTypes[type].name,
            error(with, x, importance), error(without, x, importance));
    }
}

/* Bytes of numbers that any machine makes alike, hashed. They were compared with ggml_quantize_chunk of llama.cpp 0.5.0 (libggml-base). */
TEST(searched_bytes) {
  const struct {
    int32_t type;
    uint32_t plain, important;
  } cases[] = {
      {LT_Q4_0, 0x9e761e31, 0x63acab73}, {LT_Q4_1, 0xbb670db7, 0xc2b6a92b}, {LT_Q5_0, 0x27d2329e, 0x7aec690a},
      {LT_Q5_1, 0x4a99bf32, 0xf1819db8}, {LT_Q2_K, 0x5137a8ca, 0xca837ab0}, {LT_Q3_K, 0xf1037cc8, 0xbae4e092},
      {LT_Q4_K, 0xa7bbb0be, 0x4a1d9026}, {LT_Q5_K, 0x6b71b69f, 0x1bd72594}, {LT_Q6_K, 0x99fdf0a8, 0x2ba76e64},
  };
  const int64_t rows = 7, cols = 768;
  uint32_t state = 1;
  const auto next = [&] {
    state = state * 1664525 + 1013904223;
    return static_cast<float>(static_cast<int32_t>(state) >> 8) * 0x1p-23f;
  };
  Values x(rows * cols), importance(cols);
  for (int64_t i = 0; i < rows * cols; i++) {
    x[i] = next();
    x[i] = x[i] * x[i] * x[i];
    if (i / 16 % 9 == 4) x[i] = 0;          /* groups of zeros */
    if (i / 32 % 7 == 2) x[i] *= 0x1p-9f;   /* groups whose scale comes out as 0 */
    if (i / 32 % 11 == 3) x[i] += 2.0f;     /* groups without a negative value */
    if (i / 256 % 5 == 3) x[i] *= 0x1p-60f; /* blocks below the least half-precision scale */
  }
  for (float &w : importance) w = (next() + 1) * (next() + 1);
  const auto hash = [](const Bytes &data) {
    uint32_t h = 2166136261u; /* FNV-1a */
    for (uint8_t b : data) h = (h ^ b) * 16777619u;
    return h;
  };
  const Engine e;
  for (const auto &c : cases) {
    const uint32_t plain = hash(quantize(e, c.type, x, cols)), important = hash(quantize(e, c.type, x, cols, importance));
    CHECK(plain == c.plain && important == c.important, "%s: 0x%08x, with importance 0x%08x", kTypes[c.type].name, plain, important);
  }
}

/* Neither the threads nor a block's neighbours change its bytes. */
TEST(threads_do_not_change_bytes) {
  const Engine one(1), three(3);
  for (int32_t type : kSearched) {
    const int64_t cols = super(type) ? 256 * 3 : 32 * 21, rows = 101, row_bytes = cols / kTypes[type].block * kTypes[type].bytes;
    const Values x = test::random().normals(rows * cols);
    Values importance = test::random().normals(cols);
    for (float &w : importance) w *= w;
    for (bool important : {false, true}) {
      const Bytes a = quantize(one, type, x, cols, important ? importance : Values{});
      CHECK(a == quantize(three, type, x, cols, important ? importance : Values{}), "%s: three threads differ from one", kTypes[type].name);
      for (int64_t row : {int64_t{0}, int64_t{50}, rows - 1}) {
        const Bytes alone = quantize(one, type, Values(x.begin() + row * cols, x.begin() + (row + 1) * cols), cols, important ? importance : Values{});
        CHECK(std::equal(alone.begin(), alone.end(), a.begin() + row * row_bytes), "%s: row %lld alone differs", kTypes[type].name, (long long)row);
      }
    }
  }
}

TEST(strange_values_quantize) {
  const Engine e(3);
  const int64_t cols = 512, rows = 9;
  for (int32_t type : kSearched) {
    const Values ones(cols, 1);
    for (const Values &importance : {Values{}, ones}) {
      const Values zeros(rows * cols, 0);
      for (float v : dequantize(e, type, quantize(e, type, zeros, cols, importance), cols)) CHECK(v == 0, "%s: 0 became %g", kTypes[type].name, v);

      /* One value everywhere is that value, but for its scale's rounding. */
      const Values constant(rows * cols, -0.37f);
      for (float v : dequantize(e, type, quantize(e, type, constant, cols, importance), cols))
        CHECK(std::fabs(v + 0.37f) < 0.37f / 50, "%s: -0.37 became %g", kTypes[type].name, v);

      /* Below what a half-precision scale can say all becomes (nearly) 0; far above it, something. */
      const Values normals = test::random().normals(rows * cols);
      for (float scale : {1e-12f, 1e-30f, 1e-42f}) {
        Values tiny = normals;
        for (float &v : tiny) v *= scale;
        for (float v : dequantize(e, type, quantize(e, type, tiny, cols, importance), cols)) CHECK(std::fabs(v) < 1e-4f, "%s: %g", kTypes[type].name, v);
      }
      for (float scale : {1e5f, 1e20f, 3e37f}) {
        Values huge = normals;
        for (float &v : huge) v *= scale;
        quantize(e, type, huge, cols, importance);
      }

      /* A row of NaN and infinities spoils itself alone. */
      Values spoiled = normals;
      for (int64_t i = 0; i < cols; i++)
        spoiled[4 * cols + i] = i % 5 == 0 ? NAN : i % 7 == 0 ? INFINITY : i % 11 == 0 ? -INFINITY : i < 300 ? spoiled[4 * cols + i] : NAN;
      const Bytes good = quantize(e, type, normals, cols, importance), bad = quantize(e, type, spoiled, cols, importance);
      const auto row = static_cast<int64_t>(good.size()) / rows;
      CHECK(std::equal(good.begin(), good.begin() + 4 * row, bad.begin()) && std::equal(good.begin() + 5 * row, good.end(), bad.begin() + 5 * row),
            "%s: a row with NaN changed its neighbours", kTypes[type].name);
    }
    const Values strange = {NAN, INFINITY, -1, 0};
    Values importance(cols);
    for (int64_t i = 0; i < cols; i++) importance[i] = strange[i % 4];
    quantize(e, type, test::random().normals(rows * cols), cols, importance);
  }
}

}  // namespace
