/* What a backend is: one table of functions, filled by native/cpu in this library and by libluthier_cuda.so or its emulated twin.
 *
 * The core has validated every argument before it calls: shapes, dtypes, strides, aliasing, alignment, and that each byte range lies in a
 * live allocation of this engine. Pointers of the C ABI became references; an absent tensor is one whose data is 0. What only the device
 * can see (ids, row indices, page numbers, cu_seqlens) the core cannot check: a backend must stay inside the given ranges whatever they
 * hold, and report LT_INVALID where it can.
 *
 * A function returns LT_OK, or another status after Host::fail(sentence), the sentence beginning with the name of the C function.
 * It lets no exception out (a backend inside the core library may throw luthier::Error; the core catches it). A null entry is an op that
 * the backend does not have: the core answers LT_UNSUPPORTED.
 */
#pragma once

#include "luthier.h"

namespace luthier {

/* What the core lends to a backend library. */
struct Host {
  void (*fail)(const char *text); /* sets lt_last_error of this thread */
};

struct Backend {
  int64_t size; /* sizeof(Backend) as the backend was compiled: the core refuses another */
  void *self;   /* first argument of every function below */

  void (*close)(void *self); /* frees everything, live allocations too */
  lt_status (*device)(void *self, lt_device_info &out);
  lt_status (*synchronize)(void *self);

  lt_status (*alloc)(void *self, lt_ptr &out, int64_t bytes);
  lt_status (*free)(void *self, lt_ptr ptr, int64_t bytes);
  lt_status (*register_host)(void *self, lt_ptr &out, const void *host, int64_t bytes);
  lt_status (*unregister_host)(void *self, lt_ptr ptr, int64_t bytes);
  lt_status (*upload)(void *self, lt_ptr dst, const void *host, int64_t bytes);
  lt_status (*download)(void *self, void *host, lt_ptr src, int64_t bytes);
  lt_status (*copy)(void *self, lt_ptr dst, lt_ptr src, int64_t bytes);
  lt_status (*zero)(void *self, lt_ptr dst, int64_t bytes);
  lt_status (*workspace_bytes)(void *self, int64_t &out, const lt_limits &limits);
  lt_status (*set_workspace)(void *self, lt_ptr workspace, int64_t bytes);

  lt_status (*nf4_quantize)(void *self, lt_matrix &w, const lt_tensor &x);
  lt_status (*dequantize)(void *self, const lt_tensor &y, const lt_matrix &w, int64_t row0);

  lt_status (*matmul)(void *self, const lt_tensor &y, const lt_tensor &x, const lt_matrix &w, int32_t mode);
  lt_status (*dmatmul)(void *self, const lt_tensor &dx, const lt_tensor &dy, const lt_matrix &w, int32_t mode);
  lt_status (*lora_matmul)(void *self, const lt_lora_proj *p, int32_t n, const lt_tensor &x);
  lt_status (*dlora_matmul)(void *self, const lt_tensor &dx, const lt_lora_proj *p, int32_t n, const lt_tensor &x, int32_t mode);
  lt_status (*lora_merge)(void *self, const lt_tensor &y, const lt_matrix &w, int64_t row0, const lt_tensor &a, const lt_tensor &b, float scale);

  lt_status (*rmsnorm)(void *self, const lt_tensor &y, const lt_tensor &rstd, const lt_tensor &x, const lt_tensor &g, float offset, float eps);
  lt_status (*drmsnorm)(void *self, const lt_tensor &dx, const lt_tensor &dg, const lt_tensor &dy, const lt_tensor &x, const lt_tensor &rstd,
                        const lt_tensor &g, float offset, int32_t mode);
  lt_status (*rope)(void *self, const lt_tensor &q, const lt_tensor &k, const lt_tensor &pos, const lt_tensor &inv_freq, int32_t head_dim,
                    float mscale, int32_t direction);
  lt_status (*glu)(void *self, const lt_tensor &y, const lt_tensor &gate, const lt_tensor &up, int32_t act);
  lt_status (*dglu)(void *self, const lt_tensor &dgate, const lt_tensor &dup, const lt_tensor &dy, const lt_tensor &gate, const lt_tensor &up,
                    int32_t act);
  lt_status (*add)(void *self, const lt_tensor &y, const lt_tensor &a, const lt_tensor &b);
  lt_status (*cast)(void *self, const lt_tensor &y, const lt_tensor &x);
  lt_status (*softcap)(void *self, const lt_tensor &x, float cap);
  lt_status (*gather_rows)(void *self, const lt_tensor &y, const lt_tensor &x, const lt_tensor &idx);
  lt_status (*scatter_rows)(void *self, const lt_tensor &y, const lt_tensor &x, const lt_tensor &idx);
  lt_status (*embedding)(void *self, const lt_tensor &y, const lt_tensor &ids, const lt_matrix &w, float scale);

  lt_status (*attention)(void *self, const lt_tensor &o, const lt_tensor &lse, const lt_tensor &q, const lt_tensor &k, const lt_tensor &v,
                         const lt_attention_params &p);
  lt_status (*dattention)(void *self, const lt_tensor &dq, const lt_tensor &dk, const lt_tensor &dv, const lt_tensor &dout, const lt_tensor &o,
                          const lt_tensor &lse, const lt_tensor &q, const lt_tensor &k, const lt_tensor &v, const lt_attention_params &p);
  lt_status (*paged_attention)(void *self, const lt_tensor &o, const lt_tensor &q, const lt_tensor &kcache, const lt_tensor &vcache,
                               const lt_tensor &pages, const lt_tensor &kv_lens, int32_t page_size, const lt_attention_params &p);

  lt_status (*head_loss)(void *self, const lt_tensor &nll, const lt_tensor &dx, const lt_tensor &best, const lt_tensor &x, const lt_matrix &w,
                         const lt_tensor &labels, const lt_head_loss_params &p);
  lt_status (*grad_norm)(void *self, const lt_tensor &out, const lt_tensor &g, float scale);
  lt_status (*adamw)(void *self, const lt_adamw_params &p);
  lt_status (*sample)(void *self, const lt_tensor &ids, const lt_tensor &logits, const lt_tensor &history, const lt_sample_params &p);
};

/* The one symbol of a backend library, with C linkage and default visibility: `lt_backend_open`. Fills *out for config->device, or, with
 * out null, only says whether it could. LT_UNAVAILABLE with a sentence (of no function's name) when it cannot start here. host outlives the
 * backend. */
using BackendOpen = lt_status (*)(Backend *out, const lt_engine_config *config, const Host *host);
constexpr const char *kBackendOpen = "lt_backend_open";

}  // namespace luthier
