#include "check.h"

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace luthier {
namespace {

/* No tensor is larger: leaves room for any sum of a few sizes. */
constexpr int64_t kMostBytes = int64_t{1} << 60;

/* a * b, or -1 when it is more than kMostBytes. */
int64_t product(int64_t a, int64_t b) {
  int64_t r;
  return a < 0 || b < 0 || __builtin_mul_overflow(a, b, &r) || r > kMostBytes ? -1 : r;
}

struct Text {
  char s[32];
};

Text text(Dim d) {
  Text t;
  if (d.value < 0)
    snprintf(t.s, sizeof t.s, "any");
  else
    snprintf(t.s, sizeof t.s, "%lld", (long long)d.value);
  return t;
}

}  // namespace

const lt_tensor Call::kAbsent = {};

void Call::refuse(const char *format, ...) const {
  char sentence[900];
  va_list args;
  va_start(args, format);
  vsnprintf(sentence, sizeof sentence, format, args);
  va_end(args);
  fail(LT_INVALID, "%s: %s", op_, sentence);
}

void Call::mode(int32_t mode) {
  if (mode != LT_SET && mode != LT_ADD) refuse("mode is %d, wanted LT_SET or LT_ADD", mode);
}

void Call::row_range(int64_t row0, int64_t n, const lt_matrix &w) const {
  if (row0 < 0 || n > w.rows || row0 > w.rows - n)
    refuse("row0 is %lld with %lld rows (y.rows), wanted rows within [0, %lld) (w.rows)", (long long)row0, (long long)n, (long long)w.rows);
}

void Call::finite(const char *name, float value) const {
  if (!std::isfinite(value)) refuse("%s is %g, wanted a finite number", name, value);
}

void Call::shape(const char *name, int64_t rows, int64_t cols, Dim wanted_rows, Dim wanted_cols) const {
  const bool rows_fit = wanted_rows.value < 0 || rows == wanted_rows.value, cols_fit = wanted_cols.value < 0 || cols == wanted_cols.value;
  if (rows_fit && cols_fit) return;
  const char *why_rows = rows_fit ? nullptr : wanted_rows.why, *why_cols = cols_fit ? nullptr : wanted_cols.why;
  char why[96] = "";
  if (why_rows || why_cols)
    snprintf(why, sizeof why, " (%s%s%s)", why_rows ? why_rows : "", why_rows && why_cols ? ", " : "", why_cols ? why_cols : "");
  refuse("%s is [%lld, %lld], wanted [%s, %s]%s", name, (long long)rows, (long long)cols, text(wanted_rows).s, text(wanted_cols).s, why);
}

void Call::dtype(const char *name, const lt_tensor &t, Kind kind) {
  const char *wanted = nullptr;
  switch (kind) {
    case act:
      if (act_ >= 0) {
        if (t.dtype != act_) refuse("%s is %s, wanted %s like %s", name, luthier::name(t.dtype), luthier::name(act_), act_from_);
      } else if (activation(t.dtype)) {
        act_ = t.dtype;
        snprintf(act_from_, sizeof act_from_, "%s", name);
      } else {
        wanted = "F32, F16 or BF16";
      }
      break;
    case act_or_f32:
      if (t.dtype != LT_F32 && t.dtype != act_)
        refuse("%s is %s, wanted %s like %s, or F32", name, luthier::name(t.dtype), luthier::name(act_), act_from_);
      break;
    case any_float:
      if (!activation(t.dtype)) wanted = "F32, F16 or BF16";
      break;
    case any_type:
      if (!activation(t.dtype) && t.dtype != LT_I32 && t.dtype != LT_U8) wanted = "F32, F16, BF16, I32 or U8";
      break;
    case f32:
      if (t.dtype != LT_F32) wanted = "F32";
      break;
    case i32:
      if (t.dtype != LT_I32) wanted = "I32";
      break;
    case u8:
      if (t.dtype != LT_U8) wanted = "U8";
      break;
  }
  if (wanted) refuse("%s is %s, wanted %s", name, luthier::name(t.dtype), wanted);
}

void Call::live(const char *name, lt_ptr start, int64_t bytes, int32_t align, bool written) const {
  if (start % align != 0) refuse("%s is at 0x%llx, which is not aligned to %d bytes", name, (unsigned long long)start, align);
  const auto *range = engine_.allocations.holding(start, bytes);
  if (!range)
    refuse("%s at 0x%llx with %lld bytes does not lie in one live allocation of this engine", name, (unsigned long long)start, (long long)bytes);
  if (written && range->registered) refuse("%s at 0x%llx is registered host memory, which is read-only", name, (unsigned long long)start);
}

void Call::note(const char *name, lt_ptr start, int64_t rows, int64_t width, int64_t stride, bool written) {
  if (span_count_ == kMostSpans) refuse("too many tensors");
  Span &s = spans_[span_count_++];
  snprintf(s.name, sizeof s.name, "%s", name);
  s.start = start;
  s.rows = rows;
  s.width = width;
  s.stride = stride;
  s.written = written;
}

const lt_tensor &Call::tensor(const char *name, const lt_tensor *t, Kind kind, Dim rows, Dim cols, bool written) {
  /* No rows need no memory; a struct of zeros is a forgotten one. */
  if (absent(t) && !(t && t->rows == 0 && t->cols > 0)) refuse("%s is absent", name);
  if (t->reserved != 0) refuse("%s.reserved is %d, wanted 0", name, t->reserved);
  dtype(name, *t, kind);
  if (t->rows < 0 || t->cols < 0) refuse("%s is [%lld, %lld], wanted no negative size", name, (long long)t->rows, (long long)t->cols);
  shape(name, t->rows, t->cols, rows, cols);
  if (t->row_stride < t->cols)
    refuse("%s.row_stride is %lld, wanted at least %lld (%s.cols)", name, (long long)t->row_stride, (long long)t->cols, name);
  if (t->rows == 0 || t->cols == 0) return *t;
  const int32_t size = kTypes[t->dtype].bytes;
  const int64_t stride = product(t->row_stride, size), all = stride < 0 ? -1 : product(t->rows, stride);
  if (all < 0)
    refuse("%s is [%lld, %lld] with row_stride %lld: more bytes than there can be", name, (long long)t->rows, (long long)t->cols,
           (long long)t->row_stride);
  const int64_t width = t->cols * size;
  live(name, t->data, (t->rows - 1) * stride + width, size, written);
  note(name, t->data, t->rows, width, stride, written);
  return *t;
}

void Call::buffer(const char *name, const char *part, lt_ptr start, int64_t bytes, int32_t align, bool written) {
  char full[20];
  snprintf(full, sizeof full, "%s.%s", name, part);
  if (start == 0 && bytes > 0) refuse("%s is absent", full);
  if (bytes == 0) return;
  live(full, start, bytes, align, written);
  note(full, start, 1, bytes, bytes, written);
}

const lt_matrix &Call::matrix(const char *name, const lt_matrix *w, Dim rows, Dim cols, bool written) {
  if (!w) refuse("%s is absent", name);
  if (!weight(w->type)) refuse("%s is %s (%d), wanted a weight type", name, luthier::name(w->type), w->type);
  const Type &type = kTypes[w->type];
  if (w->rows < 0 || w->cols < 0) refuse("%s is [%lld, %lld], wanted no negative size", name, (long long)w->rows, (long long)w->cols);
  shape(name, w->rows, w->cols, rows, cols);
  const int64_t n = product(w->rows, w->cols);
  if (n < 0 || product(n, 4) < 0) refuse("%s is [%lld, %lld]: more bytes than there can be", name, (long long)w->rows, (long long)w->cols);
  if (w->type == LT_NF4) {
    const int64_t blocks = ceil_div(n, type.block);
    buffer(name, "data", w->data, ceil_div(n, 2), 1, written);
    buffer(name, "absmax", w->absmax, w->nested_absmax ? blocks : blocks * 4, w->nested_absmax ? 1 : 4, written);
    if (w->nested_absmax) buffer(name, "nested_absmax", w->nested_absmax, ceil_div(blocks, 256) * 4, 4, written);
    return *w;
  }
  if (w->absmax || w->nested_absmax) refuse("%s is %s, which has no absmax and no nested_absmax: wanted 0", name, type.name);
  if (w->cols % type.block != 0) refuse("%s is %s with %lld cols, wanted a multiple of %d", name, type.name, (long long)w->cols, type.block);
  buffer(name, "data", w->data, n / type.block * type.bytes, type.align, written);
  return *w;
}

void Call::may_alias(const char *output, const char *input) { aliases_[alias_count_++] = {output, input}; }

bool Call::allowed(const Span &output, const Span &other) const {
  if (output.start != other.start || output.rows != other.rows || output.width != other.width || (output.rows > 1 && output.stride != other.stride))
    return false;
  for (int i = 0; i < alias_count_; i++)
    if (strcmp(aliases_[i].output, output.name) == 0 && strcmp(aliases_[i].input, other.name) == 0) return true;
  return false;
}

void Call::check_overlaps() const {
  const auto overlap = [](const Span &a, const Span &b) {
    if (a.start - b.start >= b.bytes() && b.start - a.start >= a.bytes()) return false;
    /* Columns of one larger tensor: the rows interleave without touching. */
    if (a.stride == b.stride && (a.rows > 1 || b.rows > 1)) {
      const Span &low = a.start <= b.start ? a : b, &high = a.start <= b.start ? b : a;
      const uint64_t stride = static_cast<uint64_t>(a.stride), gap = (high.start - low.start) % stride;
      if (gap >= static_cast<uint64_t>(low.width) && gap + static_cast<uint64_t>(high.width) <= stride) return false;
    }
    return true;
  };
  for (int i = 0; i < span_count_; i++) {
    if (!spans_[i].written) continue;
    for (int j = 0; j < span_count_; j++) {
      if (j == i || (spans_[j].written && j < i)) continue;
      if (!overlap(spans_[i], spans_[j]) || allowed(spans_[i], spans_[j])) continue;
      refuse("%s and %s overlap in memory", spans_[i].name, spans_[j].name);
    }
  }
}

}  // namespace luthier
