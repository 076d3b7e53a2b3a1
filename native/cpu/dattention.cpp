/* Gradients of attention (arXiv 2307.08691, section 3.1.2), in fp32. With P = exp(S - lse), dP = dO V^T, D = sum(dO O) and
 * dS = P (dP - D):  dQ = dS K, dK = dS^T Q, dV = P^T dO.
 *
 * Two passes, each computing P and dS again: one over blocks of rows gives dQ, one over blocks of keys gives dK and dV, summing over the
 * rows in order. So no two units write the same place, and the bytes do not depend on the threads. */
#include "attention.h"

namespace luthier::cpu::LT_ISA {
namespace {

struct Inputs {
  const lt_tensor &dout, &o, &lse, &q, &k, &v;
};

struct Tiles {
  Tiles(Carver scratch, int64_t dim)
      : q(scratch.take<float>(kRows * dim)),
        dout(scratch.take<float>(kRows * dim)),
        k(scratch.take<float>(kKeys * dim)),
        v(scratch.take<float>(kKeys * dim)),
        k_columns(scratch.take<float>(dim * kKeys)),
        v_columns(scratch.take<float>(dim * kKeys)),
        first(scratch.take<float>(kRows * dim)),
        second(scratch.take<float>(kRows * dim)),
        p(scratch.take<float>(kRows * kKeys)),
        ds(scratch.take<float>(kRows * kKeys)),
        delta(scratch.take<float>(kRows)),
        lse(scratch.take<float>(kRows)) {}
  float *q, *dout;              /* a block of rows */
  float *k, *v;                 /* a block of keys */
  float *k_columns, *v_columns; /* transposed */
  float *first, *second;        /* gradients being summed: dq; dk and dv */
  float *p, *ds;                /* a tile of scores and of their gradients */
  float *delta, *lse;           /* per row */
};
static_assert(4 * (8 * kRows * kMostDim + 2 * kRows * kKeys + 2 * kRows) <= Cpu::kScratchBytes, "the tiles fit a worker's scratch");
static_assert(kRows == kKeys, "first and second serve both");

struct Pass {
  const Inputs &in;
  const Stack &stack;
  const Tiles &t;
  int64_t dim, wide;

  template <class T>
  void load_rows(int64_t r0, int64_t rows) const {
    for (int64_t i = 0; i < rows; i++) {
      const int64_t r = r0 + i;
      load_row(t.q + i * wide, stack.at<const T>(in.q, r), dim);
      load_row(t.dout + i * wide, stack.at<const T>(in.dout, r), dim);
      const T *o = stack.at<const T>(in.o, r);
      vf dot = {};
      for_vectors(dim, [&](int64_t c, int64_t n) { dot += load_n(o + c, n) * load_n(t.dout + i * wide + c, n); });
      t.delta[i] = sum(dot);
      t.lse[i] = row<const float>(in.lse, stack.token(r))[stack.head(r)];
    }
  }

  template <class T>
  void load_keys(int64_t key0, int64_t n) const {
    const int64_t column = stack.kv_head * dim;
    for (int64_t j = 0; j < n; j++) {
      load_row(t.k + j * wide, row<const T>(in.k, stack.s.first + key0 + j) + column, dim);
      load_row(t.v + j * wide, row<const T>(in.v, stack.s.first + key0 + j) + column, dim);
    }
    transpose(t.k_columns, t.k, n, dim, wide);
    transpose(t.v_columns, t.v, n, dim, wide);
  }

  /* p and ds of the loaded rows and keys. */
  void tile(int64_t r0, int64_t rows, int64_t key0) const {
    const lt_attention_params &a = stack.p;
    tile_product(rows, kKeys, dim, t.q, wide, 1, t.k_columns, kKeys, t.p, kKeys, false);
    tile_product(rows, kKeys, dim, t.dout, wide, 1, t.v_columns, kKeys, t.ds, kKeys, false);
    for (int64_t i = 0; i < rows; i++) {
      const Visible keys = visible(stack, r0 + i, key0);
      float *p = t.p + i * kKeys, *ds = t.ds + i * kKeys;
      for (int64_t j = 0; j < kKeys; j += kLanes) {
        const vf s = score(load(p + j), a);
        const vf weight = select(keys.mask(j), exp(s - t.lse[i]), vf{});
        vf slope = weight * (load(ds + j) - t.delta[i]) * a.scale;
        if (a.softcap > 0) slope *= 1.0f - (s / a.softcap) * (s / a.softcap);
        store(p + j, weight);
        store(ds + j, slope);
      }
    }
  }
};

template <class T>
void query_gradient(const Unit &unit, const lt_tensor &dq, const Inputs &in, Carver scratch) {
  const Stack &stack = unit.stack;
  const int64_t dim = stack.p.head_dim, wide = padded_dim(dim);
  const int64_t r0 = unit.block * kRows, rows = stack.rows() - r0 < kRows ? stack.rows() - r0 : kRows;
  const Tiles t(scratch, wide);
  const Pass pass{in, stack, t, dim, wide};
  pass.load_rows<T>(r0, rows);
  zero_rows(t.first, 0, rows, wide);
  const int64_t end = stack.last_key(r0 + rows - 1) + 1;
  for (int64_t key0 = stack.first_key(r0) / kKeys * kKeys; key0 < end; key0 += kKeys) {
    const int64_t n = end - key0 < kKeys ? end - key0 : kKeys;
    pass.load_keys<T>(key0, n);
    pass.tile(r0, rows, key0);
    tile_product(rows, wide, n, t.ds, kKeys, 1, t.k, wide, t.first, wide, true);
  }
  for (int64_t i = 0; i < rows; i++) {
    T *out = stack.at<T>(dq, r0 + i);
    for_vectors(dim, [&](int64_t c, int64_t n) { store_n(out + c, load_n(t.first + i * wide + c, n), n); });
  }
}

template <class T>
void key_gradient(const Unit &unit, const lt_tensor &dk, const lt_tensor &dv, const Inputs &in, Carver scratch) {
  const Stack &stack = unit.stack;
  const int64_t dim = stack.p.head_dim, wide = padded_dim(dim);
  const int64_t key0 = unit.block * kKeys, keys = stack.s.keys - key0 < kKeys ? stack.s.keys - key0 : kKeys;
  const Tiles t(scratch, wide);
  const Pass pass{in, stack, t, dim, wide};
  pass.load_keys<T>(key0, keys);
  zero_rows(t.first, 0, keys, wide);
  zero_rows(t.second, 0, keys, wide);
  /* Rows of the tokens that see any of these keys: from the first key's own to the window's end. */
  const int64_t last_token = stack.p.window > 0 ? key0 + keys - 1 + stack.p.window - 1 : stack.s.queries - 1;
  const int64_t end = (last_token < stack.s.queries - 1 ? last_token + 1 : stack.s.queries) * stack.group;
  for (int64_t r0 = key0 * stack.group; r0 < end; r0 += kRows) {
    const int64_t rows = end - r0 < kRows ? end - r0 : kRows;
    pass.load_rows<T>(r0, rows);
    pass.tile(r0, rows, key0);
    tile_product(keys, wide, rows, t.ds, 1, kKeys, t.q, wide, t.first, wide, true);
    tile_product(keys, wide, rows, t.p, 1, kKeys, t.dout, wide, t.second, wide, true);
  }
  for (int64_t j = 0; j < keys; j++) {
    const int64_t token = stack.s.first + key0 + j, column = stack.kv_head * dim;
    for_vectors(dim, [&](int64_t c, int64_t n) {
      store_n(row<T>(dk, token) + column + c, load_n(t.first + j * wide + c, n), n);
      store_n(row<T>(dv, token) + column + c, load_n(t.second + j * wide + c, n), n);
    });
  }
}

}  // namespace

void dattention(Cpu &cpu, const lt_tensor &dq, const lt_tensor &dk, const lt_tensor &dv, const lt_tensor &dout, const lt_tensor &o,
                const lt_tensor &lse, const lt_tensor &q, const lt_tensor &k, const lt_tensor &v, const lt_attention_params &p) {
  check_packed("lt_dattention", p, q.rows);
  const Inputs in{dout, o, lse, q, k, v};
  const auto sequence = [&](int64_t s) { return packed_sequence(p, s); };
  with_type(q.dtype, [&](auto type) {
    using T = decltype(type);
    for_units(cpu, p, kRows, sequence, [](const Stack &stack) { return stack.rows(); },
              [&](const Unit &unit, int worker) { query_gradient<T>(unit, dq, in, cpu.scratch(worker)); });
    for_units(cpu, p, kKeys, sequence, [](const Stack &stack) { return stack.s.keys; },
              [&](const Unit &unit, int worker) { key_gradient<T>(unit, dk, dv, in, cpu.scratch(worker)); });
  });
}

}  // namespace luthier::cpu::LT_ISA
