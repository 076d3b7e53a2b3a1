/* The table of the ops compiled for one Isa. */
#include "isa.h"

namespace luthier::cpu::LT_ISA {

/* Functions of the same types as the table's entries, defined by the files of their names. */
#define LT_DECLARE(op) extern std::remove_pointer_t<decltype(Kernels::op)> op;
LT_DECLARE(expand)
LT_DECLARE(expand_bf16)
LT_DECLARE(nf4_quantize)
LT_DECLARE(dequantize)
LT_DECLARE(embedding)
LT_DECLARE(quantize_k)
LT_DECLARE(quantize_weighed)
LT_DECLARE(rmsnorm)
LT_DECLARE(drmsnorm)
LT_DECLARE(rope)
LT_DECLARE(glu)
LT_DECLARE(dglu)
LT_DECLARE(add)
LT_DECLARE(cast)
LT_DECLARE(softcap)
LT_DECLARE(gather_rows)
LT_DECLARE(scatter_rows)
LT_DECLARE(attention)
LT_DECLARE(dattention)
LT_DECLARE(paged_attention)
LT_DECLARE(grad_norm)
LT_DECLARE(adamw)
LT_DECLARE(sample)

extern const Kernels kernels;
const Kernels kernels = {expand,   expand_bf16,  nf4_quantize, dequantize, embedding,  quantize_k,      quantize_weighed, rmsnorm, drmsnorm, rope,  glu, dglu, add, cast,
                         softcap,  gather_rows,  scatter_rows, attention,  dattention, paged_attention, grad_norm,        adamw,   sample};

}  // namespace luthier::cpu::LT_ISA
