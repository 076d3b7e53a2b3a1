/* What the forms of attention share: how its work is cut, and the steps on one tile of scores. See attention.cpp. */
#pragma once

#include "../core/status.h"
#include "tile.h"

namespace luthier::cpu::LT_ISA {
namespace {

constexpr int64_t kRows = 64; /* of a tile of scores: (token, head) pairs that read one kv head */
constexpr int64_t kKeys = 64; /* columns of a tile of scores */
constexpr int64_t kMostDim = 256;

/* Where one sequence lies and which keys its queries see. Positions count from the sequence's first key. */
struct Sequence {
  int64_t first;    /* row of its first query in q */
  int64_t queries;
  int64_t keys;     /* the queries are its last `queries` positions */
  int64_t position(int64_t token) const { return keys - queries + token; }
};

/* The query heads of one kv head are stacked: row r of the stack is head r % group of token r / group. */
struct Stack {
  const lt_attention_params &p;
  Sequence s;
  int64_t kv_head, group;

  int64_t rows() const { return s.queries * group; }
  int64_t token(int64_t r) const { return s.first + r / group; }
  int64_t head(int64_t r) const { return kv_head * group + r % group; }
  int64_t position(int64_t r) const { return s.position(r / group); }
  /* Keys [first, last] that row r sees. */
  int64_t last_key(int64_t r) const { return position(r); }
  int64_t first_key(int64_t r) const {
    const int64_t k = p.window > 0 ? position(r) - p.window + 1 : 0;
    return k > 0 ? k : 0;
  }
  template <class T>
  T *at(const lt_tensor &t, int64_t r) const { return row<T>(t, token(r)) + head(r) * p.head_dim; }
};

/* Columns of a tile, with zeros up to whole vectors. */
LT_INLINE int64_t padded_dim(int64_t dim) { return (dim + kLanes - 1) / kLanes * kLanes; }

template <class T>
LT_INLINE void load_row(float *out, const T *x, int64_t dim) {
  for_vectors(dim, [&](int64_t i, int64_t n) { store(out + i, load_n(x + i, n)); });
}

LT_INLINE void zero_rows(float *x, int64_t first, int64_t last, int64_t stride) {
  if (first < last) memset(x + first * stride, 0, (last - first) * stride * sizeof(float));
}

/* out[c][j] = x[j][c]: `rows` rows into columns of a tile kKeys wide, the rest zero. */
inline void transpose(float *out, const float *x, int64_t rows, int64_t dim, int64_t stride) {
  for (int64_t c = 0; c < dim; c++) {
    int64_t j = 0;
    for (; j < rows; j++) out[c * kKeys + j] = x[j * stride + c];
    for (; j < kKeys; j++) out[c * kKeys + j] = 0;
  }
}

/* Scores of a raw product: s = scale x, capped if asked. */
LT_INLINE vf score(vf x, const lt_attention_params &p) {
  const vf s = x * p.scale;
  return p.softcap > 0 ? p.softcap * tanh(s / p.softcap) : s;
}

/* The visible keys of row r among [key0, key0 + kKeys) as columns [first, last) of the tile. */
struct Visible {
  int32_t first, last;
  LT_INLINE vi mask(int64_t j) const {
    const vi column = iota() + static_cast<int32_t>(j);
    return (column >= splat(first)) & (column < splat(last));
  }
};

LT_INLINE Visible visible(const Stack &stack, int64_t r, int64_t key0) {
  const int64_t first = stack.first_key(r) - key0, last = stack.last_key(r) + 1 - key0;
  return {static_cast<int32_t>(first < 0 ? 0 : first > kKeys ? kKeys : first), static_cast<int32_t>(last < 0 ? 0 : last > kKeys ? kKeys : last)};
}

/* One unit of work: a block of the rows or keys of a sequence's kv head. */
struct Unit {
  Stack stack;
  int64_t sequence, block;
};

/* Calls run(unit, worker) for every sequence, kv head and block; sequence(s) describes a sequence, length(stack) what is cut into blocks. */
template <class S, class L, class F>
void for_units(Cpu &cpu, const lt_attention_params &p, int64_t block_size, S &&sequence, L &&length, F &&run) {
  const int64_t sequences = p.cu_seqlens.rows - 1, group = p.heads / p.kv_heads;
  const auto blocks_of = [&](int64_t s) { return (length(Stack{p, sequence(s), 0, group}) + block_size - 1) / block_size; };
  int64_t total = 0;
  for (int64_t s = 0; s < sequences; s++) total += blocks_of(s) * p.kv_heads;
  const auto work = [&](int64_t i, int worker) {
    int64_t s = 0, blocks;
    for (; i >= (blocks = blocks_of(s)) * p.kv_heads; s++) i -= blocks * p.kv_heads;
    run(Unit{{p, sequence(s), i / blocks, group}, s, i % blocks}, worker);
  };
  cpu.pool.parallel_for(total, work);
}

LT_INLINE int64_t entry(const lt_tensor &column, int64_t i) { return *row<const int32_t>(column, i); }

/* cu_seqlens begins at 0, never falls, ends at `tokens`. */
inline void check_cu_seqlens(const char *op, const lt_attention_params &p, int64_t tokens) {
  const int64_t n = p.cu_seqlens.rows - 1;
  if (entry(p.cu_seqlens, 0) != 0) fail(LT_INVALID, "%s: p.cu_seqlens[0] is %lld, wanted 0", op, (long long)entry(p.cu_seqlens, 0));
  for (int64_t s = 0; s < n; s++)
    if (entry(p.cu_seqlens, s + 1) < entry(p.cu_seqlens, s))
      fail(LT_INVALID, "%s: p.cu_seqlens[%lld] is %lld, wanted at least %lld, the entry before it", op, (long long)s + 1,
           (long long)entry(p.cu_seqlens, s + 1), (long long)entry(p.cu_seqlens, s));
  if (entry(p.cu_seqlens, n) != tokens)
    fail(LT_INVALID, "%s: p.cu_seqlens[%lld] is %lld, wanted %lld (q.rows)", op, (long long)n, (long long)entry(p.cu_seqlens, n), (long long)tokens);
}

inline void check_longest(const char *op, const lt_attention_params &p, int64_t s, int64_t keys) {
  if (keys > p.max_seqlen)
    fail(LT_INVALID, "%s: p.max_seqlen is %d, wanted at least %lld, the keys of sequence %lld", op, p.max_seqlen, (long long)keys, (long long)s);
}

inline Sequence packed_sequence(const lt_attention_params &p, int64_t s) {
  const int64_t first = entry(p.cu_seqlens, s), n = entry(p.cu_seqlens, s + 1) - first;
  return {first, n, n};
}

inline void check_packed(const char *op, const lt_attention_params &p, int64_t tokens) {
  check_cu_seqlens(op, p, tokens);
  for (int64_t s = 0; s + 1 < p.cu_seqlens.rows; s++) check_longest(op, p, s, packed_sequence(p, s).keys);
}

}  // namespace
}  // namespace luthier::cpu::LT_ISA
