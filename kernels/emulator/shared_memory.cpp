// Shared memory. Every block starts with garbage, as on the GPU, and every array has its own allocation at the worst
// alignment a correct kernel must live with, so that overruns and lucky alignment show.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#include "device.h"
#include "machine.h"
#include "sanitizers.h"

namespace emu {
namespace {
struct Array {
    SharedSlot* slot;
    char* at;
    size_t bytes;
};
std::vector<Array> arrays;        // every KE_SHARED seen so far
char* dynamic_at = nullptr;
size_t dynamic_bytes = 0, static_bytes = 0;
constexpr size_t kDynamicAlign = 16;
constexpr size_t kStaticLimit = 48 * 1024;

// ThreadSanitizer must not take two blocks for users of the same memory: each block gets fresh pages.
constexpr size_t kArena = 512 * 1024;
char *arena = nullptr, *arena_next = nullptr;

// `bytes` at a multiple of `align` that is not a multiple of 2 * align
char* allocate(size_t bytes, size_t align) {
    const size_t step = 2 * std::max<size_t>(align, 8);
    if (san::tsan) {
        char* p = (char*)(((uintptr_t)arena_next + step - 1) & ~(uintptr_t)(step - 1));
        arena_next = p + align + bytes;
        if (arena_next > arena + kArena) abort();   // the limits are checked before; they add up to less
        return p + align;
    }
    void* p = nullptr;
    if (posix_memalign(&p, step, align + bytes)) abort();
    san::poison(p, align);                          // the red zone behind is the heap's own
    return (char*)p + align;
}
void release(char* p, size_t align) {
    if (!san::tsan && p) free(p - align);
}
}  // namespace

void garbage(void* p, size_t bytes) {
    san::mark_undefined(p, bytes);
#if defined(__x86_64__)   // not memset, which the sanitizers intercept
    asm volatile("rep stosb" : "+D"(p), "+c"(bytes) : "a"(0xff) : "memory");
#else
    for (volatile unsigned char* c = (unsigned char*)p; bytes--;) *c++ = 0xff;
#endif
}

void require_defined(const void* p, size_t bytes) { san::require_defined(p, bytes); }

size_t shared_limit() {   // CUDA C++ Programming Guide, "Compute Capabilities": opt-in maximum per block
    const Device d = device();
    if (d.shared_per_block) return d.shared_per_block;
    const int cc = d.capability;
    if (cc == 75) return 64 * 1024;
    if (cc == 86 || cc == 89 || cc == 120) return 99 * 1024;
    return cc < 90 ? 163 * 1024 : 227 * 1024;
}

void begin_shared(size_t bytes) {
    dynamic_bytes = bytes;
    if (!san::tsan) dynamic_at = allocate(bytes, kDynamicAlign);
    stats.shared_dynamic = std::max(stats.shared_dynamic, bytes);
}

void begin_shared_block() {
    static_bytes = 0;
    if (san::tsan) {
        if (arena) munmap(arena, kArena);
        arena = arena_next = (char*)mmap(nullptr, kArena, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (arena == MAP_FAILED) abort();
        dynamic_at = allocate(dynamic_bytes, kDynamicAlign);
    }
    garbage(dynamic_at, dynamic_bytes);
}

void end_shared() {
    release(dynamic_at, kDynamicAlign);
    dynamic_at = nullptr;
    dynamic_bytes = 0;
}

void* static_shared(SharedSlot* slot, size_t bytes, size_t align, const char* name) {
    if (slot->block == machine.block) return slot->at;
    auto found = std::find_if(arrays.begin(), arrays.end(), [&](const Array& a) { return a.slot == slot; });
    if (found == arrays.end()) found = arrays.insert(arrays.end(), {slot, nullptr, bytes});
    static_bytes += bytes;
    if (static_bytes > kStaticLimit) fail({name, 0}, "static shared memory of the block exceeds 48 KiB");
    if (static_bytes + dynamic_bytes > shared_limit())
        fail({name, 0}, "shared memory of the block: %zu static + %zu dynamic bytes, the limit is %zu", static_bytes, dynamic_bytes, shared_limit());
    if (san::tsan || !found->at) found->at = allocate(bytes, align);
    slot->at = found->at;
    slot->block = machine.block;
    stats.shared_static = std::max(stats.shared_static, static_bytes);
    garbage(slot->at, bytes);
    return slot->at;
}

void* dynamic_shared() { return dynamic_at; }

bool in_shared(const void* p, size_t bytes) {
    const char* c = (const char*)p;
    auto inside = [&](const char* at, size_t n) { return c >= at && c + bytes <= at + n; };
    if (inside(dynamic_at, dynamic_bytes)) return true;
    return std::any_of(arrays.begin(), arrays.end(), [&](const Array& a) { return a.slot->block == machine.block && inside(a.at, a.bytes); });
}
}  // namespace emu
