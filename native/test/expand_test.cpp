/* Weights of every type: expanders against a reader of single elements written from the formats' description, stretches of rows, rows by
 * number, and the quantizers against their formulas. */
#include <algorithm>

#include "core/types.h"
#include "cpu/backend.h"
#include "cpu/codes.h"
#include "cpu/cpu.h"
#include "cpu/expand.h"
#include "cpu/half.h"
#include "test.h"

using luthier::kTypes;
using test::Engine;
using test::Tensor;
using Values = std::vector<float>;

namespace {

float f16_at(const uint8_t *p) { return luthier::cpu::from_f16(static_cast<uint16_t>(p[0] | p[1] << 8)); }

/* Bits [at, at + n) of a string of bytes, lowest first. */
int bits(const uint8_t *p, int at, int n) {
  int v = 0;
  for (int i = 0; i < n; i++) v |= (p[(at + i) / 8] >> (at + i) % 8 & 1) << i;
  return v;
}

/* Element i of a block: ggml-common.h and dequantize_row_* in words. */
double element(int32_t type, const uint8_t *b, int i) {
  const int half = i / 16 % 2, quarter = i / 32 % 4, n128 = i / 128; /* of the 128-element parts of a super-block */
  switch (type) {
    case LT_Q4_0: return f16_at(b) * double(bits(b + 2 + i % 16, 4 * (i / 16), 4) - 8);
    case LT_Q4_1: return f16_at(b) * double(bits(b + 4 + i % 16, 4 * (i / 16), 4)) + f16_at(b + 2);
    case LT_Q5_0: return f16_at(b) * double((bits(b + 6 + i % 16, 4 * (i / 16), 4) | bits(b + 2, i, 1) << 4) - 16);
    case LT_Q5_1: return f16_at(b) * double(bits(b + 8 + i % 16, 4 * (i / 16), 4) | bits(b + 4, i, 1) << 4) + f16_at(b + 2);
    case LT_Q8_0: return f16_at(b) * double(static_cast<int8_t>(b[2 + i]));
    case LT_Q2_K:
      return f16_at(b + 80) * double(b[i / 16] & 15) * bits(b + 16 + 32 * n128 + i % 32, 2 * quarter, 2) - f16_at(b + 82) * double(b[i / 16] >> 4);
    case LT_Q3_K: {
      const int s = i / 16, scale = (s < 8 ? b[96 + s] & 15 : b[96 + s - 8] >> 4) | bits(b + 104 + s % 4, 2 * (s / 4), 2) << 4;
      const int q = bits(b + 32 + 32 * n128 + i % 32, 2 * quarter, 2) + 4 * bits(b + i % 32, 4 * n128 + quarter, 1) - 4;
      return f16_at(b + 108) * double(scale - 32) * q;
    }
    case LT_Q4_K:
    case LT_Q5_K: {
      const int s = i / 32, five = type == LT_Q5_K;
      const uint8_t *p = b + 4, *low = b + (five ? 48 : 16);
      const int scale = s < 4 ? p[s] & 63 : (p[s + 4] & 15) | (p[s - 4] >> 6) << 4, min = s < 4 ? p[s + 4] & 63 : p[s + 4] >> 4 | (p[s] >> 6) << 4;
      const int q = bits(low + 32 * (s / 2) + i % 32, 4 * (s % 2), 4) | (five ? bits(b + 16 + i % 32, s, 1) << 4 : 0);
      return f16_at(b) * double(scale) * q - f16_at(b + 2) * double(min);
    }
    case LT_Q6_K: {
      const int q = bits(b + 64 * n128 + i % 64, 4 * (quarter / 2), 4) | bits(b + 128 + 32 * n128 + i % 32, 2 * quarter, 2) << 4;
      return f16_at(b + 208) * double(static_cast<int8_t>(b[192 + 8 * n128 + 2 * quarter + half])) * (q - 32);
    }
  }
  return 0;
}

/* Random bytes whose scales are sane half-precision numbers. */
std::vector<uint8_t> random_blocks(int32_t type, int64_t blocks) {
  const int64_t size = kTypes[type].bytes;
  std::vector<uint8_t> data(blocks * size);
  for (auto &b : data) b = static_cast<uint8_t>(test::random().next());
  const auto half = [&](int64_t at) { test::from_float(LT_F16, &data[at], 0, test::random().normal()); };
  for (int64_t i = 0; i < blocks; i++) {
    uint8_t *b = &data[i * size];
    switch (type) {
      case LT_Q2_K: half(b - &data[0] + 80), half(b - &data[0] + 82); break;
      case LT_Q3_K: half(b - &data[0] + 108); break;
      case LT_Q6_K: half(b - &data[0] + 208); break;
      default: half(b - &data[0]);
    }
    if (type == LT_Q4_1 || type == LT_Q5_1 || type == LT_Q4_K || type == LT_Q5_K) half(b - &data[0] + 2);
  }
  return data;
}

/* Any row, column and length of expand and expand_bf16 give what dequantize gives for whole rows. */
void check_stretches(const lt_matrix &w, const Values &all) {
  const luthier::cpu::Cpu cpu(1, LT_PRECISION_FP32);
  for (int trial = 0; trial < 300; trial++) {
    const int64_t row = test::random().below(w.rows), col = test::random().below(w.cols), n = test::random().below(w.cols - col + 1);
    Values out(n + 1, 777);
    std::vector<uint16_t> narrow(n + 1, 0x7777);
    luthier::cpu::expand(cpu, w, row, col, n, out.data());
    luthier::cpu::expand_bf16(cpu, w, row, col, n, narrow.data());
    for (int64_t i = 0; i < n; i++) {
      const float want = all[row * w.cols + col + i];
      CHECK(memcmp(&out[i], &want, 4) == 0, "%s: row %lld, col %lld + %lld is %g, wanted %g", kTypes[w.type].name, (long long)row, (long long)col,
            (long long)i, out[i], want);
      CHECK(narrow[i] == luthier::cpu::to_bf16(want), "bf16 of %g is 0x%04x", want, narrow[i]);
    }
    CHECK(out[n] == 777 && narrow[n] == 0x7777, "written past the end");
  }
}

TEST(gguf_blocks_expand) {
  for (int32_t type = LT_Q4_0; type <= LT_Q6_K; type++) {
    const Engine e;
    const int64_t block = kTypes[type].block, rows = 5, cols = 3 * block;
    const auto data = random_blocks(type, rows * 3);
    const lt_matrix w = {e.upload(data.data(), static_cast<int64_t>(data.size())), 0, 0, rows, cols, type, 0};
    const Tensor y(e, rows, cols, LT_F32, 3);
    OK(lt_dequantize(e, y, &w, 0));
    const Values got = y.floats();
    std::vector<double> want;
    for (int64_t i = 0; i < rows * cols; i++) want.push_back(element(type, &data[i / block * kTypes[type].bytes], static_cast<int>(i % block)));
    test::check_close(got, want, 3e-7, 2e-5, kTypes[type].name); /* scale * q - min cancels */
    check_stretches(w, got);
  }
}

TEST(dense_types_expand) {
  for (int32_t type : test::kActs) {
    const Engine e;
    const Values x = test::random().normals(7 * 45);
    const Tensor t(e, 7, 45, x, type);
    const lt_matrix w = {t.t.data, 0, 0, 7, 45, type, 0};
    check_stretches(w, t.floats());
  }
}

TEST(nf4_against_a_naive_quantizer) {
  const auto &codes = luthier::cpu::codes;
  const struct {
    int64_t rows, cols;
  } shapes[] = {{1, 1}, {1, 7}, {3, 5}, {5, 13}, {2, 64}, {7, 100}, {130, 129}, {300, 64}};
  for (const auto &s : shapes)
    for (int32_t dtype : test::kActs) {
      const Engine e;
      const int64_t n = s.rows * s.cols, blocks = (n + 63) / 64, groups = (blocks + 255) / 256;
      Values x = test::random().normals(n, 0.1f);
      for (int64_t i = 0; i < n; i++) x[i] = test::rounded(dtype, i / 64 % 3 == 1 ? x[i] * 40 : x[i]);
      if (n > 192) std::fill(x.begin() + 128, x.begin() + 192, 0.0f); /* a block of zeros */
      const Tensor X(e, s.rows, s.cols, x, dtype, 3);
      for (bool nested : {false, true}) {
        lt_matrix w = {e.alloc((n + 1) / 2), e.alloc(nested ? blocks : 4 * blocks), nested ? e.alloc(4 * groups) : 0, s.rows, s.cols, LT_NF4, 0};
        OK(lt_nf4_quantize(e, &w, X));
        const auto packed = e.download(w.data, (n + 1) / 2);
        Values scale(blocks);
        for (int64_t i = 0; i < n; i++) scale[i / 64] = std::max(scale[i / 64], std::fabs(x[i]));
        for (int64_t i = 0; i < n; i++) {
          const int code = packed[i / 2] >> (i % 2 ? 0 : 4) & 15;
          const float ratio = scale[i / 64] > 0 ? x[i] * (1.0f / scale[i / 64]) : 0;
          int want = 0;
          while (want < 15 && (codes.nf4[want] + codes.nf4[want + 1]) / 2 < ratio) want++;
          CHECK(code == want, "element %lld of [%lld, %lld] has code %d, wanted %d", (long long)i, (long long)s.rows, (long long)s.cols, code, want);
        }
        if (n % 2) CHECK((packed[n / 2] & 15) == 7, "the spare nibble is %d", packed[n / 2] & 15);
        const auto absmax = e.download(w.absmax, nested ? blocks : 4 * blocks);
        if (nested) {
          const auto group_max = e.download(w.nested_absmax, 4 * groups);
          double mean = 0;
          for (float a : scale) mean += a / double(blocks);
          CHECK(std::fabs(w.nested_offset - mean) <= 1e-6 * mean, "offset %g, mean %g", w.nested_offset, mean);
          for (int64_t b = 0; b < blocks; b++) {
            float most;
            memcpy(&most, &group_max[b / 256 * 4], 4);
            const float target = most > 0 ? (scale[b] - w.nested_offset) * (1.0f / most) : 0;
            int best = 0;
            for (int c = 1; c < 256; c++)
              if (std::fabs(codes.dynamic_signed[c] - target) < std::fabs(codes.dynamic_signed[best] - target)) best = c;
            CHECK(absmax[b] == best, "scale %lld has code %d, wanted %d", (long long)b, absmax[b], best);
            scale[b] = codes.dynamic_signed[best] * most;
            scale[b] += w.nested_offset;
          }
        } else {
          CHECK(memcmp(absmax.data(), scale.data(), 4 * blocks) == 0, "absmax differs");
        }
        const Tensor y(e, s.rows, s.cols, LT_F32, 1);
        OK(lt_dequantize(e, y, &w, 0));
        const Values got = y.floats();
        for (int64_t i = 0; i < n; i++) {
          const float want = codes.nf4[packed[i / 2] >> (i % 2 ? 0 : 4) & 15] * scale[i / 64];
          CHECK(memcmp(&got[i], &want, 4) == 0, "element %lld is %.9g, wanted %.9g", (long long)i, got[i], want);
        }
        check_stretches(w, got);
      }
    }
}

TEST(rows_by_number) {
  for (int32_t dtype : test::kActs) {
    const Engine e;
    const int64_t rows = 9, cols = 5000;
    const auto data = random_blocks(LT_Q8_0, rows * cols / 8);
    const lt_matrix w = {e.upload(data.data(), static_cast<int64_t>(data.size())), 0, 0, rows, cols / 32 * 32, LT_Q8_0, 0};
    const Tensor all(e, rows, w.cols), some(e, 3, w.cols), ids(e, {8, 0, 8, 5}), y(e, 4, w.cols, dtype, 5);
    OK(lt_dequantize(e, all, &w, 0));
    OK(lt_dequantize(e, some, &w, 4));
    OK(lt_embedding(e, y, ids, &w, 1.5f));
    const Values a = all.floats(), s = some.floats(), got = y.floats();
    CHECK(std::equal(s.begin(), s.end(), a.begin() + 4 * w.cols), "rows from 4 differ");
    const std::vector<int64_t> want = {8, 0, 8, 5};
    for (int64_t t = 0; t < 4; t++)
      for (int64_t c = 0; c < w.cols; c++) CHECK(got[t * w.cols + c] == test::rounded(dtype, a[want[t] * w.cols + c] * 1.5f));
    const Tensor wrong(e, {0, 9, 1, 1});
    ERROR(lt_embedding(e, y, wrong, &w, 1), LT_INVALID, "lt_embedding: ids[1] is 9, wanted 0 or more and less than 9");
  }
}

/* The quantizers choose, for the scale they store, values that err by half a step at most. */
TEST(quantize_rows_errs_by_half_a_step) {
  const Engine e;
  for (int32_t type : {LT_F32, LT_F16, LT_BF16, LT_Q4_0, LT_Q4_1, LT_Q5_0, LT_Q5_1, LT_Q8_0}) {
    const int64_t rows = 3, cols = 96, size = rows * cols / kTypes[type].block * kTypes[type].bytes;
    Values x = test::random().normals(rows * cols);
    std::fill(x.begin() + 32, x.begin() + 64, 0.0f);
    std::vector<uint8_t> data(size);
    OK(lt_quantize_rows(e, data.data(), size, type, x.data(), rows, cols, nullptr));
    const lt_matrix w = {e.upload(data.data(), size), 0, 0, rows, cols, type, 0};
    const Tensor y(e, rows, cols);
    OK(lt_dequantize(e, y, &w, 0));
    const Values got = y.floats();
    for (int64_t i = 0; i < rows * cols; i++) {
      const auto block = x.begin() + i / 32 * 32;
      const auto [low, high] = std::minmax_element(block, block + 32);
      const double most = std::max(std::fabs(*low), std::fabs(*high)), spread = *high - *low;
      /* A symmetric code cuts off up to a whole step at the end that its extreme does not lie on; f16 scales err by 2^-11. */
      const double step = type == LT_Q4_0   ? most / 8
                          : type == LT_Q5_0 ? most / 16
                          : type == LT_Q4_1 ? spread / 30
                          : type == LT_Q5_1 ? spread / 62
                          : type == LT_Q8_0 ? most / 254
                                            : 0;
      const double rounding = type == LT_F32 ? 0 : type == LT_BF16 ? std::fabs(x[i]) / 256 : most / 1024;
      CHECK(std::fabs(got[i] - x[i]) <= step + rounding, "%s: %g became %g", kTypes[type].name, x[i], got[i]);
    }
  }
  std::vector<float> x(256);
  std::vector<uint8_t> out(144);
  ERROR(lt_quantize_rows(e, out.data(), 143, LT_Q4_0, x.data(), 1, 256, nullptr), LT_INVALID,
        "lt_quantize_rows: dst_bytes is 143, wanted 144 for [1, 256] Q4_0");
  ERROR(lt_quantize_rows(e, out.data(), 18, LT_Q4_0, x.data(), 1, 33, nullptr), LT_INVALID,
        "lt_quantize_rows: cols is 33, wanted a multiple of 32 for Q4_0");
  ERROR(lt_quantize_rows(e, out.data(), 1, LT_NF4, x.data(), 1, 64, nullptr), LT_INVALID,
        "lt_quantize_rows: type is NF4 (5), wanted F32, F16, BF16 or a Q type");
}

}  // namespace
