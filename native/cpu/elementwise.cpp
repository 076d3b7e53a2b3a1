/* Gated activations (SwiGLU, GeGLU: arXiv 2002.05202), sum, conversion, soft cap. */
#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

struct Activation {
  vf value, slope;
};

struct Silu {
  /* g s, s = sigmoid(g); slope s (1 + g (1 - s)) */
  LT_INLINE static Activation at(vf g) {
    const vf s = sigmoid(g);
    return {g * s, s * (1.0f + g * (1.0f - s))};
  }
};

struct GeluTanh {
  /* g/2 (1 + tanh u) = g s, s = sigmoid(2u), u = sqrt(2/pi) (g + 0.044715 g^3): the sigmoid keeps its digits where 1 + tanh loses them.
   * Slope s + 2 g s (1 - s) u'. */
  LT_INLINE static Activation at(vf g) {
    constexpr float a = 0.79788456080286536f, b = 0.044715f;
    const vf square = g * g, s = sigmoid(2.0f * a * g * (1.0f + b * square));
    const vf du = a * (1.0f + 3.0f * b * square);
    return {g * s, s + 2.0f * g * s * (1.0f - s) * du};
  }
};

template <class F>
LT_INLINE void with_activation(int32_t act, F &&f) {
  if (act == LT_ACT_SILU)
    f(Silu{});
  else
    f(GeluTanh{});
}

/* f(row, i, n) over all vectors of all rows of a shape. */
template <class F>
LT_INLINE void for_elements(Cpu &cpu, int64_t rows, int64_t cols, F &&f) {
  const auto work = [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; t++) for_vectors(cols, [&](int64_t i, int64_t n) { f(t, i, n); });
  };
  cpu.pool.parallel_chunks(rows, row_grain(cols), work);
}

}  // namespace

void glu(Cpu &cpu, const lt_tensor &y, const lt_tensor &gate, const lt_tensor &up, int32_t act) {
  with_type(y.dtype, [&](auto type) {
    using T = decltype(type);
    with_activation(act, [&](auto activation) {
      using A = decltype(activation);
      for_elements(cpu, y.rows, y.cols, [&](int64_t t, int64_t i, int64_t n) {
        store_n(row<T>(y, t) + i, A::at(load_n(row<const T>(gate, t) + i, n)).value * load_n(row<const T>(up, t) + i, n), n);
      });
    });
  });
}

void dglu(Cpu &cpu, const lt_tensor &dgate, const lt_tensor &dup, const lt_tensor &dy, const lt_tensor &gate, const lt_tensor &up, int32_t act) {
  with_type(dy.dtype, [&](auto type) {
    using T = decltype(type);
    with_activation(act, [&](auto activation) {
      using A = decltype(activation);
      for_elements(cpu, dy.rows, dy.cols, [&](int64_t t, int64_t i, int64_t n) {
        const vf d = load_n(row<const T>(dy, t) + i, n), u = load_n(row<const T>(up, t) + i, n);
        const Activation a = A::at(load_n(row<const T>(gate, t) + i, n));
        store_n(row<T>(dgate, t) + i, d * u * a.slope, n);
        store_n(row<T>(dup, t) + i, d * a.value, n);
      });
    });
  });
}

void add(Cpu &cpu, const lt_tensor &y, const lt_tensor &a, const lt_tensor &b) {
  with_type(y.dtype, [&](auto type) {
    using T = decltype(type);
    for_elements(cpu, y.rows, y.cols, [&](int64_t t, int64_t i, int64_t n) {
      store_n(row<T>(y, t) + i, load_n(row<const T>(a, t) + i, n) + load_n(row<const T>(b, t) + i, n), n);
    });
  });
}

void cast(Cpu &cpu, const lt_tensor &y, const lt_tensor &x) {
  with_type(y.dtype, [&](auto to) {
    using To = decltype(to);
    with_type(x.dtype, [&](auto from) {
      using From = decltype(from);
      for_elements(cpu, y.rows, y.cols, [&](int64_t t, int64_t i, int64_t n) { store_n(row<To>(y, t) + i, load_n(row<const From>(x, t) + i, n), n); });
    });
  });
}

void softcap(Cpu &cpu, const lt_tensor &x, float cap) {
  with_type(x.dtype, [&](auto type) {
    using T = decltype(type);
    for_elements(cpu, x.rows, x.cols, [&](int64_t t, int64_t i, int64_t n) {
      store_n(row<T>(x, t) + i, cap * tanh(load_n(row<const T>(x, t) + i, n) / cap), n);
    });
  });
}

}  // namespace luthier::cpu::LT_ISA
