#include "weights.h"

#include "core/types.h"

namespace test {

namespace {

/* Random bytes whose half-precision scales are of a sane size. */
std::vector<uint8_t> random_blocks(int32_t type, int64_t blocks, float scale) {
  const int64_t size = luthier::kTypes[type].bytes;
  std::vector<int64_t> halves = {0};
  if (type == LT_Q2_K) halves = {80, 82};
  if (type == LT_Q3_K) halves = {108};
  if (type == LT_Q6_K) halves = {208};
  if (type == LT_Q4_1 || type == LT_Q5_1 || type == LT_Q4_K || type == LT_Q5_K) halves = {0, 2};
  std::vector<uint8_t> data(blocks * size);
  for (auto &b : data) b = static_cast<uint8_t>(random().next());
  for (int64_t i = 0; i < blocks; i++)
    for (const int64_t at : halves) from_float(LT_F16, &data[i * size + at], 0, 0.1f * scale * random().normal());
  return data;
}

}  // namespace

std::vector<int32_t> weight_types() {
  std::vector<int32_t> types;
  for (int32_t t = 0; t < luthier::kTypeCount; t++)
    if (luthier::weight(t)) types.push_back(t);
  return types;
}

Weights::Weights(const Engine &e, int32_t type, int64_t rows, int64_t cols, float scale, bool nested) : m{0, 0, 0, rows, cols, type, 0} {
  const auto x = random().normals(rows * cols, scale);
  if (luthier::activation(type)) {
    m.data = Tensor(e, rows, cols, x, type).t.data;
  } else if (type == LT_NF4) {
    const int64_t blocks = (rows * cols + 63) / 64;
    m.data = e.alloc((rows * cols + 1) / 2);
    m.absmax = e.alloc(nested ? blocks : 4 * blocks);
    m.nested_absmax = nested ? e.alloc((blocks + 255) / 256 * 4) : 0;
    OK(lt_nf4_quantize(e, &m, Tensor(e, rows, cols, x)));
  } else {
    const auto data = random_blocks(type, rows * cols / luthier::kTypes[type].block, scale);
    m.data = e.upload(data.data(), static_cast<int64_t>(data.size()));
  }
  const Tensor plain(e, rows, cols);
  OK(lt_dequantize(e, plain, &m, 0));
  values = plain.floats();
}

void add_product(Sums &c, int64_t k, const std::vector<float> &a, bool a_transposed, const std::vector<float> &b, bool b_transposed, double scale) {
  for (int64_t i = 0; i < c.rows; i++)
    for (int64_t j = 0; j < c.cols; j++)
      for (int64_t p = 0; p < k; p++) {
        const double x = scale * a[a_transposed ? p * c.rows + i : i * k + p] * b[b_transposed ? j * k + p : p * c.cols + j];
        c.value[i * c.cols + j] += x;
        c.size[i * c.cols + j] += std::fabs(x);
      }
}

void add_rows(Sums &c, const std::vector<float> &x) {
  for (size_t i = 0; i < c.value.size(); i++) {
    c.value[i] += x[i % x.size()];
    c.size[i] += std::fabs(x[i % x.size()]);
  }
}

void check_sums(const std::vector<float> &got, const Sums &want, double relative, int32_t dtype, const char *what) {
  CHECK(got.size() == want.value.size(), "%s: %zu values, wanted %zu", what, got.size(), want.value.size());
  const double rounding = dtype == LT_F32 ? 0 : dtype == LT_F16 ? 1.0 / 2048 : 1.0 / 256;
  for (size_t i = 0; i < got.size(); i++) {
    const double error = std::fabs(got[i] - want.value[i]), allowed = relative * want.size[i] + rounding * std::fabs(want.value[i]) + 1e-7;
    CHECK(error <= allowed, "%s: [%zu] is %.9g, wanted %.9g (error %.3g, allowed %.3g)", what, i, got[i], want.value[i], error, allowed);
  }
}

/* fp32: chains of at most 512 sums between blocks. bf16: both inputs rounded by up to 2^-8 each. */
double product_tolerance(int32_t precision) { return precision == LT_PRECISION_FP32 ? 2e-6 : 0x1p-7 + 1e-4; }
const int32_t kPrecisions[2] = {LT_PRECISION_FP32, LT_PRECISION_BF16};

std::vector<float> rounded(int32_t dtype, std::vector<float> x) {
  for (float &v : x) v = rounded(dtype, v);
  return x;
}

}  // namespace test
