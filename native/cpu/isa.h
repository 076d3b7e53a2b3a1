/* Files that include this as their subject (norm.cpp, attention.cpp, ...) are compiled once for each Isa, with LT_ISA naming the namespace
 * and the -m flags to match. Everything such a file defines stands in luthier::cpu::LT_ISA, and it uses no inline function or template
 * instance of anybody else's that could end up out of line: the linker would keep one copy of it, perhaps the one an old processor cannot
 * run. native/test/symbols.cmake checks the objects. */
#pragma once

#include "ops.h"

namespace luthier::cpu {
namespace base {
extern const Kernels kernels;
}
#if defined(LT_HAVE_X86_ISAS)
namespace avx2 {
extern const Kernels kernels;
}
namespace avx512 {
extern const Kernels kernels;
}
#endif
}  // namespace luthier::cpu
