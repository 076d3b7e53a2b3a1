/* Validation of one call's arguments, done once for every backend. An op's check reads like its line in luthier.h:
 *
 *   const auto &X = c.in("x", x, act, any, any);
 *   const auto &Y = c.out("y", y, act, {X.rows, "x.rows"}, {X.cols, "x.cols"});
 *   c.may_alias("y", "x");
 *   return c.run(&Backend::op, Y, X);
 */
#pragma once

#include "engine.h"
#include "types.h"

namespace luthier {

/* Which dtypes an argument may have. */
enum Kind {
  act,         /* F32, F16 or BF16, the same for all `act` tensors of a call */
  act_or_f32,  /* the call's act, or F32 */
  any_float,   /* F32, F16 or BF16, each tensor as it likes */
  any_type,
  f32,
  i32,
  u8,
};

/* A wanted number of rows or columns, and the words for where it comes from. */
struct Dim {
  Dim(int64_t wanted, const char *from = nullptr) : value(wanted), why(from) {}
  int64_t value;
  const char *why;
};
inline const Dim any{-1};

class Call {
 public:
  Call(const lt_engine &engine, const char *op) : engine_(engine), op_(op) {}

  /* A tensor that the op reads, writes (or both: out), each also in a form that may be absent: NULL or data 0. */
  const lt_tensor &in(const char *name, const lt_tensor *t, Kind kind, Dim rows, Dim cols) { return tensor(name, t, kind, rows, cols, false); }
  const lt_tensor &out(const char *name, const lt_tensor *t, Kind kind, Dim rows, Dim cols) { return tensor(name, t, kind, rows, cols, true); }
  const lt_tensor &in_opt(const char *name, const lt_tensor *t, Kind kind, Dim rows, Dim cols) {
    return absent(t) ? kAbsent : in(name, t, kind, rows, cols);
  }
  const lt_tensor &out_opt(const char *name, const lt_tensor *t, Kind kind, Dim rows, Dim cols) {
    return absent(t) ? kAbsent : out(name, t, kind, rows, cols);
  }
  /* A weight matrix, read; or written, by the quantizer. */
  const lt_matrix &matrix(const char *name, const lt_matrix *w, Dim rows, Dim cols, bool written = false);

  /* The output may be exactly the input's view. Anything else that an output shares with another argument is refused. */
  void may_alias(const char *output, const char *input);

  void mode(int32_t mode);
  /* Rows [row0, row0 + n) of w exist. */
  void row_range(int64_t row0, int64_t n, const lt_matrix &w) const;
  /* Ends the call with LT_INVALID and "op: " before the sentence. */
  [[noreturn]] void refuse(const char *format, ...) const __attribute__((format(printf, 2, 3), cold));
  void finite(const char *name, float value) const;
  template <class T>
  const T &params(const T *p) const {
    if (!p) refuse("p is NULL");
    return *p;
  }

  /* Checks that nothing overlaps and calls the backend. */
  template <class... P, class... A>
  lt_status run(lt_status (*Backend::*function)(void *, P...), A &&...args) {
    check_overlaps();
    return available(engine_.backend.*function, op_)(engine_.backend.self, static_cast<A &&>(args)...);
  }

  static bool absent(const lt_tensor *t) { return !t || t->data == 0; }

 private:
  /* What an argument touches: `rows` stretches of `width` bytes, `stride` apart. */
  struct Span {
    char name[20];
    lt_ptr start;
    int64_t rows, width, stride;
    bool written;
    uint64_t bytes() const { return rows == 0 ? 0 : static_cast<uint64_t>((rows - 1) * stride + width); }
  };
  struct Alias {
    const char *output, *input;
  };
  static const lt_tensor kAbsent;
  static constexpr int kMostSpans = 96, kMostAliases = 4;

  const lt_tensor &tensor(const char *name, const lt_tensor *t, Kind kind, Dim rows, Dim cols, bool written);
  void dtype(const char *name, const lt_tensor &t, Kind kind);
  void shape(const char *name, int64_t rows, int64_t cols, Dim wanted_rows, Dim wanted_cols) const;
  void buffer(const char *name, const char *part, lt_ptr start, int64_t bytes, int32_t align, bool written);
  void live(const char *name, lt_ptr start, int64_t bytes, int32_t align, bool written) const;
  void note(const char *name, lt_ptr start, int64_t rows, int64_t width, int64_t stride, bool written);
  bool allowed(const Span &output, const Span &other) const;
  void check_overlaps() const;

  const lt_engine &engine_;
  const char *op_;
  int32_t act_ = -1;
  char act_from_[20] = "";
  Span spans_[kMostSpans];
  int span_count_ = 0;
  Alias aliases_[kMostAliases];
  int alias_count_ = 0;
};

/* Runs an op's check and the op. */
template <class F>
lt_status checked_call(lt_engine *engine, const char *op, F &&body) noexcept {
  return with_engine(engine, op, [&](lt_engine &e) -> lt_status {
    Call call(e, op);
    return body(call);
  });
}

}  // namespace luthier
