/* Which instructions the matrix products of an engine take. */
#pragma once

#include "cpu.h"
#include "gemm_kernels.h"

namespace luthier::cpu {

const GemmKernels &gemm_kernels(const Cpu &);
const TileKernels &gemm_tile(const Cpu &, int32_t precision);

}  // namespace luthier::cpu
