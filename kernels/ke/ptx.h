// All inline PTX of the project, by subject. Each wrapper has an asm body for the GPU and a CPU model for the
// emulator that moves exactly the same data, and a case in test/conformance_test.cpp that compares both.
// Not here on purpose, for want of a CPU model: wgmma, TMA (cp.async.bulk), clusters, mbarrier. A kernel that uses
// them keeps them under #if defined(KE_GPU) beside a twin that does without.
#pragma once
#include "ke/ptx_copy.h"     // cp.async
#include "ke/ptx_math.h"     // approximate functions
#include "ke/ptx_matrix.h"   // ldmatrix, movmatrix, mma.sync
#include "ke/ptx_sync.h"     // named barriers
