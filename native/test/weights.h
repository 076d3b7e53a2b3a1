/* Weight matrices of every type with known values, and products in fp64 to compare with. */
#pragma once

#include "test.h"

namespace test {

/* Random weights in the engine's memory; values are what lt_dequantize says they are. */
struct Weights {
  Weights(const Engine &e, int32_t type, int64_t rows, int64_t cols, float scale = 1, bool nested = true);
  operator const lt_matrix *() const { return &m; }

  lt_matrix m;
  std::vector<float> values;
};

std::vector<int32_t> weight_types();

/* A matrix in fp64, and beside every element the sum of absolute values that rounding errors are measured by. */
struct Sums {
  Sums(int64_t r, int64_t c) : rows(r), cols(c), value(r * c), size(r * c) {}
  int64_t rows, cols;
  std::vector<double> value, size;
};
/* += scale * op(a) op(b), [m, n] over k */
void add_product(Sums &c, int64_t k, const std::vector<float> &a, bool a_transposed, const std::vector<float> &b, bool b_transposed, double scale = 1);
/* += scale * c for every row of x[1 or rows, cols] */
void add_rows(Sums &c, const std::vector<float> &x);

/* |got - want| <= relative * (sum of absolute values) + what rounding to the dtype makes */
void check_sums(const std::vector<float> &got, const Sums &want, double relative, int32_t dtype, const char *what);

/* What a product of one precision may be wrong by, relative to the sum of absolute values. */
double product_tolerance(int32_t precision);
extern const int32_t kPrecisions[2];

std::vector<float> rounded(int32_t dtype, std::vector<float> x);

/* Every engine of these tests has this workspace. */
constexpr lt_limits kLimits = {300, 3000, 300, 3000, 4, 4, 64, 64, 0};

}  // namespace test
