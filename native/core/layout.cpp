/* lt_struct_layout: the structs of luthier.h as this library was compiled. */
#include <cstddef>
#include <cstring>

#include "engine.h"

namespace {

struct Field {
  const char *struct_name;
  const char *name; /* "": the whole struct */
  int64_t offset;
  int64_t size;
};

#define WHOLE(S) {#S, "", 0, sizeof(S)}
#define FIELD(S, F) {#S, #F, offsetof(S, F), sizeof(S::F)}

constexpr Field kFields[] = {
    WHOLE(lt_tensor), FIELD(lt_tensor, data), FIELD(lt_tensor, rows), FIELD(lt_tensor, cols), FIELD(lt_tensor, row_stride),
    FIELD(lt_tensor, dtype), FIELD(lt_tensor, reserved),

    WHOLE(lt_matrix), FIELD(lt_matrix, data), FIELD(lt_matrix, absmax), FIELD(lt_matrix, nested_absmax), FIELD(lt_matrix, rows),
    FIELD(lt_matrix, cols), FIELD(lt_matrix, type), FIELD(lt_matrix, nested_offset),

    WHOLE(lt_engine_config), FIELD(lt_engine_config, backend), FIELD(lt_engine_config, library), FIELD(lt_engine_config, device),
    FIELD(lt_engine_config, threads), FIELD(lt_engine_config, precision), FIELD(lt_engine_config, reserved),

    WHOLE(lt_device_info), FIELD(lt_device_info, name), FIELD(lt_device_info, features), FIELD(lt_device_info, matmul),
    FIELD(lt_device_info, memory_total), FIELD(lt_device_info, memory_free), FIELD(lt_device_info, threads), FIELD(lt_device_info, capability),

    WHOLE(lt_limits), FIELD(lt_limits, tokens), FIELD(lt_limits, features), FIELD(lt_limits, hidden), FIELD(lt_limits, vocab),
    FIELD(lt_limits, sequences), FIELD(lt_limits, heads), FIELD(lt_limits, head_dim), FIELD(lt_limits, rank), FIELD(lt_limits, reserved),

    WHOLE(lt_lora_proj), FIELD(lt_lora_proj, w), FIELD(lt_lora_proj, bias), FIELD(lt_lora_proj, a), FIELD(lt_lora_proj, b),
    FIELD(lt_lora_proj, xa), FIELD(lt_lora_proj, da), FIELD(lt_lora_proj, db), FIELD(lt_lora_proj, y), FIELD(lt_lora_proj, scale),
    FIELD(lt_lora_proj, reserved),

    WHOLE(lt_attention_params), FIELD(lt_attention_params, cu_seqlens), FIELD(lt_attention_params, heads), FIELD(lt_attention_params, kv_heads),
    FIELD(lt_attention_params, head_dim), FIELD(lt_attention_params, window), FIELD(lt_attention_params, max_seqlen),
    FIELD(lt_attention_params, scale), FIELD(lt_attention_params, softcap), FIELD(lt_attention_params, reserved),

    WHOLE(lt_head_loss_params), FIELD(lt_head_loss_params, grad_scale), FIELD(lt_head_loss_params, softcap),
    FIELD(lt_head_loss_params, smoothing), FIELD(lt_head_loss_params, ignore),

    WHOLE(lt_adamw_params), FIELD(lt_adamw_params, param), FIELD(lt_adamw_params, grad), FIELD(lt_adamw_params, m), FIELD(lt_adamw_params, v),
    FIELD(lt_adamw_params, m_absmax), FIELD(lt_adamw_params, v_absmax), FIELD(lt_adamw_params, norm), FIELD(lt_adamw_params, lr),
    FIELD(lt_adamw_params, beta1), FIELD(lt_adamw_params, beta2), FIELD(lt_adamw_params, eps), FIELD(lt_adamw_params, weight_decay),
    FIELD(lt_adamw_params, clip), FIELD(lt_adamw_params, grad_scale), FIELD(lt_adamw_params, step),

    WHOLE(lt_sample_params), FIELD(lt_sample_params, seed), FIELD(lt_sample_params, counter), FIELD(lt_sample_params, temperature),
    FIELD(lt_sample_params, top_p), FIELD(lt_sample_params, min_p), FIELD(lt_sample_params, repeat_penalty), FIELD(lt_sample_params, top_k),
    FIELD(lt_sample_params, reserved),
};

}  // namespace

extern "C" lt_status lt_struct_layout(const char *struct_name, const char *field, int64_t *offset, int64_t *size) {
  using namespace luthier;
  return guarded("lt_struct_layout", [&] {
    if (!struct_name || !field || !offset || !size) fail(LT_INVALID, "lt_struct_layout: an argument is NULL");
    bool known = false;
    for (const Field &f : kFields) {
      if (strcmp(f.struct_name, struct_name) != 0) continue;
      known = true;
      if (strcmp(f.name, field) != 0) continue;
      *offset = f.offset;
      *size = f.size;
      return static_cast<lt_status>(LT_OK);
    }
    fail(LT_INVALID, known ? "lt_struct_layout: struct %s has no field %s" : "lt_struct_layout: there is no struct %s (field %s)", struct_name,
         field);
  });
}
