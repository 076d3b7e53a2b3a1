// One launch: the blocks of the grid one after another, the threads of a block as fibers.
#include <cstdio>
#include <cstdlib>

#include "machine.h"
#include "sanitizers.h"

namespace emu {
namespace {
void fiber_main() {
    on_fiber_start();
    (*machine.thread_body)();
    Fiber* f = machine.current;
    san::release(machine.launch_end);
    f->state = State::done;
    machine.alive--;
    lane_exited(f);
    switch_to(next_ready(), true);
    abort();
}

// Nobody can run and not all are done: says where the threads stand, alike ones together.
void report_deadlock() {
    char* const text = machine.error;
    const size_t room = sizeof machine.error;
    const uint3 b = context.block;
    int n = snprintf(text, room, "block (%u,%u,%u): threads cannot meet - divergent barrier or warp operation:", b.x, b.y, b.z);
    auto alike = [](const Fiber& x, const Fiber& y) {
        return x.state == y.state && (x.state == State::done || (x.waiting_in == y.waiting_in && x.mask == y.mask && x.site.line == y.site.line));
    };
    const auto& fibers = machine.fibers;
    for (size_t i = 0; i < fibers.size() && n < (int)room - 300; i++) {
        const Fiber& f = fibers[i];
        int count = 0;
        bool first = true;
        for (size_t j = 0; j < fibers.size(); j++)
            if (alike(f, fibers[j])) {
                count++;
                first &= j >= i;
            }
        if (!first) continue;
        n += snprintf(text + n, room - n, "\n    %4d threads %s%s", count, f.state == State::done ? "exited" : "wait in ", f.state == State::done ? "" : f.waiting_in);
        if (f.state == State::in_warp_op) n += snprintf(text + n, room - n, " (mask 0x%08x)", f.mask);
        if (f.state != State::done) n += snprintf(text + n, room - n, " at %s:%d", base_name(f.site.file), f.site.line);
        n += snprintf(text + n, room - n, ", first (%u,%u,%u)", f.thread.x, f.thread.y, f.thread.z);
    }
}

void start_fiber(size_t index, dim3 block) {
    Fiber& f = machine.fibers[index];
    f.thread = make_uint3((unsigned)(index % block.x), (unsigned)(index / block.x % block.y), (unsigned)(index / block.x / block.y));
    f.warp = &machine.warps[index / 32];
    f.lane = index % 32;
    f.warp->lane[f.lane] = &f;
    f.warp->present |= 1u << f.lane;
    f.pending = &machine.pending_pool[index * kPendingCopies];
    f.pending_count = f.groups_committed = 0;
    start_stack(f.stack, index, fiber_main);
    if (san::tsan) {
        char label[64];
        const uint3 b = context.block;
        snprintf(label, sizeof label, "block(%u,%u,%u) thread(%u,%u,%u)", b.x, b.y, b.z, f.thread.x, f.thread.y, f.thread.z);
        f.tsan = san::create_fiber(label);
    }
    make_ready(&f);
}

void run_block(dim3 block, size_t threads) {
    machine.block++;
    stats.blocks++;
    stats.threads += threads;
    machine.alive = (int)threads;
    schedule_block();
    begin_shared_block();
    if (san::tsan) release_stacks();   // as with shared memory: no two blocks on the same stacks
    reserve_stacks(threads);
    for (Barrier& b : machine.barriers) b.arrived = 0;
    for (Warp& w : machine.warps) w.present = w.exited = w.ready = 0, w.open_count = 0;
    for (size_t i = 0; i < threads; i++) start_fiber(i, block);
    machine.current = nullptr;
    switch_to(next_ready());
    if (!machine.error[0] && machine.alive) report_deadlock();
    if (san::tsan) {
        void* self = san::current_fiber();
        for (Fiber& f : machine.fibers) {
            if (machine.error[0]) {    // abandoned fibers end here, in ThreadSanitizer's eyes
                san::switch_to_fiber(f.tsan);
                san::release(machine.launch_end);
                san::switch_to_fiber(self);
            }
            san::destroy_fiber(f.tsan);
        }
    }
}
}  // namespace

bool run_grid(const Launch& launch, const std::function<void()>& thread) {
    const dim3 grid = launch.grid, block = launch.block;
    const size_t threads = (size_t)block.x * block.y * block.z, blocks = (size_t)grid.x * grid.y * grid.z;
    stats.launches++;
    machine.error[0] = 0;
    machine.thread_body = &thread;
    machine.fibers.assign(threads, Fiber());
    machine.warps.assign((threads + 31) / 32, Warp());
    machine.pending_pool.resize(threads * kPendingCopies);
    schedule_launch(threads);
    begin_shared(launch.shared);
    std::vector<size_t> sequence(blocks);
    for (size_t i = 0; i < blocks; i++) sequence[i] = i;
    order_blocks(sequence);
    context.block_dim = block;
    context.grid_dim = grid;
    for (size_t i : sequence) {
        context.block = make_uint3((unsigned)(i % grid.x), (unsigned)(i / grid.x % grid.y), (unsigned)(i / grid.x / grid.y));
        run_block(block, threads);
        if (machine.error[0]) break;
    }
    san::acquire(machine.launch_end);   // what the kernel wrote is now ordered before what the host does
    end_shared();
    machine.block++;                    // no slot is valid outside a block
    return !machine.error[0];
}
}  // namespace emu
