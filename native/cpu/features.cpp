#include "features.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../core/status.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace luthier::cpu {

Features detect_features() {
  Features f{};
  snprintf(f.brand, sizeof f.brand, "unknown processor");
#if defined(__x86_64__)
  unsigned a, b, c, d;
  if (__get_cpuid(0x80000004, &a, &b, &c, &d)) {
    unsigned words[12];
    for (unsigned i = 0; i < 3; i++) __get_cpuid(0x80000002 + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]);
    memcpy(f.brand, words, 48);
    f.brand[48] = 0;
  }
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return f;
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  const bool ymm = (low & 0x6) == 0x6, zmm = (low & 0xe6) == 0xe6, tiles = (low & 0x60000) == 0x60000;
  f.fma = ymm && (c & bit_FMA);
  f.f16c = ymm && (c & bit_F16C);
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return f;
  const unsigned subleaves = a;
  f.avx2 = ymm && (b & bit_AVX2);
  f.avx512f = zmm && (b & bit_AVX512F);
  f.avx512bw = zmm && (b & bit_AVX512BW);
  f.avx512dq = zmm && (b & bit_AVX512DQ);
  f.avx512vl = zmm && (b & bit_AVX512VL);
  f.avx512_vnni = zmm && (c & 1u << 11);
  f.amx_bf16 = tiles && (d & 1u << 22);
  f.amx_tile = tiles && (d & 1u << 24);
  f.amx_int8 = tiles && (d & 1u << 25);
  if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) f.avx512_bf16 = zmm && (a & 1u << 5);
#endif
  return f;
}

const char *isa_name(Isa isa) {
  switch (isa) {
    case Isa::base: return "base";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
  }
  return "";
}

Isa choose_isa(const Features &f) {
  Isa best = Isa::base;
  if (f.avx2 && f.fma && f.f16c) best = Isa::avx2;
  if (best == Isa::avx2 && f.avx512f && f.avx512bw && f.avx512dq && f.avx512vl) best = Isa::avx512;
  const char *wanted = getenv("LUTHIER_CPU");
  if (!wanted || !*wanted) return best;
  for (Isa isa : {Isa::base, Isa::avx2, Isa::avx512}) {
    if (strcmp(wanted, isa_name(isa)) != 0) continue;
    if (isa > best) fail(LT_UNAVAILABLE, "LUTHIER_CPU is %s, but this processor (%s) has no more than %s", wanted, f.brand, isa_name(best));
    return isa;
  }
  const bool tiles = strcmp(wanted, "avx512bf16") == 0 || strcmp(wanted, "amx") == 0;
  if (!tiles) fail(LT_UNAVAILABLE, "LUTHIER_CPU is %s, wanted base, avx2, avx512, avx512bf16 or amx", wanted);
  const bool amx = wanted[1] == 'm', has = best == Isa::avx512 && (amx ? f.amx_tile && f.amx_bf16 : f.avx512_bf16);
  if (!has) fail(LT_UNAVAILABLE, "LUTHIER_CPU is %s, but this processor (%s) lacks it", wanted, f.brand);
  return best;
}

void describe(const Features &f, char *out, int size) {
  const struct {
    bool has;
    const char *name;
  } names[] = {{f.avx2, "avx2"},           {f.fma, "fma"},           {f.f16c, "f16c"},         {f.avx512f, "avx512f"},
               {f.avx512bw, "avx512bw"},   {f.avx512dq, "avx512dq"}, {f.avx512vl, "avx512vl"}, {f.avx512_bf16, "avx512_bf16"},
               {f.avx512_vnni, "avx512_vnni"}, {f.amx_tile, "amx_tile"}, {f.amx_bf16, "amx_bf16"}, {f.amx_int8, "amx_int8"}};
  int used = 0;
  out[0] = 0;
  for (const auto &n : names)
    if (n.has && used < size) used += snprintf(out + used, size - used, "%s%s", used ? " " : "", n.name);
}

}  // namespace luthier::cpu
