// What a test (or a host program) may ask of the emulator beside the CUDA runtime's own calls.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cuda_runtime_api.h>

namespace emu {

// ---------------------------------------------------------------- schedules
// A thread is never preempted between synchronisation points, so what varies is who goes first:
//   fifo          round robin, the warps advance together
//   ahead_*       strict priorities: one warp runs until it cannot, then the next; lanes likewise
//   random        uniformly random
// Blocks run one after another, in an order that the same seed decides.
enum class Order { fifo, ahead_up, ahead_down, ahead_random, random };

// Seeds 0..3 are fifo, ahead_up, ahead_down and random; above that ahead_random and random take turns.
// One seed gives one schedule, always.
void set_seed(uint64_t seed);
Order order();

// ---------------------------------------------------------------- streams
// deferred: work waits in its stream until the host synchronises with it, and only that stream (and what it waits
//           for) runs then: a missing synchronisation shows. The default.
// immediate: work runs when it is submitted: an overwrite that comes too early shows. Also KE_STREAMS=immediate.
enum class Streams { deferred, immediate };
void set_streams(Streams mode);

// ---------------------------------------------------------------- the device
struct Device {
    int count = 1;                     // 0: cudaGetDeviceCount says cudaErrorNoDevice
    int capability = 0;                // compute capability as 75, 80, 90; 0: the one the kernels were compiled for
    int multiprocessors = 2;
    size_t memory = size_t(8) << 30;   // bytes; cudaMalloc beyond it is cudaErrorMemoryAllocation
    size_t shared_per_block = 0;       // bytes; 0: what the capability has
};
// Must not be called while device work is pending. Live allocations stay.
void set_device(const Device& device);
Device device();
size_t device_bytes();                 // allocated now
size_t device_peak();                  // the most since reset()

// ---------------------------------------------------------------- faults
// The nth call (1 = the next one) of a runtime function returns `error` and does nothing. Kernel launches are
// "cudaLaunchKernel". Also by environment: KE_FAIL=cudaMalloc:3:2[,name:nth:code ...].
void inject(const char* function, int nth, cudaError_t error);

// Back to the state of a fresh process: pending work, sticky error, allocations, faults and limits are gone.
void reset();

// ---------------------------------------------------------------- counters since the process began
struct Stats {
    uint64_t launches, blocks, threads, switches, collectives, barriers, mma;
    size_t shared_static, shared_dynamic;   // the largest seen, bytes per block
};
extern Stats stats;
}  // namespace emu
