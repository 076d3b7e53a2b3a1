/* A small frame for the native tests: named cases, checks that say what they saw, seeded random numbers, and the C ABI with owners. */
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "luthier.h"

namespace test {

struct Case {
  const char *name;
  void (*run)();
};
std::vector<Case> &cases();
struct Register {
  Register(const char *name, void (*run)()) { cases().push_back({name, run}); }
};

struct Failure {
  std::string text;
};
[[noreturn]] void fail(const char *file, int line, const char *condition, const std::string &message);
inline std::string message() { return ""; }
std::string message(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define TEST(name)                                        \
  static void name();                                     \
  static const test::Register register_##name(#name, name); \
  static void name()

#define CHECK(condition, ...)                                                                 \
  do {                                                                                        \
    if (!(condition)) test::fail(__FILE__, __LINE__, #condition, test::message(__VA_ARGS__)); \
  } while (0)

/* Random numbers of the case; the seed is printed when the case fails (LT_TEST_SEED sets it). */
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next();
  int64_t below(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  float normal();
  std::vector<float> normals(int64_t n, float scale = 1);

 private:
  uint64_t state_;
};
Random &random();

/* Element types on the host. */
float to_float(int32_t dtype, const void *p, int64_t i);
void from_float(int32_t dtype, void *p, int64_t i, float x);
int64_t size_of(int32_t dtype);
/* x as the dtype would hold it. */
float rounded(int32_t dtype, float x);

void check_ok(lt_status status, const char *what);
#define OK(call) test::check_ok(call, #call)
/* The call fails with this status and this sentence. */
void check_error(lt_status found, lt_status wanted, const std::string &sentence, const char *what);
#define ERROR(call, status, sentence) test::check_error(call, status, sentence, #call)

class Engine {
 public:
  explicit Engine(int threads = 2, int32_t precision = LT_PRECISION_FP32);
  ~Engine() { lt_engine_destroy(engine_); }
  Engine(const Engine &) = delete;
  operator lt_engine *() const { return engine_; }
  lt_ptr alloc(int64_t bytes) const;
  lt_ptr upload(const void *data, int64_t bytes) const;
  std::vector<uint8_t> download(lt_ptr p, int64_t bytes) const;
  void give_workspace(const lt_limits &) const;

 private:
  lt_engine *engine_ = nullptr;
};

/* A tensor in the engine's memory, with room between rows, where a guard value stands that no op may touch. */
struct Tensor {
  /* Empty contents are guards too: an output must be written everywhere. */
  Tensor(const Engine &e, int64_t rows, int64_t cols, int32_t dtype = LT_F32, int64_t gap = 0);
  Tensor(const Engine &e, int64_t rows, int64_t cols, const std::vector<float> &values, int32_t dtype = LT_F32, int64_t gap = 0);
  Tensor(const Engine &e, const std::vector<int32_t> &column);
  operator const lt_tensor *() const { return &t; }
  std::vector<float> floats() const; /* rows * cols; checks the guards */
  std::vector<int32_t> ints() const;
  std::vector<uint8_t> bytes() const;

  lt_tensor t;
  const Engine &engine;
};
extern const lt_tensor kAbsent;

/* |got - want| <= relative * |want| + absolute everywhere. */
void check_close(const std::vector<float> &got, const std::vector<double> &want, double relative, double absolute, const char *what);

/* Relative error that rounding to the dtype alone makes, and the room given to fp32 arithmetic before it. */
double tolerance(int32_t dtype);
extern const int32_t kActs[3];
const char *dtype_name(int32_t dtype);

}  // namespace test
