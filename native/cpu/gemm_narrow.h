/* fp32 to bf16 by the instructions of AVX512-BF16, for the files compiled with them. */
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace luthier::cpu {
namespace {

void narrow_bf16(const float *x, int64_t n, uint16_t *out) {
  int64_t i = 0;
  for (; i + 32 <= n; i += 32)
    _mm512_storeu_si512(out + i, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + 16), _mm512_loadu_ps(x + i)));
  for (; i < n; i += 16) {
    const int64_t left = n - i < 16 ? n - i : 16;
    const __mmask16 mask = static_cast<__mmask16>((1u << left) - 1);
    _mm256_mask_storeu_epi16(out + i, mask, (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x + i)));
  }
}

}  // namespace
}  // namespace luthier::cpu
