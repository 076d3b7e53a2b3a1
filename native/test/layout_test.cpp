#include <cstddef>

#include "test.h"

namespace {

void check_field(const char *s, const char *field, int64_t offset, int64_t size) {
  int64_t o = -1, n = -1;
  OK(lt_struct_layout(s, field, &o, &n));
  CHECK(o == offset && n == size, "%s.%s is at %lld with %lld bytes, wanted %lld with %lld", s, field, (long long)o, (long long)n,
        (long long)offset, (long long)size);
}

TEST(layout_is_reported) {
  check_field("lt_tensor", "", 0, 40);
  check_field("lt_tensor", "row_stride", 24, 8);
  check_field("lt_matrix", "", 0, 48);
  check_field("lt_matrix", "nested_offset", 44, 4);
  check_field("lt_engine_config", "precision", 24, 4);
  check_field("lt_device_info", "capability", 532, 4);
  check_field("lt_lora_proj", "y", 48 + 6 * 40, 40);
  check_field("lt_lora_proj", "scale", 48 + 7 * 40, 4);
  check_field("lt_adamw_params", "step", 7 * 40 + 7 * 4, 4);
  check_field("lt_sample_params", "top_k", 32, 4);
}

TEST(layout_names_errors) {
  int64_t o, n;
  ERROR(lt_struct_layout("lt_tenser", "data", &o, &n), LT_INVALID, "lt_struct_layout: there is no struct lt_tenser (field data)");
  ERROR(lt_struct_layout("lt_tensor", "date", &o, &n), LT_INVALID, "lt_struct_layout: struct lt_tensor has no field date");
  ERROR(lt_struct_layout("lt_tensor", nullptr, &o, &n), LT_INVALID, "lt_struct_layout: an argument is NULL");
}

}  // namespace
