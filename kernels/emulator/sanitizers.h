// The sanitizers' own interfaces under one set of names, so that the emulator's files carry no #if of their own.
// Internal to the emulator.
//
// In ThreadSanitizer builds the emulator is compiled WITHOUT -fsanitize=thread and with -DKE_TSAN: its own memory
// traffic between fibers must stay invisible to the race detector, which shall judge kernel code alone.
#pragma once
#include <cstddef>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define KE_MSAN 1
#endif
#if __has_feature(address_sanitizer)
#define KE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define KE_ASAN 1
#endif

#if defined(KE_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(KE_MSAN)
#include <sanitizer/msan_interface.h>
#endif
#if defined(KE_TSAN)
extern "C" {
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned);
void __tsan_destroy_fiber(void*);
void __tsan_switch_to_fiber(void*, unsigned);
void __tsan_set_fiber_name(void*, const char*);
void __tsan_acquire(void*);
void __tsan_release(void*);
}
#endif

namespace emu::san {
#if defined(KE_ASAN)
constexpr bool asan = true;
inline void poison(const void* p, size_t n) { __asan_poison_memory_region(p, n); }
inline void unpoison(const void* p, size_t n) { __asan_unpoison_memory_region(p, n); }
inline void start_switch(void** fake_stack, const void* bottom, size_t size) {
    __sanitizer_start_switch_fiber(fake_stack, bottom, size);
}
inline void finish_switch(void* fake_stack, const void** from_bottom = nullptr, size_t* from_size = nullptr) {
    __sanitizer_finish_switch_fiber(fake_stack, from_bottom, from_size);
}
#else
constexpr bool asan = false;
inline void poison(const void*, size_t) {}
inline void unpoison(const void*, size_t) {}
inline void start_switch(void**, const void*, size_t) {}
inline void finish_switch(void*, const void** = nullptr, size_t* = nullptr) {}
#endif

#if defined(KE_MSAN)
constexpr bool msan = true;
inline void mark_undefined(void* p, size_t n) { __msan_poison(p, n); }
inline void mark_defined(const void* p, size_t n) { __msan_unpoison(p, n); }
inline bool is_undefined(const void* p, size_t n) { return __msan_test_shadow(p, n) >= 0; }
inline void require_defined(const void* p, size_t n) { __msan_check_mem_is_initialized(p, n); }
#else
constexpr bool msan = false;
inline void mark_undefined(void*, size_t) {}
inline void mark_defined(const void*, size_t) {}
inline bool is_undefined(const void*, size_t) { return false; }
inline void require_defined(const void*, size_t) {}
#endif

#if defined(KE_TSAN)
constexpr bool tsan = true;
inline void acquire(void* object) { __tsan_acquire(object); }
inline void release(void* object) { __tsan_release(object); }
inline void* current_fiber() { return __tsan_get_current_fiber(); }
inline void* create_fiber(const char* name) {
    void* f = __tsan_create_fiber(0);
    __tsan_set_fiber_name(f, name);
    return f;
}
inline void destroy_fiber(void* f) { __tsan_destroy_fiber(f); }
// 1 = no synchronisation: that the CPU runs one fiber after the other is not an ordering of the CUDA program
inline void switch_to_fiber(void* f) { __tsan_switch_to_fiber(f, 1); }
#else
constexpr bool tsan = false;
inline void acquire(void*) {}
inline void release(void*) {}
inline void* current_fiber() { return nullptr; }
inline void* create_fiber(const char*) { return nullptr; }
inline void destroy_fiber(void*) {}
inline void switch_to_fiber(void*) {}
#endif
}  // namespace emu::san
