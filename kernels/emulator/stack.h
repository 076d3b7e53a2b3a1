// A stack of its own for every CUDA thread, and the switch from one to another. Internal to the emulator.
#pragma once
#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emu {

struct Stack {
    char* bottom = nullptr;   // lowest usable byte; a page without access lies below it
    void* fake = nullptr;     // AddressSanitizer's own stack of this fiber
#if defined(__x86_64__)
    void* sp = nullptr;
#else
    ucontext_t registers;
#endif
};

size_t stack_size();
void reserve_stacks(size_t count);
void release_stacks();
void start_stack(Stack& stack, size_t index, void (*entry)());   // the entry runs at the first switch
void switch_stack(Stack& from, Stack& to);
}  // namespace emu
