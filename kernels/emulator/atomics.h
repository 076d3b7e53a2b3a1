// Atomic functions of CUDA C++, relaxed. A fiber is never preempted inside one; the __atomic built-ins are there to
// tell ThreadSanitizer that the access is atomic. Float sums depend on the order of arrival, which the schedule
// seeds change: a kernel that needs equal results run after run must not use them.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace emu {
template <size_t Bytes> struct Word;
template <> struct Word<2> { using type = uint16_t; };
template <> struct Word<4> { using type = uint32_t; };
template <> struct Word<8> { using type = uint64_t; };

void require_defined(const void* p, size_t bytes);   // reports to MemorySanitizer, which takes atomics for defined

template <class T, class F> inline T read_modify_write(T* p, F next) {
    using U = typename Word<sizeof(T)>::type;
    U seen = __atomic_load_n((U*)p, __ATOMIC_RELAXED), put;
    T before, after;
    do {
        memcpy((void*)&before, &seen, sizeof before);
        after = next(before);
        require_defined((const void*)&after, sizeof after);
        memcpy(&put, (const void*)&after, sizeof put);
    } while (!__atomic_compare_exchange_n((U*)p, &seen, put, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return before;
}
template <class T> using Same = std::common_type_t<T>;   // no deduction from the second argument
}  // namespace emu

template <class T> inline T atomicAdd(T* p, emu::Same<T> v) { return emu::read_modify_write(p, [=](T o) { return (T)(o + v); }); }
template <class T> inline T atomicSub(T* p, emu::Same<T> v) { return emu::read_modify_write(p, [=](T o) { return (T)(o - v); }); }
template <class T> inline T atomicMax(T* p, emu::Same<T> v) { return emu::read_modify_write(p, [=](T o) { return o < v ? v : o; }); }
template <class T> inline T atomicMin(T* p, emu::Same<T> v) { return emu::read_modify_write(p, [=](T o) { return v < o ? v : o; }); }
template <class T> inline T atomicOr(T* p, emu::Same<T> v) { return emu::read_modify_write(p, [=](T o) { return (T)(o | v); }); }
template <class T> inline T atomicAnd(T* p, emu::Same<T> v) { return emu::read_modify_write(p, [=](T o) { return (T)(o & v); }); }
template <class T> inline T atomicXor(T* p, emu::Same<T> v) { return emu::read_modify_write(p, [=](T o) { return (T)(o ^ v); }); }
template <class T> inline T atomicExch(T* p, emu::Same<T> v) { return emu::read_modify_write(p, [=](T) { return (T)v; }); }
template <class T> inline T atomicCAS(T* p, emu::Same<T> expected, emu::Same<T> v) {
    return emu::read_modify_write(p, [=](T o) { return o == expected ? (T)v : o; });
}
inline unsigned atomicInc(unsigned* p, unsigned limit) { return emu::read_modify_write(p, [=](unsigned o) { return o >= limit ? 0u : o + 1; }); }
inline unsigned atomicDec(unsigned* p, unsigned limit) { return emu::read_modify_write(p, [=](unsigned o) { return o == 0 || o > limit ? limit : o - 1; }); }
