/* The gradient's norm, and AdamW (arXiv 1711.05101) with fp32 states or 8-bit ones (arXiv 2110.02861). */
#include <math.h>

#include "codes.h"
#include "reduce.h"
#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

constexpr int64_t kGrain = 1 << 14; /* elements of one unit of work */
constexpr int64_t kBlock = 256;     /* elements of 8-bit state that share a scale */

/* Everything of an update but the element. */
struct Update {
  float scale;       /* of the gradient: loss scale and clipping */
  float keep;        /* 1 - lr wd */
  float beta1, rest1, beta2, rest2;
  float rate;        /* lr / (1 - beta1^step) */
  float correction2; /* sqrt(1 - beta2^step) */
  float eps;

  Update(const lt_adamw_params &p, float norm) {
    const double b1 = p.beta1, b2 = p.beta2;
    const float coefficient = p.clip > 0 ? p.clip / (norm + 1e-6f) : 1.0f;
    scale = p.grad_scale * (coefficient < 1 ? coefficient : 1.0f);
    keep = static_cast<float>(1.0 - static_cast<double>(p.lr) * p.weight_decay);
    beta1 = p.beta1;
    rest1 = static_cast<float>(1.0 - b1);
    beta2 = p.beta2;
    rest2 = static_cast<float>(1.0 - b2);
    rate = static_cast<float>(p.lr / (1.0 - ::pow(b1, p.step)));
    correction2 = static_cast<float>(::sqrt(1.0 - ::pow(b2, p.step)));
    eps = p.eps;
  }

  /* m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, w = w keep - rate m / (sqrt(v) / correction2 + eps) */
  LT_INLINE void apply(vf &w, vf &m, vf &v, vf g) const {
    g *= scale;
    m += (g - m) * rest1;
    v = v * beta2 + g * g * rest2;
    vf root;
    for (int i = 0; i < kLanes; i++) root[i] = __builtin_sqrtf(v[i]);
    w = w * keep - rate * (m / (root / correction2 + eps));
  }
};

void update_f32(const Update &u, const lt_adamw_params &p, int64_t begin, int64_t end) {
  float *w = ptr<float>(p.param.data), *ms = ptr<float>(p.m.data), *vs = ptr<float>(p.v.data);
  const float *gs = ptr<const float>(p.grad.data);
  for (int64_t i = begin; i < end; i += kLanes) {
    vf x = load(w + i), m = load(ms + i), v = load(vs + i);
    u.apply(x, m, v, load(gs + i));
    store(w + i, x);
    store(ms + i, m);
    store(vs + i, v);
  }
}

/* x[0, 256) as codes of a sorted table, nearest entry, with the block's largest magnitude as scale, which is returned. */
float encode(const float *x, const float *code, int32_t *index) {
  vf most = {};
  for (int64_t i = 0; i < kBlock; i += kLanes) most = max(abs(load(x + i)), most);
  const float absmax = largest(most), inverse = absmax > 0 ? 1.0f / absmax : 0.0f;
  float y[kBlock];
  for (int i = 0; i < kBlock; i++) {
    y[i] = x[i] * inverse;
    index[i] = 0;
  }
  for (int step = 128; step > 0; step /= 2)
    for (int i = 0; i < kBlock; i++) index[i] += code[index[i] + step] <= y[i] ? step : 0;
  for (int i = 0; i < kBlock; i++) {
    const int up = index[i] < 255 ? index[i] + 1 : 255;
    index[i] = code[up] - y[i] < y[i] - code[index[i]] ? up : index[i];
  }
  return absmax;
}

/* One block: states decoded, updated, encoded. The first moment keeps its sign through the rounding. */
void update_block(const Update &u, const lt_adamw_params &p, int64_t block) {
  const int64_t at = block * kBlock;
  float *w = ptr<float>(p.param.data) + at, *m_scale = ptr<float>(p.m_absmax.data) + block, *v_scale = ptr<float>(p.v_absmax.data) + block;
  const float *g = ptr<const float>(p.grad.data) + at;
  uint8_t *m_codes = ptr<uint8_t>(p.m.data) + at, *v_codes = ptr<uint8_t>(p.v.data) + at;
  float m[kBlock], v[kBlock];
  int32_t index[kBlock];
  for (int i = 0; i < kBlock; i++) {
    m[i] = codes.dynamic_signed[m_codes[i]] * *m_scale;
    v[i] = codes.dynamic_unsigned[v_codes[i]] * *v_scale;
  }
  for (int64_t i = 0; i < kBlock; i += kLanes) {
    vf x = load(w + i), a = load(m + i), b = load(v + i);
    u.apply(x, a, b, load(g + i));
    store(w + i, x);
    store(m + i, a);
    store(v + i, b);
  }
  *m_scale = encode(m, codes.dynamic_signed, index);
  for (int i = 0; i < kBlock; i++) {
    const float value = codes.dynamic_signed[index[i]];
    const int turn = m[i] > 0 && value < 0 ? 1 : m[i] < 0 && value > 0 ? -1 : 0;
    m_codes[i] = static_cast<uint8_t>(index[i] + turn);
  }
  *v_scale = encode(v, codes.dynamic_unsigned, index);
  for (int i = 0; i < kBlock; i++) v_codes[i] = static_cast<uint8_t>(index[i]);
}

struct Part {
  double squares;
  int64_t wild; /* elements that are not finite */
};

/* Columns [begin, end) of a row. */
LT_INLINE void add_stretch(Part &part, const float *g, int64_t n, float scale) {
  vd squares = {};
  vi wild = {};
  for_vectors(n, [&](int64_t i, int64_t m) {
    const vf x = load_n(g + i, m) * scale;
    wild -= ((vu)x & 0x7f800000u) == 0x7f800000u;
    const vd d = __builtin_convertvector(x, vd);
    squares += d * d;
  });
  part.squares += sum(squares);
  for (int i = 0; i < kLanes; i++) part.wild += wild[i];
}

}  // namespace

void grad_norm(Cpu &cpu, const lt_tensor &out, const lt_tensor &g, float scale) {
  /* Rows are cut into stretches, stretches gathered into parts: both by the shape alone. */
  const int64_t stretches = g.cols / kGrain + (g.cols % kGrain != 0), total = g.rows * stretches;
  Part parts[kMostParts] = {};
  const int64_t size = part_size(total, 1);
  if (total > 0)
    cpu.pool.parallel_chunks(total, size, [&](int64_t begin, int64_t end, int) {
      Part part = {};
      for (int64_t i = begin; i < end; i++) {
        const int64_t col = i % stretches * kGrain, left = g.cols - col;
        add_stretch(part, row<const float>(g, i / stretches) + col, left < kGrain ? left : kGrain, scale);
      }
      parts[begin / size] = part;
    });
  Part all = {};
  for (const Part &part : parts) {
    all.squares += part.squares;
    all.wild += part.wild;
  }
  ptr<float>(out.data)[0] = static_cast<float>(::sqrt(all.squares));
  ptr<float>(out.data)[1] = static_cast<float>(all.wild);
}

void adamw(Cpu &cpu, const lt_adamw_params &p) {
  const float norm = ptr<const float>(p.norm.data)[0], wild = ptr<const float>(p.norm.data)[1];
  if (wild != 0 || !(norm <= 3.4028234664e38f)) return;
  const Update update(p, norm);
  if (p.m.dtype == LT_F32)
    cpu.pool.parallel_chunks(p.param.cols, kGrain, [&](int64_t begin, int64_t end, int) { update_f32(update, p, begin, end); });
  else
    cpu.pool.parallel_chunks(p.param.cols / kBlock, kGrain / kBlock, [&](int64_t begin, int64_t end, int) {
      for (int64_t b = begin; b < end; b++) update_block(update, p, b);
    });
}

}  // namespace luthier::cpu::LT_ISA
