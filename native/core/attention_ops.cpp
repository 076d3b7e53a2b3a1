/* lt_attention, lt_dattention, lt_paged_attention. */
#include "check.h"

using namespace luthier;

namespace {

struct Widths {
  Dim q, kv, heads, sequences;
};

/* The numbers of p and its cu_seqlens; returns the columns they ask of the tensors. */
Widths check_params(Call &c, const lt_attention_params &p) {
  if (p.heads < 1 || p.kv_heads < 1 || p.heads % p.kv_heads != 0)
    c.refuse("p.heads is %d and p.kv_heads is %d, wanted both positive and heads a multiple of kv_heads", p.heads, p.kv_heads);
  if (p.head_dim < 8 || p.head_dim > 256 || p.head_dim % 8 != 0) c.refuse("p.head_dim is %d, wanted a multiple of 8 from 8 to 256", p.head_dim);
  if (p.window < 0) c.refuse("p.window is %d, wanted 0 (none) or more", p.window);
  if (p.max_seqlen < 0) c.refuse("p.max_seqlen is %d, wanted 0 or more", p.max_seqlen);
  c.finite("p.scale", p.scale);
  c.finite("p.softcap", p.softcap);
  if (p.softcap < 0) c.refuse("p.softcap is %g, wanted 0 (none) or more", p.softcap);
  if (p.reserved != 0) c.refuse("p.reserved is %d, wanted 0", p.reserved);
  const auto &cu = c.in("p.cu_seqlens", &p.cu_seqlens, i32, any, 1);
  if (cu.rows < 1) c.refuse("p.cu_seqlens is [0, 1], wanted one row more than there are sequences");
  return {{int64_t{p.heads} * p.head_dim, "heads * head_dim"},
          {int64_t{p.kv_heads} * p.head_dim, "kv_heads * head_dim"},
          {p.heads, "heads"},
          {cu.rows - 1, "cu_seqlens.rows - 1"}};
}

}  // namespace

extern "C" {

lt_status lt_attention(lt_engine *engine, const lt_tensor *o, const lt_tensor *lse, const lt_tensor *q, const lt_tensor *k, const lt_tensor *v,
                       const lt_attention_params *p) {
  return checked_call(engine, "lt_attention", [&](Call &c) {
    const auto &P = c.params(p);
    const Widths w = check_params(c, P);
    const auto &Q = c.in("q", q, act, any, w.q);
    const Dim tokens{Q.rows, "q.rows"};
    const auto &K = c.in("k", k, act, tokens, w.kv);
    const auto &V = c.in("v", v, act, tokens, w.kv);
    const auto &O = c.out("o", o, act, tokens, w.q);
    const auto &L = c.out_opt("lse", lse, f32, tokens, w.heads);
    return c.run(&Backend::attention, O, L, Q, K, V, P);
  });
}

lt_status lt_dattention(lt_engine *engine, const lt_tensor *dq, const lt_tensor *dk, const lt_tensor *dv, const lt_tensor *dout, const lt_tensor *o,
                        const lt_tensor *lse, const lt_tensor *q, const lt_tensor *k, const lt_tensor *v, const lt_attention_params *p) {
  return checked_call(engine, "lt_dattention", [&](Call &c) {
    const auto &P = c.params(p);
    const Widths w = check_params(c, P);
    const auto &Q = c.in("q", q, act, any, w.q);
    const Dim tokens{Q.rows, "q.rows"};
    const auto &K = c.in("k", k, act, tokens, w.kv);
    const auto &V = c.in("v", v, act, tokens, w.kv);
    const auto &O = c.in("o", o, act, tokens, w.q);
    const auto &DO = c.in("dout", dout, act, tokens, w.q);
    const auto &L = c.in("lse", lse, f32, tokens, w.heads);
    const auto &DQ = c.out("dq", dq, act, tokens, w.q);
    const auto &DK = c.out("dk", dk, act, tokens, w.kv);
    const auto &DV = c.out("dv", dv, act, tokens, w.kv);
    return c.run(&Backend::dattention, DQ, DK, DV, DO, O, L, Q, K, V, P);
  });
}

lt_status lt_paged_attention(lt_engine *engine, const lt_tensor *o, const lt_tensor *q, const lt_tensor *kcache, const lt_tensor *vcache,
                             const lt_tensor *pages, const lt_tensor *kv_lens, int32_t page_size, const lt_attention_params *p) {
  return checked_call(engine, "lt_paged_attention", [&](Call &c) {
    const auto &P = c.params(p);
    const Widths w = check_params(c, P);
    const auto &Q = c.in("q", q, act, any, w.q);
    const auto &O = c.out("o", o, act, {Q.rows, "q.rows"}, w.q);
    const auto &K = c.in("kcache", kcache, act, any, w.kv);
    const auto &V = c.in("vcache", vcache, act, {K.rows, "kcache.rows"}, w.kv);
    const auto &G = c.in("pages", pages, i32, w.sequences, any);
    const auto &N = c.in("kv_lens", kv_lens, i32, w.sequences, 1);
    if (page_size < 1 || K.rows % page_size != 0)
      c.refuse("page_size is %d, wanted a positive divisor of %lld (kcache.rows)", page_size, (long long)K.rows);
    return c.run(&Backend::paged_attention, O, Q, K, V, G, N, page_size, P);
  });
}

}  // extern "C"
