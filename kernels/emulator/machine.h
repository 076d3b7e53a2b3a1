// The state of the launch in progress and the parts that work on it. Internal to the emulator.
//   stack.h/.cpp        one CPU stack per CUDA thread, and the switch between stacks
//   scheduler.cpp       who runs next
//   collectives.cpp     the rendezvous of a warp; shuffles, votes, reductions
//   matrix.cpp          ldmatrix, movmatrix, mma
//   barrier.cpp         __syncthreads and named barriers
//   shared_memory.cpp   shared memory that starts as garbage
//   async.cpp           cp.async queues
//   launch.cpp          grids, blocks, threads; the report when threads cannot meet
#pragma once
#include <string>
#include <vector>

#include "async.h"
#include "emulator.h"
#include "execution.h"
#include "stack.h"
#include "warp.h"

namespace emu {

struct Warp;

enum class State : uint8_t { ready, in_warp_op, in_barrier, done };

// A CUDA thread.
struct Fiber {
    Stack stack;
    Warp* warp = nullptr;
    uint3 thread{};
    uint8_t lane = 0;
    State state = State::ready;
    // what it waits for, for barrier() and for the report of a deadlock
    int barrier = 0;
    const char* waiting_in = "";
    unsigned mask = 0;
    Site site{};
    void* tsan = nullptr;
    // cp.async in flight, oldest first
    struct Pending {
        AsyncCopy copy;
        int group;
    };
    Pending* pending = nullptr;
    int pending_count = 0, groups_committed = 0;
};

// Lanes that have come to the same operation with the same mask.
struct Rendezvous {
    WarpOp op;
    unsigned mask, arrived;
    Site site;
};

struct Warp {
    Fiber* lane[32];
    void* io[32];
    unsigned present, exited, ready;   // bit per lane
    Rendezvous open[32];
    int open_count;
    char sync_object[8];               // for ThreadSanitizer
};

struct Barrier {
    int arrived, votes, result[2];
    unsigned generation;
    Site site;
    Fiber* first;
    char sync_object[2][8];
};

constexpr int kBarriers = 16;
constexpr int kPendingCopies = 128;    // cp.async in flight per thread

struct Machine {
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    Barrier barriers[kBarriers];
    std::vector<Fiber::Pending> pending_pool;
    Fiber* current = nullptr;          // null: the scheduler's own stack
    int alive = 0;
    uint64_t block = 0;                // counts blocks over all launches
    const std::function<void()>* thread_body = nullptr;
    char error[4096];                  // a plain array: written on fiber stacks, where nothing may be allocated
    char launch_end[8];                // for ThreadSanitizer
};
extern Machine machine;

// ---- scheduler.cpp
void schedule_launch(size_t threads);               // room for so many threads
void schedule_block();                              // draws the priorities of the next block
void order_blocks(std::vector<size_t>& blocks);
void make_ready(Fiber* fiber);
Fiber* next_ready();                                // null: nobody can run
void switch_to(Fiber* to, bool dying = false);      // null: back to the scheduler's stack
void wait(State state, const char* in, unsigned mask, Site site);
void on_fiber_start();                              // first act of a new fiber

// ---- collectives.cpp, matrix.cpp
void lane_exited(Fiber* fiber);                     // completes what only this lane was missing from
const char* name(WarpOp op);
void run_ldmatrix(Warp& warp);
void run_movmatrix(Warp& warp);
void run_mma(Warp& warp);

// ---- shared_memory.cpp
void begin_shared(size_t dynamic_bytes);            // once a launch
void begin_shared_block();                          // once a block: everything becomes garbage
void end_shared();
size_t shared_limit();                              // bytes per block

// ---- launch.cpp
// Runs all blocks now. False: the kernel failed, and machine.error says how.
bool run_grid(const Launch& launch, const std::function<void()>& thread);

const char* base_name(const char* path);
}  // namespace emu
