/* The table of the ops compiled for one Isa. */
#include "isa.h"

namespace luthier::cpu::LT_ISA {

const Kernels kernels = {};

}  // namespace luthier::cpu::LT_ISA
