// The queue of cp.async copies of each thread.
#include "machine.h"

namespace emu {

void async_push(const AsyncCopy& copy, Site site) {
    Fiber* f = machine.current;
    if (f->pending_count == kPendingCopies) fail(site, "more than %d cp.async in flight in one thread", kPendingCopies);
    f->pending[f->pending_count++] = {copy, f->groups_committed};
}

void async_commit() { machine.current->groups_committed++; }

bool async_next(int pending_groups, AsyncCopy* out) {
    Fiber* f = machine.current;
    if (!f->pending_count || f->pending[0].group >= f->groups_committed - pending_groups) return false;
    *out = f->pending[0].copy;
    f->pending_count--;
    for (int i = 0; i < f->pending_count; i++) {
        f->pending[i] = f->pending[i + 1];
        asm volatile("" ::: "memory");   // stays a loop: a memmove would be intercepted and seen as the kernel's
    }
    return true;
}
}  // namespace emu
