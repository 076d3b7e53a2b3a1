// __syncthreads and named barriers. Strict where the hardware forgives: every thread of the block must come to the
// same __syncthreads, also one that has nothing left to do.
#include <cstring>

#include "machine.h"
#include "sanitizers.h"

namespace emu {
namespace {
char fence_object[8];
}

int barrier(int id, int threads, int predicate, Predicate mode, Site site) {
    Fiber* f = machine.current;
    Barrier& b = machine.barriers[id];
    const int expected = threads ? threads : (int)machine.fibers.size();
    const unsigned generation = b.generation;
    san::release(b.sync_object[generation & 1]);
    if (!b.arrived) {
        b.site = site;
        b.first = f;
        b.votes = 0;
    } else if (id == 0 && (b.site.line != site.line || strcmp(b.site.file, site.file) != 0)) {
        const uint3 t = b.first->thread;
        fail(site, "divergent __syncthreads(): thread (%u,%u,%u) waits in the one at %s:%d", t.x, t.y, t.z, base_name(b.site.file), b.site.line);
    }
    b.arrived++;
    b.votes += predicate != 0;
    f->barrier = id;
    if (b.arrived < expected) {
        wait(State::in_barrier, id ? "named_barrier" : "__syncthreads", 0, site);
    } else {
        stats.barriers++;
        b.result[generation & 1] = mode == Predicate::all ? b.votes == b.arrived : mode == Predicate::any ? b.votes != 0 : b.votes;
        b.generation++;
        b.arrived = 0;
        f->state = State::in_barrier;
        for (Fiber& w : machine.fibers)   // this one too: the last to arrive gets no head start
            if (w.state == State::in_barrier && w.barrier == id) make_ready(&w);
        switch_to(next_ready());
    }
    san::acquire(b.sync_object[generation & 1]);
    return b.result[generation & 1];
}

void fence() {
    san::release(fence_object);
    san::acquire(fence_object);
}
}  // namespace emu
