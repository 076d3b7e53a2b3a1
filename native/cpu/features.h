/* What the processor and the operating system offer, read from cpuid and xgetbv. */
#pragma once

namespace luthier::cpu {

struct Features {
  bool avx2, fma, f16c;
  bool avx512f, avx512bw, avx512dq, avx512vl, avx512_bf16, avx512_vnni;
  bool amx_tile, amx_bf16, amx_int8; /* the processor's; a thread also needs the kernel's leave (arch_prctl) */
  char brand[49];                    /* "AMD EPYC ..." */
};

Features detect_features();

/* The sets of instructions that native/cpu is compiled for; each includes those before it. */
enum class Isa { base, avx2, avx512 };

/* The best the processor has, or less when the environment variable LUTHIER_CPU says base, avx2 or avx512 (avx512bf16 and amx are avx512 here
 * and name a micro-kernel of the matrix products, gemm_paths.h). */
Isa choose_isa(const Features &);
const char *isa_name(Isa);

/* "avx2 fma f16c ...", into a buffer of lt_device_info::features' size. */
void describe(const Features &, char *out, int size);

}  // namespace luthier::cpu
