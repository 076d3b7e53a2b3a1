/* Every op of the CPU backend, with the arguments of luthier.h after validation: tensors by reference, data 0 where absent.
 * A failure is a luthier::Error. */
#pragma once

#include "cpu.h"
#include "luthier.h"

namespace luthier::cpu {

/* ---- matmul.cpp, lora.cpp, head_loss.cpp: choose their own instructions from Cpu::features */

void matmul(Cpu &, const lt_tensor &y, const lt_tensor &x, const lt_matrix &w, int32_t mode);
void dmatmul(Cpu &, const lt_tensor &dx, const lt_tensor &dy, const lt_matrix &w, int32_t mode);
void lora_matmul(Cpu &, const lt_lora_proj *p, int32_t n, const lt_tensor &x);
void dlora_matmul(Cpu &, const lt_tensor &dx, const lt_lora_proj *p, int32_t n, const lt_tensor &x, int32_t mode);
void lora_merge(Cpu &, const lt_tensor &y, const lt_matrix &w, int64_t row0, const lt_tensor &a, const lt_tensor &b, float scale);
void head_loss(Cpu &, const lt_tensor &nll, const lt_tensor &dx, const lt_tensor &best, const lt_tensor &x, const lt_matrix &w,
               const lt_tensor &labels, const lt_head_loss_params &p);
/* Workspace of the largest of the ops above within these limits. */
int64_t matmul_workspace_bytes(const Cpu &, const lt_limits &limits);
/* For lt_device_info::matmul: "avx512 fp32", "amx bf16", ... */
const char *matmul_path(const Cpu &);

/* ---- quantize.cpp: bytes of llama.cpp's portable build, compiled once */

/* dst = blocks of src [rows, cols] */
void quantize_rows(Cpu &, void *dst, int32_t type, const float *src, int64_t rows, int64_t cols, const float *importance);

/* ---- the rest: compiled once for each Isa and reached through Cpu::kernels */

struct Kernels {
  void (*expand)(const lt_matrix &w, int64_t row, int64_t col0, int64_t n, float *out);
  void (*expand_bf16)(const lt_matrix &w, int64_t row, int64_t col0, int64_t n, uint16_t *out);
  void (*nf4_quantize)(Cpu &, lt_matrix &w, const lt_tensor &x);
  void (*dequantize)(Cpu &, const lt_tensor &y, const lt_matrix &w, int64_t row0);
  void (*embedding)(Cpu &, const lt_tensor &y, const lt_tensor &ids, const lt_matrix &w, float scale);

  /* For quantize_rows, on one thread: blocks [begin, end) of src [rows, cols] to a 256-element type, dst being block begin's (importance may be
   * NULL); one row to a 32-element type. */
  void (*quantize_k)(uint8_t *dst, int32_t type, const float *src, int64_t begin, int64_t end, const float *importance, int64_t cols);
  void (*quantize_weighed)(uint8_t *dst, int32_t type, const float *src, const float *importance, int64_t cols);

  void (*rmsnorm)(Cpu &, const lt_tensor &y, const lt_tensor &rstd, const lt_tensor &x, const lt_tensor &g, float offset, float eps);
  void (*drmsnorm)(Cpu &, const lt_tensor &dx, const lt_tensor &dg, const lt_tensor &dy, const lt_tensor &x, const lt_tensor &rstd,
                   const lt_tensor &g, float offset, int32_t mode);
  void (*rope)(Cpu &, const lt_tensor &q, const lt_tensor &k, const lt_tensor &pos, const lt_tensor &inv_freq, int32_t head_dim, float mscale,
               int32_t direction);
  void (*glu)(Cpu &, const lt_tensor &y, const lt_tensor &gate, const lt_tensor &up, int32_t act);
  void (*dglu)(Cpu &, const lt_tensor &dgate, const lt_tensor &dup, const lt_tensor &dy, const lt_tensor &gate, const lt_tensor &up, int32_t act);
  void (*add)(Cpu &, const lt_tensor &y, const lt_tensor &a, const lt_tensor &b);
  void (*cast)(Cpu &, const lt_tensor &y, const lt_tensor &x);
  void (*softcap)(Cpu &, const lt_tensor &x, float cap);
  void (*gather_rows)(Cpu &, const lt_tensor &y, const lt_tensor &x, const lt_tensor &idx);
  void (*scatter_rows)(Cpu &, const lt_tensor &y, const lt_tensor &x, const lt_tensor &idx);

  void (*attention)(Cpu &, const lt_tensor &o, const lt_tensor &lse, const lt_tensor &q, const lt_tensor &k, const lt_tensor &v,
                    const lt_attention_params &p);
  void (*dattention)(Cpu &, const lt_tensor &dq, const lt_tensor &dk, const lt_tensor &dv, const lt_tensor &dout, const lt_tensor &o,
                     const lt_tensor &lse, const lt_tensor &q, const lt_tensor &k, const lt_tensor &v, const lt_attention_params &p);
  void (*paged_attention)(Cpu &, const lt_tensor &o, const lt_tensor &q, const lt_tensor &kcache, const lt_tensor &vcache, const lt_tensor &pages,
                          const lt_tensor &kv_lens, int32_t page_size, const lt_attention_params &p);

  void (*grad_norm)(Cpu &, const lt_tensor &out, const lt_tensor &g, float scale);
  void (*adamw)(Cpu &, const lt_adamw_params &p);
  void (*sample)(Cpu &, const lt_tensor &ids, const lt_tensor &logits, const lt_tensor &history, const lt_sample_params &p);
};

}  // namespace luthier::cpu
