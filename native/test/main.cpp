#include <cstdarg>
#include <cstdlib>
#include <ctime>

#include "cpu/half.h"
#include "test.h"

namespace test {
namespace {
uint64_t seed;
Random current(0);
constexpr uint8_t kGuard = 0xa5;
}  // namespace

std::vector<Case> &cases() {
  static std::vector<Case> all;
  return all;
}

std::string message(const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return std::string(": ") + text;
}

void fail(const char *file, int line, const char *condition, const std::string &message) {
  const char *base = strrchr(file, '/');
  throw Failure{std::string(base ? base + 1 : file) + ":" + std::to_string(line) + ": " + condition + message};
}

Random &random() { return current; }

uint64_t Random::next() { /* splitmix64 */
  uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

float Random::normal() { return static_cast<float>(std::sqrt(-2 * std::log(1 - uniform())) * std::cos(6.283185307179586 * uniform())); }

std::vector<float> Random::normals(int64_t n, float scale) {
  std::vector<float> x(n);
  for (float &v : x) v = normal() * scale;
  return x;
}

float to_float(int32_t dtype, const void *p, int64_t i) {
  if (dtype == LT_F32) return static_cast<const float *>(p)[i];
  const uint16_t bits = static_cast<const uint16_t *>(p)[i];
  return dtype == LT_F16 ? luthier::cpu::from_f16(bits) : luthier::cpu::from_bf16(bits);
}

void from_float(int32_t dtype, void *p, int64_t i, float x) {
  if (dtype == LT_F32)
    static_cast<float *>(p)[i] = x;
  else
    static_cast<uint16_t *>(p)[i] = dtype == LT_F16 ? luthier::cpu::to_f16(x) : luthier::cpu::to_bf16(x);
}

int64_t size_of(int32_t dtype) { return dtype == LT_F32 || dtype == LT_I32 ? 4 : dtype == LT_U8 ? 1 : 2; }

float rounded(int32_t dtype, float x) {
  uint32_t place;
  from_float(dtype, &place, 0, x);
  return to_float(dtype, &place, 0);
}

const int32_t kActs[3] = {LT_F32, LT_F16, LT_BF16};
const char *dtype_name(int32_t dtype) { return dtype == LT_F32 ? "F32" : dtype == LT_F16 ? "F16" : "BF16"; }
double tolerance(int32_t dtype) { return dtype == LT_F32 ? 1e-5 : dtype == LT_F16 ? 1.0 / 2048 + 1e-5 : 1.0 / 256 + 1e-5; }

void check_ok(lt_status status, const char *what) {
  if (status != LT_OK) throw Failure{std::string(what) + " returned " + std::to_string(status) + ": " + lt_last_error()};
}

void check_error(lt_status found, lt_status wanted, const std::string &sentence, const char *what) {
  if (found != wanted || sentence != lt_last_error())
    throw Failure{std::string(what) + "\n    returned " + std::to_string(found) + ": " + lt_last_error() + "\n    wanted   " + std::to_string(wanted) +
                  ": " + sentence};
}

Engine::Engine(int threads, int32_t precision) {
  const lt_engine_config config = {"cpu", nullptr, 0, threads, precision, 0};
  OK(lt_engine_create(&engine_, &config));
}

lt_ptr Engine::alloc(int64_t bytes) const {
  lt_ptr p;
  OK(lt_alloc(engine_, &p, bytes));
  return p;
}

lt_ptr Engine::upload(const void *data, int64_t bytes) const {
  const lt_ptr p = alloc(bytes);
  OK(lt_upload(engine_, p, data, bytes));
  return p;
}

std::vector<uint8_t> Engine::download(lt_ptr p, int64_t bytes) const {
  std::vector<uint8_t> data(bytes);
  OK(lt_download(engine_, data.data(), p, bytes));
  return data;
}

void Engine::give_workspace(const lt_limits &limits) const {
  int64_t bytes;
  OK(lt_workspace_bytes(engine_, &bytes, &limits));
  if (bytes > 0) OK(lt_set_workspace(engine_, alloc(bytes), bytes));
}

const lt_tensor kAbsent = {};

Tensor::Tensor(const Engine &e, int64_t rows, int64_t cols, int32_t dtype, int64_t gap) : t{0, rows, cols, cols + gap, dtype, 0}, engine(e) {
  const std::vector<uint8_t> guards(std::max<int64_t>(1, rows * t.row_stride * size_of(dtype)), kGuard);
  t.data = e.upload(guards.data(), static_cast<int64_t>(guards.size()));
}

Tensor::Tensor(const Engine &e, int64_t rows, int64_t cols, const std::vector<float> &values, int32_t dtype, int64_t gap)
    : Tensor(e, rows, cols, dtype, gap) {
  std::vector<uint8_t> data(std::max<int64_t>(1, rows * t.row_stride * size_of(dtype)), kGuard);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++) from_float(dtype, data.data(), i * t.row_stride + j, values[i * cols + j]);
  OK(lt_upload(e, t.data, data.data(), static_cast<int64_t>(data.size())));
}

Tensor::Tensor(const Engine &e, const std::vector<int32_t> &column) : Tensor(e, static_cast<int64_t>(column.size()), 1, LT_I32) {
  OK(lt_upload(e, t.data, column.data(), t.rows * 4));
}

std::vector<uint8_t> Tensor::bytes() const { return engine.download(t.data, std::max<int64_t>(1, t.rows * t.row_stride * size_of(t.dtype))); }

std::vector<float> Tensor::floats() const {
  const auto data = bytes();
  const int64_t size = size_of(t.dtype);
  std::vector<float> values;
  for (int64_t i = 0; i < t.rows; i++) {
    for (int64_t j = 0; j < t.cols; j++) values.push_back(to_float(t.dtype, data.data(), i * t.row_stride + j));
    for (int64_t j = t.cols * size; j < t.row_stride * size; j++)
      CHECK(data[i * t.row_stride * size + j] == kGuard, "row %lld was written past its end", (long long)i);
  }
  return values;
}

std::vector<int32_t> Tensor::ints() const {
  const auto data = bytes();
  std::vector<int32_t> values(t.rows * t.cols);
  for (int64_t i = 0; i < t.rows; i++) memcpy(&values[i * t.cols], data.data() + i * t.row_stride * 4, t.cols * 4);
  return values;
}

void check_close(const std::vector<float> &got, const std::vector<double> &want, double relative, double absolute, const char *what) {
  CHECK(got.size() == want.size(), "%s: %zu values, wanted %zu", what, got.size(), want.size());
  for (size_t i = 0; i < got.size(); i++) {
    const double error = std::fabs(got[i] - want[i]);
    CHECK(error <= relative * std::fabs(want[i]) + absolute, "%s: [%zu] is %.9g, wanted %.9g (error %.3g, allowed %.3g)", what, i, got[i], want[i],
          error, relative * std::fabs(want[i]) + absolute);
  }
}

}  // namespace test

int main(int argc, char **argv) {
  const lt_engine_config config = {"cpu", nullptr, 0, 1, LT_PRECISION_FP32, 0};
  if (lt_backend_probe(&config) == LT_UNAVAILABLE) {
    printf("skipped: %s\n", lt_last_error());
    return 77;
  }
  const char *wanted = getenv("LT_TEST_SEED");
  test::seed = wanted ? strtoull(wanted, nullptr, 0) : static_cast<uint64_t>(time(nullptr));
  int run = 0, failed = 0;
  for (const test::Case &c : test::cases()) {
    if (argc > 1 && !strstr(c.name, argv[1])) continue;
    run++;
    test::current = test::Random(test::seed);
    try {
      c.run();
    } catch (const test::Failure &f) {
      failed++;
      printf("FAILED %s (LT_TEST_SEED=%llu)\n    %s\n", c.name, (unsigned long long)test::seed, f.text.c_str());
    }
  }
  printf("%d cases, %d failed\n", run, failed);
  return failed || !run ? 1 : 0;
}
