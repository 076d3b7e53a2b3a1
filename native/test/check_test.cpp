/* What the core refuses, by the sentence. */
#include "test.h"

using test::Engine;
using test::Tensor;

namespace {

lt_tensor with(lt_tensor t, void (*change)(lt_tensor &)) {
  change(t);
  return t;
}

TEST(shapes_and_dtypes_are_named) {
  const Engine e;
  const Tensor x(e, 3, 64), y(e, 3, 64), g(e, 1, 64), short_g(e, 1, 63), half(e, 3, 64, LT_F16), ints(e, 3, 64, LT_I32), tall(e, 4, 64);
  ERROR(lt_rmsnorm(e, y, nullptr, x, short_g, 0, 1e-5f), LT_INVALID, "lt_rmsnorm: g is [1, 63], wanted [1, 64] (x.cols)");
  ERROR(lt_rmsnorm(e, tall, nullptr, x, g, 0, 1e-5f), LT_INVALID, "lt_rmsnorm: y is [4, 64], wanted [3, 64] (x.rows)");
  ERROR(lt_rmsnorm(e, half, nullptr, x, g, 0, 1e-5f), LT_INVALID, "lt_rmsnorm: y is F16, wanted F32 like x");
  ERROR(lt_rmsnorm(e, y, nullptr, ints, g, 0, 1e-5f), LT_INVALID, "lt_rmsnorm: x is I32, wanted F32, F16 or BF16");
  ERROR(lt_rmsnorm(e, y, nullptr, nullptr, g, 0, 1e-5f), LT_INVALID, "lt_rmsnorm: x is absent");
  ERROR(lt_rmsnorm(e, y, nullptr, &test::kAbsent, g, 0, 1e-5f), LT_INVALID, "lt_rmsnorm: x is absent");
  ERROR(lt_rmsnorm(e, y, nullptr, x, g, 0, NAN), LT_INVALID, "lt_rmsnorm: eps is nan, wanted 0 or more");
  ERROR(lt_drmsnorm(e, y, nullptr, x, tall, g, g, 0, 2), LT_INVALID, "lt_drmsnorm: dy is [3, 64], wanted [4, 64] (x.rows)");
  const lt_tensor wild = with(x.t, [](lt_tensor &t) { t.dtype = 77; });
  ERROR(lt_add(e, y, &wild, x), LT_INVALID, "lt_add: a is an unknown type, wanted F32, F16 or BF16");
  const lt_tensor reserved = with(x.t, [](lt_tensor &t) { t.reserved = 9; });
  ERROR(lt_add(e, y, &reserved, x), LT_INVALID, "lt_add: a.reserved is 9, wanted 0");
  const lt_tensor narrow = with(x.t, [](lt_tensor &t) { t.row_stride = 63; });
  ERROR(lt_add(e, y, &narrow, x), LT_INVALID, "lt_add: a.row_stride is 63, wanted at least 64 (a.cols)");
  const lt_tensor negative = with(x.t, [](lt_tensor &t) { t.rows = -1; });
  ERROR(lt_add(e, y, &negative, x), LT_INVALID, "lt_add: a is [-1, 64], wanted no negative size");
  const lt_tensor crooked = with(x.t, [](lt_tensor &t) { t.data += 2; });
  CHECK(lt_add(e, y, &crooked, x) == LT_INVALID && strstr(lt_last_error(), "is not aligned to 4 bytes"), "%s", lt_last_error());
  CHECK(lt_glu(e, y, x, tall, 0) == LT_INVALID && lt_glu(e, y, x, x, 2) == LT_INVALID &&
            strcmp(lt_last_error(), "lt_glu: act is 2, wanted LT_ACT_SILU or LT_ACT_GELU_TANH") == 0,
        "%s", lt_last_error());
}

TEST(sizes_cannot_overflow) {
  const Engine e;
  const Tensor x(e, 4, 4), y(e, 4, 4);
  for (int64_t rows : {int64_t{5}, int64_t{1} << 31, int64_t{1} << 60, int64_t{1} << 62, INT64_MAX})
    for (int64_t stride : {int64_t{4}, int64_t{1} << 31, int64_t{1} << 62, INT64_MAX}) {
      lt_tensor wide = x.t;
      wide.rows = rows;
      wide.row_stride = stride;
      CHECK(lt_softcap(e, &wide, 1) == LT_INVALID, "rows %lld, stride %lld", (long long)rows, (long long)stride);
      lt_tensor long_row = x.t;
      long_row.cols = long_row.row_stride = stride;
      if (stride > 4) CHECK(lt_softcap(e, &long_row, 1) == LT_INVALID, "cols %lld", (long long)stride);
      const lt_matrix w = {x.t.data, 0, 0, rows, stride, LT_F32, 0};
      lt_tensor row = y.t;
      CHECK(lt_dequantize(e, &row, &w, 0) == LT_INVALID, "matrix [%lld, %lld]", (long long)rows, (long long)stride);
    }
  const lt_matrix w = {x.t.data, 0, 0, 4, 4, LT_F32, 0};
  ERROR(lt_dequantize(e, y, &w, 1), LT_INVALID, "lt_dequantize: row0 is 1 with 4 rows (y.rows), wanted rows within [0, 4) (w.rows)");
  ERROR(lt_dequantize(e, y, &w, INT64_MAX), LT_INVALID,
        "lt_dequantize: row0 is 9223372036854775807 with 4 rows (y.rows), wanted rows within [0, 4) (w.rows)");
  CHECK(lt_dequantize(e, y, &w, -1) == LT_INVALID);
}

TEST(overlap_is_refused_and_interleaving_is_not) {
  const Engine e;
  const Tensor both(e, 6, 32, test::random().normals(6 * 32)), other(e, 6, 16, test::random().normals(6 * 16));
  const auto columns = [&](int64_t from, int64_t n) {
    lt_tensor t = both.t;
    t.data += from * 4;
    t.cols = n;
    return t;
  };
  const lt_tensor left = columns(0, 16), right = columns(16, 16), shifted = columns(8, 16);
  OK(lt_add(e, &left, &right, other));
  OK(lt_add(e, &right, &left, other));
  OK(lt_add(e, &left, &left, &right));
  ERROR(lt_add(e, &shifted, &left, other), LT_INVALID, "lt_add: y and a overlap in memory");
  ERROR(lt_cast(e, &left, &left), LT_INVALID, "lt_cast: y and x overlap in memory");
  /* The same place with other strides is no alias. */
  lt_tensor packed = left;
  packed.row_stride = 16;
  ERROR(lt_add(e, &packed, &left, other), LT_INVALID, "lt_add: y and a overlap in memory");
  ERROR(lt_dglu(e, &left, &left, other, &right, &right, 0), LT_INVALID, "lt_dglu: dgate and dup overlap in memory");
  ERROR(lt_dglu(e, &right, &left, other, &left, &right, 0), LT_INVALID, "lt_dglu: dgate and up overlap in memory");
}

TEST(empty_tensors_are_fine) {
  const Engine e;
  const Tensor x(e, 0, 16), y(e, 0, 16), g(e, 1, 16), pos(e, std::vector<int32_t>{}), cu(e, {0}), out(e, 1, 2);
  OK(lt_rmsnorm(e, y, nullptr, x, g, 0, 1e-5f));
  OK(lt_add(e, y, x, x));
  const Tensor f(e, 1, 4);
  OK(lt_rope(e, x, y, pos, f, 8, 1, 1));
  const lt_attention_params p = {cu.t, 2, 2, 8, 0, 0, 1, 0, 0};
  const Tensor k(e, 0, 16), v(e, 0, 16);
  OK(lt_attention(e, y, nullptr, x, k, v, &p));
  OK(lt_grad_norm(e, out, x, 1));
  CHECK(out.floats() == (std::vector<float>{0, 0}), "the norm of nothing is not 0");
}

TEST(matrices_are_checked) {
  const Engine e;
  const Tensor y(e, 2, 64), x(e, 2, 64);
  const lt_ptr data = e.alloc(4096), absmax = e.alloc(64);
  lt_matrix w = {data, 0, 0, 2, 64, LT_Q4_0, 0};
  OK(lt_zero(e, data, 4096));
  OK(lt_dequantize(e, y, &w, 0));
  w.type = LT_Q4_K;
  ERROR(lt_dequantize(e, y, &w, 0), LT_INVALID, "lt_dequantize: w is Q4_K with 64 cols, wanted a multiple of 256");
  w.type = LT_I32;
  ERROR(lt_dequantize(e, y, &w, 0), LT_INVALID, "lt_dequantize: w is I32 (3), wanted a weight type");
  w.type = 99;
  ERROR(lt_dequantize(e, y, &w, 0), LT_INVALID, "lt_dequantize: w is an unknown type (99), wanted a weight type");
  w.type = LT_NF4;
  ERROR(lt_dequantize(e, y, &w, 0), LT_INVALID, "lt_dequantize: w.absmax is absent");
  w.absmax = absmax;
  OK(lt_dequantize(e, y, &w, 0));
  w.absmax = absmax + 60;
  CHECK(lt_dequantize(e, y, &w, 0) == LT_INVALID && strstr(lt_last_error(), "w.absmax at"), "%s", lt_last_error());
  w = {data, absmax, 0, 2, 64, LT_F16, 0};
  ERROR(lt_dequantize(e, y, &w, 0), LT_INVALID, "lt_dequantize: w is F16, which has no absmax and no nested_absmax: wanted 0");
  w = {data, 0, 0, 2, 64, LT_F16, 0};
  ERROR(lt_nf4_quantize(e, &w, x), LT_INVALID, "lt_nf4_quantize: w is F16, wanted NF4");
  w = {0, 0, 0, 2, 64, LT_F16, 0};
  ERROR(lt_dequantize(e, y, &w, 0), LT_INVALID, "lt_dequantize: w.data is absent");
  w = {x.t.data, 0, 0, 2, 64, LT_F32, 0};
  ERROR(lt_dequantize(e, x, &w, 0), LT_INVALID, "lt_dequantize: y and w.data overlap in memory");
}

TEST(projections_are_checked) {
  const Engine e;
  const Tensor x(e, 3, 16), y(e, 3, 8), a(e, 2, 16), b(e, 8, 2), xa(e, 3, 2), wide(e, 3, 4);
  const lt_ptr data = e.alloc(16 * 8 * 4);
  lt_lora_proj p[2] = {};
  for (lt_lora_proj &q : p) {
    q.w = {data, 0, 0, 8, 16, LT_F32, 0};
    q.a = a.t;
    q.b = b.t;
    q.xa = xa.t;
    q.y = y.t;
    q.scale = 1;
  }
  ERROR(lt_lora_matmul(e, p, 0, x), LT_INVALID, "lt_lora_matmul: n is 0, wanted 1 to 8");
  ERROR(lt_lora_matmul(e, p, 9, x), LT_INVALID, "lt_lora_matmul: n is 9, wanted 1 to 8");
  ERROR(lt_lora_matmul(e, nullptr, 1, x), LT_INVALID, "lt_lora_matmul: p is NULL");
  ERROR(lt_lora_matmul(e, p, 2, x), LT_INVALID, "lt_lora_matmul: p[0].y and p[1].y overlap in memory");
  p[1].xa = wide.t;
  ERROR(lt_lora_matmul(e, p, 2, x), LT_INVALID, "lt_lora_matmul: p[1].xa is [3, 4], wanted [3, 2] (a.rows)");
  p[0].b = wide.t;
  ERROR(lt_lora_matmul(e, p, 1, x), LT_INVALID, "lt_lora_matmul: p[0].b is [3, 4], wanted [8, 2] (w.rows, a.rows)");
  p[0].b = b.t;
  ERROR(lt_dlora_matmul(e, nullptr, p, 1, x, LT_SET), LT_INVALID, "lt_dlora_matmul: p[0].da is absent");
}

TEST(parameters_are_checked) {
  const Engine e;
  const Tensor q(e, 4, 16), k(e, 4, 8), o(e, 4, 16), cu(e, {0, 4});
  const auto attention = [&](lt_attention_params p) { return lt_attention(e, o, nullptr, q, k, k, &p); };
  const lt_attention_params good = {cu.t, 2, 1, 8, 0, 4, 1, 0, 0};
  OK(attention(good));
  lt_attention_params p = good;
  p.kv_heads = 3;
  ERROR(attention(p), LT_INVALID, "lt_attention: p.heads is 2 and p.kv_heads is 3, wanted both positive and heads a multiple of kv_heads");
  p = good;
  p.head_dim = 12;
  ERROR(attention(p), LT_INVALID, "lt_attention: p.head_dim is 12, wanted a multiple of 8 from 8 to 256");
  p = good;
  p.heads = 4;
  ERROR(attention(p), LT_INVALID, "lt_attention: q is [4, 16], wanted [any, 32] (heads * head_dim)");
  p = good;
  p.scale = INFINITY;
  ERROR(attention(p), LT_INVALID, "lt_attention: p.scale is inf, wanted a finite number");
  ERROR(lt_attention(e, o, nullptr, q, k, k, nullptr), LT_INVALID, "lt_attention: p is NULL");

  const Tensor n(e, 1, 300), norm(e, 1, 2);
  lt_adamw_params a = {n.t, n.t, n.t, n.t, {}, {}, norm.t, 1e-3f, 0.9f, 0.999f, 1e-8f, 0, 0, 1, 1};
  ERROR(lt_adamw(e, &a), LT_INVALID, "lt_adamw: p.param is [1, 300], wanted cols a multiple of 256");

  const Tensor logits(e, 2, 8), ids(e, 2, 1, LT_I32), x(e, 3, 8), idx(e, {0, 3});
  const lt_sample_params s = {0, 0, 1, 0, 0, 1, 0, 0};
  ERROR(lt_sample(e, ids, logits, nullptr, &s), LT_INVALID, "lt_sample: p.top_p is 0, wanted more than 0 and at most 1");
  ERROR(lt_gather_rows(e, logits, x, idx), LT_INVALID, "lt_gather_rows: idx[1] is 3, wanted 0 or more and less than 3");
  ERROR(lt_scatter_rows(e, x, logits, idx), LT_INVALID, "lt_scatter_rows: idx[1] is 3, wanted 0 or more and less than 3");
}

}  // namespace
