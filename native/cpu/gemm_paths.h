/* Which instructions the matrix products of an engine take. */
#pragma once

#include "cpu.h"
#include "gemm_kernels.h"

namespace luthier::cpu {

const GemmKernels &gemm_kernels(Isa);

/* The micro-kernel for this precision: the fastest this processor has, or what the environment variable LUTHIER_CPU names: base, avx2 and
 * avx512 multiply in fp32, avx512bf16 and amx have instructions for bf16. LT_UNAVAILABLE where the processor lacks them. */
const TileKernels &choose_tile(const Features &, Isa, int32_t precision);

}  // namespace luthier::cpu
