// Who runs next: ready threads under the five orders, and the switch between them.
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "machine.h"
#include "sanitizers.h"

namespace emu {
Context context;
Stats stats;
Machine machine;

namespace {
Order order_ = Order::fifo;
uint64_t random_state = 88172645463325252ull;

// fifo and random: a ring of ready threads
std::vector<Fiber*> ring;
size_t ring_head = 0;
// ahead_*: warps by priority; the ready lanes are Warp::ready
std::vector<int> warp_priority;
bool highest_lane_first = false;
size_t ready_count = 0;

Stack main_stack;
const void* main_bottom = nullptr;   // learned by the first fiber, for AddressSanitizer
size_t main_size = 0;
void* main_tsan = nullptr;

uint64_t draw() {   // xorshift64
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}
template <class V> void shuffle(V& v) {
    for (size_t i = v.size(); i > 1; i--) std::swap(v[i - 1], v[draw() % i]);
}
bool uses_ring() { return order_ == Order::fifo || order_ == Order::random; }
}  // namespace

void set_seed(uint64_t seed) {
    static const Order first[] = {Order::fifo, Order::ahead_up, Order::ahead_down, Order::random};
    order_ = seed < 4 ? first[seed] : seed & 1 ? Order::random : Order::ahead_random;
    random_state = seed * 0x9E3779B97F4A7C15ull + 88172645463325252ull;
    for (int i = 0; i < 8; i++) draw();   // nearby seeds begin alike
}
Order order() { return order_; }

void schedule_launch(size_t threads) {
    ring.assign(threads + 1, nullptr);
    main_tsan = san::current_fiber();
    main_bottom = nullptr;
}

void schedule_block() {
    ring_head = ready_count = 0;
    warp_priority.resize(machine.warps.size());
    const int n = (int)warp_priority.size();
    for (int i = 0; i < n; i++) warp_priority[i] = order_ == Order::ahead_down ? n - 1 - i : i;
    if (order_ == Order::ahead_random) shuffle(warp_priority);
    highest_lane_first = order_ == Order::ahead_down || (order_ == Order::ahead_random && (draw() & 1));
}

void order_blocks(std::vector<size_t>& blocks) {
    if (order_ == Order::ahead_down) std::reverse(blocks.begin(), blocks.end());
    if (order_ == Order::ahead_random || order_ == Order::random) shuffle(blocks);
}

void make_ready(Fiber* fiber) {
    fiber->state = State::ready;
    if (uses_ring()) ring[(ring_head + ready_count) % ring.size()] = fiber;
    else fiber->warp->ready |= 1u << fiber->lane;
    ready_count++;
}

Fiber* next_ready() {
    if (!ready_count) return nullptr;
    ready_count--;
    if (uses_ring()) {
        const size_t n = ring.size();
        if (order_ == Order::random) {
            Fiber*& last = ring[(ring_head + ready_count) % n];
            std::swap(ring[(ring_head + draw() % (ready_count + 1)) % n], last);
            return last;
        }
        Fiber* f = ring[ring_head];
        ring_head = (ring_head + 1) % n;
        return f;
    }
    for (int w : warp_priority)
        if (const unsigned ready = machine.warps[w].ready) {
            const int lane = highest_lane_first ? 31 - __builtin_clz(ready) : __builtin_ctz(ready);
            machine.warps[w].ready &= ~(1u << lane);
            return machine.warps[w].lane[lane];
        }
    abort();   // ready_count and the masks disagree
}

void switch_to(Fiber* to, bool dying) {
    Fiber* from = machine.current;
    if (to == from) return;
    stats.switches++;
    machine.current = to;
    Stack& leave = from ? from->stack : main_stack;
    Stack& enter = to ? to->stack : main_stack;
    san::start_switch(dying ? nullptr : &leave.fake, to ? enter.bottom : main_bottom, to ? stack_size() : main_size);
    san::switch_to_fiber(to ? to->tsan : main_tsan);
    if (to) context.thread = to->thread;
    switch_stack(leave, enter);
    san::finish_switch(leave.fake);
}

void on_fiber_start() {
    const void* bottom;
    size_t size;
    san::finish_switch(nullptr, &bottom, &size);
    if (san::asan && !main_bottom) {   // the first fiber of a launch comes from the scheduler's stack
        main_bottom = bottom;
        main_size = size;
    }
}

void wait(State state, const char* in, unsigned mask, Site site) {
    Fiber* f = machine.current;
    f->state = state;
    f->waiting_in = in;
    f->mask = mask;
    f->site = site;
    switch_to(next_ready());
}

void yield() {
    make_ready(machine.current);
    switch_to(next_ready());
}

unsigned lane_id() { return machine.current->lane; }

const char* base_name(const char* path) {
    if (!path) return "?";
    const char* slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void fail(Site site, const char* format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!machine.current) {   // a kernel function called on the host
        fprintf(stderr, "emulator: %s:%d: outside a kernel: %s\n", base_name(site.file), site.line, text);
        abort();
    }
    const uint3 b = context.block, t = context.thread;
    snprintf(machine.error, sizeof machine.error, "%s:%d: block (%u,%u,%u) thread (%u,%u,%u): %s", base_name(site.file), site.line,
             b.x, b.y, b.z, t.x, t.y, t.z, text);
    switch_to(nullptr, true);   // every fiber of this launch is abandoned where it stands
    abort();
}
}  // namespace emu
