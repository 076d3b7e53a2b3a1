#include "stack.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "sanitizers.h"

#if defined(__x86_64__)
// A switch saves what the System V ABI says a callee must keep; swapcontext would add two system calls to each.
extern "C" void ke_emu_switch(void** save, void* to);
asm(R"(.text
.globl ke_emu_switch
.hidden ke_emu_switch
.type ke_emu_switch,@function
ke_emu_switch:
 pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
 movq %rsp,(%rdi); movq %rsi,%rsp
 popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
 ret
.size ke_emu_switch,.-ke_emu_switch
.section .note.GNU-stack,"",@progbits
.text)");
#endif

namespace emu {
namespace {
constexpr size_t kStack = san::asan ? 512 * 1024 : 128 * 1024;   // AddressSanitizer's frames are large
constexpr size_t kPage = 4096;
char* memory = nullptr;
size_t reserved = 0;
}  // namespace

size_t stack_size() { return kStack; }

void release_stacks() {
    if (memory) munmap(memory, reserved * (kStack + kPage));
    memory = nullptr;
    reserved = 0;
}

void reserve_stacks(size_t count) {
    if (count <= reserved) return;
    release_stacks();
    void* p = mmap(nullptr, count * (kStack + kPage), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        perror("emulator: mmap of the thread stacks");
        abort();
    }
    memory = (char*)p;
    reserved = count;
    // ThreadSanitizer builds get new stacks for every block: a system call for each would double their cost.
    if (san::tsan) return;
    for (size_t i = 0; i < count; i++) mprotect(memory + i * (kStack + kPage), kPage, PROT_NONE);
}

void start_stack(Stack& stack, size_t index, void (*entry)()) {
    stack.bottom = memory + index * (kStack + kPage) + kPage;
    stack.fake = nullptr;
    san::unpoison(stack.bottom, kStack);   // an abandoned fiber may have left poisoned frames
    // Stacks a power of two apart would all fall into the same cache sets.
    char* top = stack.bottom + kStack - (index % 61) * 192;
#if defined(__x86_64__)
    void** p = (void**)((uintptr_t)top & ~(uintptr_t)15);
    *--p = nullptr;                        // a null return address ends every unwinder's walk
    *--p = (void*)entry;
    for (int i = 0; i < 6; i++) *--p = nullptr;
    stack.sp = p;
#else
    getcontext(&stack.registers);
    stack.registers.uc_stack.ss_sp = stack.bottom;
    stack.registers.uc_stack.ss_size = (size_t)(top - stack.bottom);
    stack.registers.uc_link = nullptr;
    makecontext(&stack.registers, entry, 0);
#endif
}

void switch_stack(Stack& from, Stack& to) {
#if defined(__x86_64__)
    ke_emu_switch(&from.sp, to.sp);
#else
    swapcontext(&from.registers, &to.registers);
#endif
}
}  // namespace emu
