/* How the core reaches the CPU backend, which needs no library of its own. */
#pragma once

#include "../core/backend.h"
#include "cpu.h"

namespace luthier::cpu {

/* As lt_backend_open, failures being luthier::Error. */
void open(Backend *out, const lt_engine_config &config);

/* The state behind a Backend that open() filled. */
Cpu &cpu_of(const Backend &);

}  // namespace luthier::cpu
