/* Causal attention over packed sequences and over a paged cache (FlashAttention-2, arXiv 2307.08691), in fp32.
 *
 * The query heads that share a kv head are stacked, so that a tile of keys is read once for all of them. A unit of work is kRows rows of
 * that stack; it walks the keys its rows see in tiles of kKeys and keeps, per row, the largest score m, the sum l of exp(score - m) and the
 * weighted sum o of values, rescaling l and o when m grows. Units share nothing, so the result does not depend on the threads. */
#include <math.h>

#include "attention.h"

namespace luthier::cpu::LT_ISA {
namespace {

struct Tiles {
  Tiles(Carver scratch, int64_t dim)
      : q(scratch.take<float>(kRows * dim)),
        o(scratch.take<float>(kRows * dim)),
        k(scratch.take<float>(kKeys * dim)),
        v(scratch.take<float>(kKeys * dim)),
        k_columns(scratch.take<float>(dim * kKeys)),
        s(scratch.take<float>(kRows * kKeys)),
        m(scratch.take<float>(kRows)),
        l(scratch.take<float>(kRows)) {}
  float *q, *o;     /* a block of rows */
  float *k, *v;     /* a tile of keys */
  float *k_columns; /* transposed */
  float *s;         /* a tile of scores, then of weights */
  float *m, *l;     /* per row: largest score, sum of weights */
};

/* Row of scores -> row of exp(score - m), m and l and the row of o brought up to date. */
LT_INLINE void softmax_row(const Stack &stack, int64_t r, int64_t key0, float *s, float *o, int64_t dim, float &m, float &l) {
  const Visible keys = visible(stack, r, key0);
  vf most = splat(-INFINITY);
  for (int64_t j = 0; j < kKeys; j += kLanes) {
    const vf x = select(keys.mask(j), score(load(s + j), stack.p), splat(-INFINITY));
    store(s + j, x);
    most = max(most, x);
  }
  const float tile_most = largest(most), new_m = tile_most > m ? tile_most : m;
  if (new_m == -INFINITY) { /* nothing seen yet */
    for (int64_t j = 0; j < kKeys; j += kLanes) store(s + j, vf{});
    return;
  }
  vf total = {};
  for (int64_t j = 0; j < kKeys; j += kLanes) {
    const vf e = exp(load(s + j) - new_m);
    store(s + j, e);
    total += e;
  }
  const float shrink = m == new_m ? 1.0f : exp(splat(m - new_m))[0];
  l = l * shrink + sum(total);
  if (shrink != 1.0f)
    for (int64_t c = 0; c < dim; c += kLanes) store(o + c, load(o + c) * shrink);
  m = new_m;
}

/* key(j) and value(j) point at key j of the unit's sequence and kv head. */
template <class T, class K, class V>
void forward(const Unit &unit, const lt_tensor &o, const lt_tensor &lse, const lt_tensor &q, Carver scratch, K &&key, V &&value) {
  const Stack &stack = unit.stack;
  const int64_t dim = stack.p.head_dim, wide = padded_dim(dim);
  const int64_t r0 = unit.block * kRows, rows = stack.rows() - r0 < kRows ? stack.rows() - r0 : kRows;
  const Tiles t(scratch, wide);
  for (int64_t i = 0; i < rows; i++) {
    load_row(t.q + i * wide, stack.at<const T>(q, r0 + i), dim);
    t.m[i] = -INFINITY;
    t.l[i] = 0;
  }
  zero_rows(t.o, 0, rows, wide);
  const int64_t end = stack.last_key(r0 + rows - 1) + 1;
  for (int64_t key0 = stack.first_key(r0) / kKeys * kKeys; key0 < end; key0 += kKeys) {
    const int64_t n = end - key0 < kKeys ? end - key0 : kKeys;
    for (int64_t j = 0; j < n; j++) {
      load_row(t.k + j * wide, key(key0 + j), dim);
      load_row(t.v + j * wide, value(key0 + j), dim);
    }
    transpose(t.k_columns, t.k, n, dim, wide);
    tile_product(rows, kKeys, dim, t.q, wide, 1, t.k_columns, kKeys, t.s, kKeys, false);
    for (int64_t i = 0; i < rows; i++) softmax_row(stack, r0 + i, key0, t.s + i * kKeys, t.o + i * wide, wide, t.m[i], t.l[i]);
    tile_product(rows, wide, n, t.s, kKeys, 1, t.v, wide, t.o, wide, true);
  }
  for (int64_t i = 0; i < rows; i++) {
    const float inverse = 1.0f / t.l[i];
    T *out = stack.at<T>(o, r0 + i);
    for_vectors(dim, [&](int64_t c, int64_t m) { store_n(out + c, load_n(t.o + i * wide + c, m) * inverse, m); });
    if (lse.data) row<float>(lse, stack.token(r0 + i))[stack.head(r0 + i)] = t.m[i] + ::logf(t.l[i]);
  }
}

/* The row of the cache that holds key j of sequence s. */
struct Pages {
  const lt_tensor &pages;
  int64_t page_size;
  int64_t row_of(int64_t s, int64_t j) const { return int64_t{row<const int32_t>(pages, s)[j / page_size]} * page_size + j % page_size; }
};

void check_paged(const lt_attention_params &p, const lt_tensor &q, const lt_tensor &kcache, const lt_tensor &pages, const lt_tensor &kv_lens,
                 int64_t page_size) {
  const char *op = "lt_paged_attention";
  check_cu_seqlens(op, p, q.rows);
  for (int64_t s = 0; s < kv_lens.rows; s++) {
    const int64_t queries = packed_sequence(p, s).queries, keys = entry(kv_lens, s);
    if (keys < queries || keys > pages.cols * page_size)
      fail(LT_INVALID, "%s: kv_lens[%lld] is %lld, wanted %lld (its queries) to %lld (pages.cols * page_size)", op, (long long)s, (long long)keys,
           (long long)queries, (long long)(pages.cols * page_size));
    check_longest(op, p, s, keys);
    for (int64_t i = 0; i * page_size < keys; i++) {
      const int64_t page = row<const int32_t>(pages, s)[i];
      if (page < 0 || page >= kcache.rows / page_size)
        fail(LT_INVALID, "%s: pages[%lld][%lld] is %lld, wanted 0 or more and less than %lld (kcache.rows / page_size)", op, (long long)s,
             (long long)i, (long long)page, (long long)(kcache.rows / page_size));
    }
  }
}

LT_INLINE int64_t query_rows(const Stack &stack) { return stack.rows(); }

}  // namespace

void attention(Cpu &cpu, const lt_tensor &o, const lt_tensor &lse, const lt_tensor &q, const lt_tensor &k, const lt_tensor &v,
               const lt_attention_params &p) {
  check_packed("lt_attention", p, q.rows);
  with_type(q.dtype, [&](auto type) {
    using T = decltype(type);
    for_units(cpu, p, kRows, [&](int64_t s) { return packed_sequence(p, s); }, query_rows, [&](const Unit &unit, int worker) {
      const int64_t first = unit.stack.s.first, column = unit.stack.kv_head * p.head_dim;
      forward<T>(unit, o, lse, q, cpu.scratch(worker), [&](int64_t j) { return row<const T>(k, first + j) + column; },
                 [&](int64_t j) { return row<const T>(v, first + j) + column; });
    });
  });
}

void paged_attention(Cpu &cpu, const lt_tensor &o, const lt_tensor &q, const lt_tensor &kcache, const lt_tensor &vcache, const lt_tensor &pages,
                     const lt_tensor &kv_lens, int32_t page_size, const lt_attention_params &p) {
  check_paged(p, q, kcache, pages, kv_lens, page_size);
  const Pages table{pages, page_size};
  const auto sequence = [&](int64_t s) {
    Sequence it = packed_sequence(p, s);
    it.keys = entry(kv_lens, s);
    return it;
  };
  with_type(q.dtype, [&](auto type) {
    using T = decltype(type);
    for_units(cpu, p, kRows, sequence, query_rows, [&](const Unit &unit, int worker) {
      const int64_t column = unit.stack.kv_head * p.head_dim, s = unit.sequence;
      forward<T>(unit, o, lt_tensor{}, q, cpu.scratch(worker), [&](int64_t j) { return row<const T>(kcache, table.row_of(s, j)) + column; },
                 [&](int64_t j) { return row<const T>(vcache, table.row_of(s, j)) + column; });
    });
  });
}

}  // namespace luthier::cpu::LT_ISA
