// cp.async as the emulator sees it: a queue per thread. See ke/ptx_copy.h for what the wrappers do with it.
#pragma once
#include "execution.h"

namespace emu {
struct AsyncCopy {
    void* dst;
    const void* src;
    int bytes;       // 4, 8 or 16, written to dst
    int src_bytes;   // read from src; the rest is zeros
};
void async_push(const AsyncCopy& copy, Site site);
void async_commit();
// The next copy that wait_group<pending> completes, oldest first; false when there is none left.
bool async_next(int pending_groups, AsyncCopy* out);
}  // namespace emu
