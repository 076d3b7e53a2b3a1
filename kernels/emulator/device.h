// Everything a kernel finds built in under nvcc, for the CPU.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "async.h"
#include "atomics.h"
#include "execution.h"
#include "intrinsics.h"
#include "warp.h"
