/* luthier.h: the C ABI of the Luthier engine. This file is the contract: the Java binding is generated from it.
 *
 * Conventions
 *  - Every function returns an lt_status. On anything but LT_OK, lt_last_error() gives one sentence (per thread) that names the
 *    argument, what was found and what was wanted. No function exits, aborts, prints, or lets an exception out.
 *  - Outputs come first. T is the number of tokens, H the hidden size, V the vocabulary, r the LoRA rank. Everything is row-major.
 *  - A tensor is two-dimensional: rows x cols with a row stride in elements. Activations ("act") are F32, BF16 or F16; all activation
 *    tensors of one call have one dtype unless it says otherwise. Sums are accumulated in fp32 or better.
 *  - Every address range of every tensor is checked against the engine's live allocations before use: a freed or foreign address is an
 *    LT_INVALID, never a crash.
 *  - An engine runs one call at a time, in the order of the calls; two threads calling into one engine is the caller's error. Several
 *    engines may live in one process. A call may return before the device has finished; lt_download and lt_synchronize wait.
 *  - Deterministic: the same inputs, device and build give the same bytes, for any number of threads.
 *  - Names: the gradient of op foo is dfoo. Aliasing is allowed only where the op says so.
 */
#ifndef LUTHIER_H
#define LUTHIER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LT_API __attribute__((visibility("default")))

/* Bumped when a struct or a function changes; the Java side refuses another number. */
#define LT_ABI_VERSION 1

typedef int32_t lt_status;
enum {
  LT_OK = 0,
  LT_INVALID = 1,       /* an argument is wrong: the caller's mistake */
  LT_OUT_OF_MEMORY = 2, /* host or device memory; the engine stays usable */
  LT_UNAVAILABLE = 3,   /* the backend cannot start on this machine; the message says why */
  LT_UNSUPPORTED = 4,   /* a legal request this backend cannot serve */
  LT_DEVICE_ERROR = 5   /* the driver or a kernel failed; the engine must be destroyed */
};

/* Element and block types. Activations: F32, F16, BF16. Weights: those and the block types, whose layout is GGUF's. */
enum {
  LT_F32 = 0,
  LT_F16 = 1,
  LT_BF16 = 2,
  LT_I32 = 3,
  LT_U8 = 4,
  LT_NF4 = 5, /* bitsandbytes NF4: blocks of 64 along the flattened matrix, high nibble first; QLoRA, arXiv 2305.14314 */
  LT_Q4_0 = 6,
  LT_Q4_1 = 7,
  LT_Q5_0 = 8,
  LT_Q5_1 = 9,
  LT_Q8_0 = 10,
  LT_Q2_K = 11,
  LT_Q3_K = 12,
  LT_Q4_K = 13,
  LT_Q5_K = 14,
  LT_Q6_K = 15
};

/* Arithmetic of the matrix products. */
enum {
  LT_PRECISION_FP32 = 0, /* strict: fp32 inputs and fp32 accumulation everywhere */
  LT_PRECISION_BF16 = 1  /* fast: product inputs rounded to bf16 (fp16 on sm_75), fp32 accumulation */
};

enum { LT_SET = 0, LT_ADD = 1 };                 /* does an output overwrite or accumulate */
enum { LT_ACT_SILU = 0, LT_ACT_GELU_TANH = 1 };  /* gate activation of lt_glu */

/* A device address. On the CPU backend it is a host address; nobody but the engine dereferences it. 0 is "absent". */
typedef uint64_t lt_ptr;

/* One backend on one device: its memory, its threads or stream. */
typedef struct lt_engine lt_engine;

typedef struct lt_tensor {
  lt_ptr data;        /* address of element (0, 0); 0: absent (allowed only where an op says "may be absent") */
  int64_t rows;       /* >= 0 */
  int64_t cols;       /* >= 0 */
  int64_t row_stride; /* elements between the starts of two rows, >= cols */
  int32_t dtype;      /* LT_F32, LT_F16, LT_BF16, LT_I32 or LT_U8 */
  int32_t reserved;   /* 0 */
} lt_tensor;

/* A frozen weight matrix [rows = out features, cols = in features], contiguous, dense or quantized. */
typedef struct lt_matrix {
  lt_ptr data;          /* dense elements, GGUF blocks (cols a multiple of the block), or NF4 nibbles [ceil(rows*cols/2)] bytes */
  lt_ptr absmax;        /* NF4: block scales; U8 codes [blocks] when nested_absmax is present, else F32 [blocks]; blocks = ceil(rows*cols/64) */
  lt_ptr nested_absmax; /* NF4 with double quantization: F32 [ceil(blocks/256)]; else 0 */
  int64_t rows;
  int64_t cols;
  int32_t type;         /* LT_F32, LT_F16, LT_BF16, LT_NF4, LT_Q... */
  float nested_offset;  /* NF4 with double quantization: mean of the block scales; scale = dynamic_code[code] * nested_absmax + offset */
} lt_matrix;

/* ---------------------------------------------------------------- library, backends, engine */

LT_API int32_t lt_abi_version(void);

/* The sentence of the last failure on this thread; "" when there was none. Valid until the next lt_ call on this thread. */
LT_API const char *lt_last_error(void);

/* Byte offset and size of a field of one of this header's structs as the library was compiled; field "" gives offset 0 and the size
 * of the whole struct. Lets the binding prove that both sides agree. */
LT_API lt_status lt_struct_layout(const char *struct_name, const char *field, int64_t *offset, int64_t *size);

typedef struct lt_engine_config {
  const char *backend;   /* "cpu", "cuda", "cuda-emulated" */
  const char *library;   /* path of the backend's own library (libluthier_cuda.so); NULL for "cpu" */
  int32_t device;        /* index of the device; 0 for "cpu" */
  int32_t threads;       /* CPU threads; 0: all this process may use */
  int32_t precision;     /* LT_PRECISION_... */
  int32_t reserved;      /* 0 */
} lt_engine_config;

typedef struct lt_device_info {
  char name[128];          /* "NVIDIA H100 80GB HBM3", "AMD EPYC ..." */
  char features[256];      /* CPU: "avx2 avx512f avx512_bf16 amx_bf16 ..."; CUDA: "sm_90 driver 13.0 runtime 13.0" */
  char matmul[128];        /* the path that matrix products take: "avx512bf16", "cublas 13.0 + mma.sync", ... */
  int64_t memory_total;    /* bytes */
  int64_t memory_free;     /* bytes */
  int32_t threads;         /* CPU worker threads; multiprocessors on a GPU */
  int32_t capability;      /* CUDA compute capability x 10, e.g. 89; 0 on a CPU */
} lt_device_info;

/* Can this backend start here? LT_OK, or LT_UNAVAILABLE with the reason in lt_last_error(). Allocates nothing that stays. */
LT_API lt_status lt_backend_probe(const lt_engine_config *config);
LT_API lt_status lt_engine_create(lt_engine **out, const lt_engine_config *config);
/* Frees the engine and everything allocated from it. NULL is allowed. */
LT_API lt_status lt_engine_destroy(lt_engine *engine);
LT_API lt_status lt_engine_device(lt_engine *engine, lt_device_info *out);
/* Waits until everything queued has finished; reports a device error that happened since. */
LT_API lt_status lt_synchronize(lt_engine *engine);

/* ---------------------------------------------------------------- memory */

/* Device memory, 256-byte aligned, contents undefined. bytes > 0. */
LT_API lt_status lt_alloc(lt_engine *engine, lt_ptr *out, int64_t bytes);
/* ptr must be the start of a live allocation; 0 is allowed. */
LT_API lt_status lt_free(lt_engine *engine, lt_ptr ptr);
/* Makes host memory (a mapped file) readable by the engine without a copy, for as long as the caller keeps it mapped; lt_free ends it.
 * LT_UNSUPPORTED where the device has memory of its own. */
LT_API lt_status lt_register(lt_engine *engine, lt_ptr *out, const void *host, int64_t bytes);
LT_API lt_status lt_upload(lt_engine *engine, lt_ptr dst, const void *host, int64_t bytes);
LT_API lt_status lt_download(lt_engine *engine, void *host, lt_ptr src, int64_t bytes);
/* dst and src must not overlap. */
LT_API lt_status lt_copy(lt_engine *engine, lt_ptr dst, lt_ptr src, int64_t bytes);
LT_API lt_status lt_zero(lt_engine *engine, lt_ptr dst, int64_t bytes);

/* The largest shapes that a run will pass to any op; tells the workspace its size. Unused fields are 0. */
typedef struct lt_limits {
  int64_t tokens;      /* T of any call */
  int64_t features;    /* largest rows or cols of a projection's matrix */
  int64_t hidden;      /* cols of the head's input */
  int64_t vocab;       /* rows of the head's matrix */
  int64_t sequences;   /* sequences in one attention call */
  int32_t heads;       /* query heads */
  int32_t head_dim;
  int32_t rank;        /* largest LoRA rank */
  int32_t reserved;    /* 0 */
} lt_limits;

/* Bytes of workspace with which every op within these limits can run on this engine. */
LT_API lt_status lt_workspace_bytes(lt_engine *engine, int64_t *out, const lt_limits *limits);
/* Gives the ops their workspace: a live allocation of the caller's, kept until replaced. An op that needs more than it has returns
 * LT_OUT_OF_MEMORY and says how many bytes it wants. The engine starts without one. */
LT_API lt_status lt_set_workspace(lt_engine *engine, lt_ptr workspace, int64_t bytes);

/* ---------------------------------------------------------------- quantization */

/* w = NF4(x): x [rows, cols] F32, BF16 or F16; w names the buffers to fill: data, absmax, nested_absmax; w->nested_offset is written.
 * Absmax per block of 64 of the flattened matrix (the last may be short), code = number of midpoints < x/absmax; absmax - mean quantized
 * to 8 bits by bitsandbytes' dynamic code in blocks of 256 when nested_absmax is present. Waits for the device.
 * Bit-equal to bitsandbytes (csrc/kernels.cu, functional.py). */
LT_API lt_status lt_nf4_quantize(lt_engine *engine, lt_matrix *w, const lt_tensor *x);
/* y = rows [row0, row0 + y.rows) of w; y F32, BF16 or F16 [n, cols], any w type. */
LT_API lt_status lt_dequantize(lt_engine *engine, const lt_tensor *y, const lt_matrix *w, int64_t row0);
/* Host to host, on this engine's CPU threads whatever its backend: dst = GGUF blocks of src [rows, cols] F32, bytes as llama.cpp's
 * ggml-quants.c writes them. type LT_F32, LT_F16, LT_BF16, LT_Q...; importance: F32 [cols] weights or NULL. cols a multiple of the block.
 * dst_bytes must be exactly rows * cols / block * block bytes. */
LT_API lt_status lt_quantize_rows(lt_engine *engine, void *dst, int64_t dst_bytes, int32_t type, const float *src, int64_t rows,
                                  int64_t cols, const float *importance);

/* ---------------------------------------------------------------- matrix products */

/* y (mode) x W^T. y [T, W.rows] act or F32, x [T, W.cols] act. */
LT_API lt_status lt_matmul(lt_engine *engine, const lt_tensor *y, const lt_tensor *x, const lt_matrix *w, int32_t mode);
/* dx (mode) dy W. dx [T, W.cols] act, dy [T, W.rows] act. */
LT_API lt_status lt_dmatmul(lt_engine *engine, const lt_tensor *dx, const lt_tensor *dy, const lt_matrix *w, int32_t mode);

/* One projection y = x W^T + bias + scale (x A^T) B^T and what its backward needs. LoRA: arXiv 2106.09685. */
typedef struct lt_lora_proj {
  lt_matrix w;     /* [out, in] frozen */
  lt_tensor bias;  /* [1, out] F32; may be absent */
  lt_tensor a;     /* [r, in] F32; may be absent: then no LoRA on this projection, and b, xa, da, db are ignored */
  lt_tensor b;     /* [out, r] F32 */
  lt_tensor xa;    /* [T, r] act: x A^T, written by forward, read by backward */
  lt_tensor da;    /* [r, in] F32, += in backward */
  lt_tensor db;    /* [out, r] F32, += in backward */
  lt_tensor y;     /* [T, out] act: output of forward; in backward this is dy (input) */
  float scale;     /* alpha / r, or alpha / sqrt(r) for rsLoRA (arXiv 2312.03732) */
  int32_t reserved;/* 0 */
} lt_lora_proj;

/* For each of the n projections p: p.y = x p.W^T + p.bias + p.scale (x p.A^T) p.B^T. They share x [T, in] act (q/k/v; gate/up). n <= 8. */
LT_API lt_status lt_lora_matmul(lt_engine *engine, const lt_lora_proj *p, int32_t n, const lt_tensor *x);
/* Backward, p.y holding dy:  t = scale dy B;  dx (mode) sum over p of (dy W + t A);  dA += t^T x;  dB += scale dy^T xa.
 * dx [T, in] act, may be absent (then only dA, dB); must not alias x or any dy. */
LT_API lt_status lt_dlora_matmul(lt_engine *engine, const lt_tensor *dx, const lt_lora_proj *p, int32_t n, const lt_tensor *x, int32_t mode);
/* y = rows [row0, row0 + y.rows) of W + scale B A, y F32 [n, in]; a [r, in] F32, b [out, r] F32. Product and sum in fp32. */
LT_API lt_status lt_lora_merge(lt_engine *engine, const lt_tensor *y, const lt_matrix *w, int64_t row0, const lt_tensor *a, const lt_tensor *b,
                               float scale);

/* ---------------------------------------------------------------- normalisation, positions, gates, elementwise */

/* RMSNorm (arXiv 1910.07467): r_t = 1/sqrt(mean_c x^2 + eps), y = x r (g + offset). y, x [T, C] act; g [1, C] F32; rstd [T, 1] F32, may be
 * absent. offset is 0, or 1 for Gemma's (1 + w). y may alias x. A per-head norm is the same op over a [T*heads, head_dim] view. */
LT_API lt_status lt_rmsnorm(lt_engine *engine, const lt_tensor *y, const lt_tensor *rstd, const lt_tensor *x, const lt_tensor *g, float offset,
                            float eps);
/* dx (mode) r (u - x r^2 mean_c(u x)), u = dy (g + offset); dg += sum_t dy x r, dg [1, C] F32, may be absent. dx may alias dy when mode is SET. */
LT_API lt_status lt_drmsnorm(lt_engine *engine, const lt_tensor *dx, const lt_tensor *dg, const lt_tensor *dy, const lt_tensor *x,
                             const lt_tensor *rstd, const lt_tensor *g, float offset, int32_t mode);

/* Rotary positions (arXiv 2104.09864), "half" pairing: for i < R = inv_freq.cols, angle = pos * inv_freq[i]; dims (i, i + R) of the first 2R
 * of each head rotate: (a, b) -> (a cos - b sin, b cos + a sin) * mscale. In place on q [T, heads*head_dim] and k [T, kv*head_dim] act
 * (k may be absent). pos [T, 1] I32, inv_freq [1, R] F32 (scalings are folded into it by the caller). direction +1 forward, -1 the gradient. */
LT_API lt_status lt_rope(lt_engine *engine, const lt_tensor *q, const lt_tensor *k, const lt_tensor *pos, const lt_tensor *inv_freq, int32_t head_dim,
                         float mscale, int32_t direction);

/* y = act(gate) * up; all [T, F] act. SwiGLU / GeGLU (arXiv 2002.05202). */
LT_API lt_status lt_glu(lt_engine *engine, const lt_tensor *y, const lt_tensor *gate, const lt_tensor *up, int32_t act);
/* dgate = dy up act'(gate), dup = dy act(gate). dgate may alias gate, dup may alias up. */
LT_API lt_status lt_dglu(lt_engine *engine, const lt_tensor *dgate, const lt_tensor *dup, const lt_tensor *dy, const lt_tensor *gate,
                         const lt_tensor *up, int32_t act);

/* y = a + b; y may alias a or b. */
LT_API lt_status lt_add(lt_engine *engine, const lt_tensor *y, const lt_tensor *a, const lt_tensor *b);
/* y = x, converted: any of F32, F16, BF16 to any of them; round to nearest even. */
LT_API lt_status lt_cast(lt_engine *engine, const lt_tensor *y, const lt_tensor *x);
/* x = cap tanh(x / cap), in place, act. */
LT_API lt_status lt_softcap(lt_engine *engine, const lt_tensor *x, float cap);
/* y[t] = x[idx[t]]; idx [T, 1] I32 within x.rows; y, x same dtype. */
LT_API lt_status lt_gather_rows(lt_engine *engine, const lt_tensor *y, const lt_tensor *x, const lt_tensor *idx);
/* y[idx[t]] = x[t]; the idx must differ. Rows of y not named stay. Writes K and V into cache pages. */
LT_API lt_status lt_scatter_rows(lt_engine *engine, const lt_tensor *y, const lt_tensor *x, const lt_tensor *idx);
/* y[t] = scale * W[ids[t]]; ids [T, 1] I32 within W.rows; y [T, H] act; any W type. */
LT_API lt_status lt_embedding(lt_engine *engine, const lt_tensor *y, const lt_tensor *ids, const lt_matrix *w, float scale);

/* ---------------------------------------------------------------- attention */

typedef struct lt_attention_params {
  lt_tensor cu_seqlens; /* [n + 1, 1] I32: sequence s holds the query tokens [cu[s], cu[s+1]); cu[0] = 0, cu[n] = T */
  int32_t heads;        /* query heads */
  int32_t kv_heads;     /* divides heads; query head h reads kv head h / (heads / kv_heads) */
  int32_t head_dim;     /* 8..256, multiple of 8 */
  int32_t window;       /* query at p sees keys k with p - window < k <= p; 0: all k <= p */
  int32_t max_seqlen;   /* longest sequence (paged: most keys of a sequence), so that grids can be sized without asking the device */
  float scale;          /* of q k^T */
  float softcap;        /* scores = cap tanh(scores / cap) before the mask; 0: none */
  int32_t reserved;     /* 0 */
} lt_attention_params;

/* Causal attention over packed sequences, nothing of size T x T kept (FlashAttention-2, arXiv 2307.08691).
 * o, q [T, heads*head_dim], k, v [T, kv_heads*head_dim] act; lse [T, heads] F32: log-sum-exp of the scores, for backward; may be absent. */
LT_API lt_status lt_attention(lt_engine *engine, const lt_tensor *o, const lt_tensor *lse, const lt_tensor *q, const lt_tensor *k, const lt_tensor *v,
                              const lt_attention_params *p);
/* dq, dk, dv = gradients (set). dout, o, q, k, v, lse as in forward. dq may alias nothing. */
LT_API lt_status lt_dattention(lt_engine *engine, const lt_tensor *dq, const lt_tensor *dk, const lt_tensor *dv, const lt_tensor *dout, const lt_tensor *o,
                               const lt_tensor *lse, const lt_tensor *q, const lt_tensor *k, const lt_tensor *v, const lt_attention_params *p);

/* The same over a paged cache, for prefill in pieces and for decoding many sequences at once. Sequence s has kv_lens[s] keys, of which the
 * last cu[s+1]-cu[s] belong to its queries; key j of s is row pages[s][j / page_size] * page_size + j % page_size of kcache and vcache
 * [pages * page_size, kv_heads*head_dim] act. pages [n, most pages] I32, kv_lens [n, 1] I32. */
LT_API lt_status lt_paged_attention(lt_engine *engine, const lt_tensor *o, const lt_tensor *q, const lt_tensor *kcache, const lt_tensor *vcache,
                                    const lt_tensor *pages, const lt_tensor *kv_lens, int32_t page_size, const lt_attention_params *p);

/* ---------------------------------------------------------------- loss, optimizer, sampling */

typedef struct lt_head_loss_params {
  float grad_scale;    /* dx = grad_scale * d(sum of nll)/dx: 1 / target tokens, times the loss scale */
  float softcap;       /* of the logits; 0: none */
  float smoothing;     /* label smoothing in [0, 1): nll = (1-s) * -log p[label] + s * mean_v -log p[v] */
  int32_t ignore;      /* label that counts nothing (-100): nll 0, gradient 0 */
} lt_head_loss_params;

/* Head and cross-entropy in chunks of tokens, the logits [T, V] never exist. nll [T, 1] F32; dx [T, H] act (set), may be absent;
 * best [T, 1] I32: argmax of the logits, lowest id on a tie, may be absent; x [T, H] act, w [V, H], labels [T, 1] I32 in [0, V) or ignore.
 * Labels are the targets of their own row: the caller has shifted them. */
LT_API lt_status lt_head_loss(lt_engine *engine, const lt_tensor *nll, const lt_tensor *dx, const lt_tensor *best, const lt_tensor *x, const lt_matrix *w,
                              const lt_tensor *labels, const lt_head_loss_params *p);

/* out [1, 2] F32: out[0] = ||g * scale||_2 over all elements (fp64 accumulation or pairwise), out[1] = number of non-finite elements. */
LT_API lt_status lt_grad_norm(lt_engine *engine, const lt_tensor *out, const lt_tensor *g, float scale);

typedef struct lt_adamw_params {
  lt_tensor param;     /* [1, N] F32: all trainable tensors in one buffer, each padded to a multiple of 256 elements */
  lt_tensor grad;      /* [1, N] F32 */
  lt_tensor m;         /* [1, N] F32, or U8 with m_absmax */
  lt_tensor v;         /* [1, N] F32, or U8 with v_absmax */
  lt_tensor m_absmax;  /* 8-bit states (arXiv 2110.02861), blocks of 256: [1, N/256] F32; absent with F32 states */
  lt_tensor v_absmax;
  lt_tensor norm;      /* [1, 2] F32 of lt_grad_norm: clipping and the skip are decided on the device */
  float lr;
  float beta1;
  float beta2;
  float eps;
  float weight_decay;  /* decoupled: p *= 1 - lr * wd before the update (arXiv 1711.05101) */
  float clip;          /* gradients *= min(1, clip / (norm + 1e-6)); 0: no clipping */
  float grad_scale;    /* gradients *= this first: 1 / loss scale; the same as given to lt_grad_norm */
  int32_t step;        /* 1 for the first update: bias corrections 1 - beta^step */
} lt_adamw_params;

/* One AdamW update of everything; nothing changes when norm says that a gradient is not finite. */
LT_API lt_status lt_adamw(lt_engine *engine, const lt_adamw_params *p);

typedef struct lt_sample_params {
  uint64_t seed;        /* Philox4x32-10 key (Salmon et al., SC'11) */
  uint64_t counter;     /* of this draw: the token's position; row i of the call draws with (counter, i) */
  float temperature;    /* 0: greedy, lowest id on a tie */
  float top_p;          /* nucleus, (0, 1]; 1: off */
  float min_p;          /* drop tokens below min_p * the best probability; 0: off */
  float repeat_penalty; /* logits of ids in history: divided when positive, multiplied when negative; 1: off (arXiv 1909.05858) */
  int32_t top_k;        /* 0: off */
  int32_t reserved;     /* 0 */
} lt_sample_params;

/* ids [n, 1] I32 drawn from logits [n, V] F32 (left unchanged). history [n, m] I32, entries < 0 are ignored; may be absent.
 * Order: repeat penalty, temperature, top-k, top-p, min-p. */
LT_API lt_status lt_sample(lt_engine *engine, const lt_tensor *ids, const lt_tensor *logits, const lt_tensor *history, const lt_sample_params *p);

#ifdef __cplusplus
}
#endif
#endif
