// The CUDA execution model as kernel code sees it on the CPU: thread coordinates, shared memory, barriers, errors.
// One fiber per CUDA thread; blocks run one after another; warp operations are a rendezvous of the lanes in the mask.
// Included by ke/ke.h when the compiler is not nvcc.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#ifndef KE_EMU_ARCH
#define KE_EMU_ARCH 900   // which #if KE_ARCH branch the emulated build takes: 750, 800, 900
#endif
#define KE_ARCH KE_EMU_ARCH
#define KE_EMU 1

// In host mode cuda_runtime.h defines __shared__ as nothing: a raw one would silently become a per-thread local.
#undef __shared__
#define __shared__ static_assert(false, "use KE_SHARED or KE_DYN_SHARED");
#ifndef __launch_bounds__
#define __launch_bounds__(...)
#endif

constexpr int warpSize = 32;

namespace emu {
// Where in the kernel's source a primitive was called; passed along by default arguments, for the error text.
struct Site {
    const char* file;
    int line;
};
#define KE_SITE_ARG const char *file_ = __builtin_FILE(), int line_ = __builtin_LINE()
#define KE_SITE \
    ::emu::Site { file_, line_ }

struct Context {
    uint3 thread, block;
    dim3 block_dim, grid_dim;
};
extern Context context;   // of the running fiber; set at every switch

// Ends the launch with an error that names the kernel's source line, block and thread.
[[noreturn]] void fail(Site site, const char* format, ...) __attribute__((format(printf, 2, 3)));

// ---------------------------------------------------------------- shared memory
struct SharedSlot {   // one per KE_SHARED declaration
    void* at;
    uint64_t block;   // the block for which `at` holds
};
void* static_shared(SharedSlot* slot, size_t bytes, size_t align, const char* name);
void* dynamic_shared();
bool in_shared(const void* p, size_t bytes);
void garbage(void* p, size_t bytes);   // 0xFF everywhere (NaN, -1), and undefined to MemorySanitizer

// ---------------------------------------------------------------- barriers
enum class Predicate { none, all, any, count };
int barrier(int id, int threads, int predicate, Predicate mode, Site site);   // threads 0: the whole block
void fence();
void yield();
unsigned lane_id();

// ---------------------------------------------------------------- launching
struct Launch {
    const void* kernel;
    dim3 grid, block;
    size_t shared;   // dynamic, bytes
};
// Puts one kernel launch into the stream. `thread` is the body of one thread, its arguments held by value.
cudaError_t launch(const Launch& launch, cudaStream_t stream, std::function<void()> thread);
// False and an error recorded when p is memory the device cannot reach.
bool check_kernel_argument(size_t index, const void* p);
// The pointer a kernel argument holds: itself, or its member `data` (ke::Rows); null when there is none.
template <class T> inline auto pointer_of(const T& v, int) -> decltype((const void*)v.data) { return (const void*)v.data; }
template <class T> inline const void* pointer_of(const T& v, long) {
    if constexpr (std::is_pointer_v<T>) return (const void*)v;
    else return nullptr;
}
}  // namespace emu

#define threadIdx (::emu::context.thread)
#define blockIdx (::emu::context.block)
#define blockDim (::emu::context.block_dim)
#define gridDim (::emu::context.grid_dim)

#define KE_CHECK(cond) ((cond) ? (void)0 : ::emu::fail({__FILE__, __LINE__}, "KE_CHECK failed: %s", #cond))
#define KE_SHARED_ALIGN(A, T, name, dims)                          \
    typedef T name##_ke_type dims;                                 \
    static ::emu::SharedSlot name##_ke_slot;                       \
    name##_ke_type& name = *(name##_ke_type*)::emu::static_shared( \
        &name##_ke_slot, sizeof(name##_ke_type), (A) > alignof(T) ? (A) : alignof(T), #name)
#define KE_SHARED(T, name, dims) KE_SHARED_ALIGN(1, T, name, dims)
#define KE_DYN_SHARED(name) unsigned char* const name = (unsigned char*)::emu::dynamic_shared()

inline void __syncthreads(KE_SITE_ARG) { emu::barrier(0, 0, 0, emu::Predicate::none, KE_SITE); }
inline int __syncthreads_and(int p, KE_SITE_ARG) { return emu::barrier(0, 0, p, emu::Predicate::all, KE_SITE); }
inline int __syncthreads_or(int p, KE_SITE_ARG) { return emu::barrier(0, 0, p, emu::Predicate::any, KE_SITE); }
inline int __syncthreads_count(int p, KE_SITE_ARG) { return emu::barrier(0, 0, p, emu::Predicate::count, KE_SITE); }
inline void __threadfence() { emu::fence(); }
inline void __threadfence_block() { emu::fence(); }
inline void __nanosleep(unsigned) { emu::yield(); }
[[noreturn]] inline void __trap(KE_SITE_ARG) { emu::fail(KE_SITE, "__trap()"); }

namespace ke {
// The emulated kernel<<<grid, block, smem, stream>>>(args...). Arguments are converted to the parameter types and
// copied, as the hardware does; every pointer argument must be null or memory the device can reach.
template <class... P, class... A>
inline cudaError_t launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t smem, cudaStream_t stream, A&&... args) {
    static_assert(sizeof...(P) == sizeof...(A), "one argument per kernel parameter");
    std::tuple<std::remove_cv_t<P>...> values(static_cast<P>(args)...);
    bool ok = true;
    size_t index = 0;
    std::apply(
        [&](auto&... v) {
            ((ok = ok && emu::check_kernel_argument(index++, emu::pointer_of(v, 0))), ...);
        },
        values);
    if (ok) emu::launch({(const void*)kernel, grid, block, smem}, stream, [kernel, values] { std::apply(kernel, values); });
    return cudaGetLastError();
}
}  // namespace ke
