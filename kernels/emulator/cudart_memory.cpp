// Allocations and copies of the emulated runtime.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runtime.h"
#include "sanitizers.h"

namespace emu {
namespace {
struct Pinned {
    char* at;
    size_t bytes;
    bool registered;   // belongs to the program, not to the runtime
};
std::vector<Pinned> pinned;

enum class Side { pageable, pinned, device, nowhere };   // nowhere: device addresses outside one live allocation
Side side_of(const void* p, size_t bytes) {
    if (device_heap().owns(p)) return device_heap().contains(p, bytes) ? Side::device : Side::nowhere;
    return is_pinned(p, bytes) ? Side::pinned : Side::pageable;
}

struct Shape {   // rows of `width` bytes, `pitch` apart
    size_t width, rows, dst_pitch, src_pitch;
    size_t dst_span() const { return rows ? dst_pitch * (rows - 1) + width : 0; }
    size_t src_span() const { return rows ? src_pitch * (rows - 1) + width : 0; }
};

cudaError_t check_copy(const char* function, void* dst, const void* src, const Shape& s, cudaMemcpyKind kind) {
    if (s.width > s.dst_pitch || s.width > s.src_pitch) return failed(cudaErrorInvalidValue, "%s: rows of %zu bytes overlap", function, s.width);
    const Side to = side_of(dst, s.dst_span()), from = side_of(src, s.src_span());
    const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if (to == Side::nowhere || (kind != cudaMemcpyDefault && to_device != (to == Side::device)))
        return failed(cudaErrorInvalidValue, "%s: destination %p of %zu bytes is not %s", function, dst, s.dst_span(), to_device ? "inside one device allocation" : "host memory");
    if (from == Side::nowhere || (kind != cudaMemcpyDefault && from_device != (from == Side::device)))
        return failed(cudaErrorInvalidValue, "%s: source %p of %zu bytes is not %s", function, src, s.src_span(), from_device ? "inside one device allocation" : "host memory");
    return cudaSuccess;
}

void copy_rows(void* dst, const void* src, const Shape& s) {
    DeviceAccess access;
    for (size_t r = 0; r < s.rows; r++) memmove((char*)dst + r * s.dst_pitch, (const char*)src + r * s.src_pitch, s.width);
}

// CUDA C++ Programming Guide, "API synchronization behavior": from pageable memory the data is taken before the call
// returns; into pageable memory the call returns when the copy is done; with pinned memory it is truly asynchronous.
cudaError_t copy(const char* function, void* dst, const void* src, Shape s, cudaMemcpyKind kind, cudaStream_t stream) {
    if (!s.width || !s.rows) return cudaSuccess;
    if (cudaError_t e = check_copy(function, dst, src, s, kind)) return e;
    CUstream_st* st = find_stream(stream);
    if (!st) return failed(cudaErrorInvalidResourceHandle);
    Work work{Work::Kind::copy, nullptr, {}};
    if (!st->capture && side_of(src, s.src_span()) == Side::pageable) {
        auto taken = std::make_shared<std::vector<char>>((const char*)src, (const char*)src + s.src_span());
        work.run = [=] { return copy_rows(dst, taken->data(), s), cudaSuccess; };
    } else {
        work.run = [=] { return copy_rows(dst, src, s), cudaSuccess; };
    }
    if (cudaError_t e = submit(stream, std::move(work))) return e;
    return !st->capture && side_of(dst, s.dst_span()) == Side::pageable ? drain(st) : cudaSuccess;
}

cudaError_t allocate(const char* function, void** p, size_t bytes) {
    if (!bytes) {
        *p = nullptr;
        return cudaSuccess;
    }
    const size_t total = runtime().device.memory, used = device_heap().used();
    if (bytes > total || used > total - bytes)
        return failed(cudaErrorMemoryAllocation, "out of memory: %s of %zu bytes, %zu of %zu are in use", function, bytes, used, total);
    char* q = device_heap().allocate(bytes);
    if (!q) return failed(cudaErrorMemoryAllocation, "out of memory: %s of %zu bytes finds no range of addresses", function, bytes);
    *p = q;
    return cudaSuccess;
}

cudaError_t pin(void** p, size_t bytes) {
    void* q = nullptr;
    if (posix_memalign(&q, 4096, std::max<size_t>(bytes, 1))) return failed(cudaErrorMemoryAllocation);
    garbage(q, bytes);
    pinned.push_back({(char*)q, bytes, false});
    *p = q;
    return cudaSuccess;
}

cudaError_t unpin(const char* function, void* p, bool registered) {
    auto found = std::find_if(pinned.begin(), pinned.end(), [&](const Pinned& r) { return r.at == p && r.registered == registered; });
    if (found == pinned.end()) return failed(cudaErrorInvalidValue, "%s: %p is not pinned memory", function, p);
    if (cudaError_t e = drain_all()) return e;
    if (!registered) free(p);
    pinned.erase(found);
    return cudaSuccess;
}
}  // namespace

bool is_pinned(const void* p, size_t bytes) {
    const char* c = (const char*)p;
    return std::any_of(pinned.begin(), pinned.end(), [&](const Pinned& r) { return c >= r.at && c + bytes <= r.at + r.bytes; });
}

void drop_pinned() {
    for (const Pinned& r : pinned)
        if (!r.registered) free(r.at);
    pinned.clear();
}
}  // namespace emu

using namespace emu;

extern "C" {
cudaError_t cudaMalloc(void** p, size_t bytes) {
    KE_CUDA_CALL("cudaMalloc");
    if (cudaError_t e = forbid_in_capture("cudaMalloc")) return e;
    return allocate("cudaMalloc", p, bytes);
}
cudaError_t cudaFree(void* p) {
    KE_CUDA_CALL("cudaFree");
    if (!p) return cudaSuccess;
    if (cudaError_t e = forbid_in_capture("cudaFree")) return e;
    if (cudaError_t e = drain_all()) return e;
    return device_heap().release(p) ? cudaSuccess : failed(cudaErrorInvalidValue, "cudaFree: %p is not a live device allocation", p);
}
cudaError_t cudaMallocAsync(void** p, size_t bytes, cudaStream_t stream) {
    KE_CUDA_CALL("cudaMallocAsync");
    if (cudaError_t e = forbid_in_capture("cudaMallocAsync")) return e;
    if (!find_stream(stream)) return failed(cudaErrorInvalidResourceHandle);
    return allocate("cudaMallocAsync", p, bytes);
}
cudaError_t cudaFreeAsync(void* p, cudaStream_t stream) {
    KE_CUDA_CALL("cudaFreeAsync");
    if (!p) return cudaSuccess;
    if (cudaError_t e = forbid_in_capture("cudaFreeAsync")) return e;
    if (!device_heap().contains(p)) return failed(cudaErrorInvalidValue, "cudaFreeAsync: %p is not a live device allocation", p);
    return submit(stream, {Work::Kind::release, nullptr, [p] {
                               return device_heap().release(p) ? cudaSuccess : broken(cudaErrorInvalidValue, "cudaFreeAsync: %p was freed twice", p);
                           }});
}
cudaError_t cudaMallocHost(void** p, size_t bytes) {
    KE_CUDA_CALL("cudaMallocHost");
    return pin(p, bytes);
}
cudaError_t cudaHostAlloc(void** p, size_t bytes, unsigned) {
    KE_CUDA_CALL("cudaHostAlloc");
    return pin(p, bytes);
}
cudaError_t cudaFreeHost(void* p) {
    KE_CUDA_CALL("cudaFreeHost");
    return p ? unpin("cudaFreeHost", p, false) : cudaSuccess;
}
cudaError_t cudaHostRegister(void* p, size_t bytes, unsigned) {
    KE_CUDA_CALL("cudaHostRegister");
    if (!p || !bytes || is_pinned(p)) return failed(cudaErrorInvalidValue);
    pinned.push_back({(char*)p, bytes, true});
    return cudaSuccess;
}
cudaError_t cudaHostUnregister(void* p) {
    KE_CUDA_CALL("cudaHostUnregister");
    return unpin("cudaHostUnregister", p, true);
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* a, const void* p) {
    KE_CUDA_CALL("cudaPointerGetAttributes");
    memset((void*)a, 0, sizeof *a);
    const Side side = side_of(p, 1);
    a->type = side == Side::device ? cudaMemoryTypeDevice : side == Side::pinned ? cudaMemoryTypeHost : cudaMemoryTypeUnregistered;
    if (side == Side::device || side == Side::pinned) a->devicePointer = (void*)p;
    if (side == Side::pinned) a->hostPointer = (void*)p;
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* dst, const void* src, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    KE_CUDA_CALL("cudaMemcpyAsync");
    return copy("cudaMemcpyAsync", dst, src, {bytes, 1, bytes, bytes}, kind, stream);
}
cudaError_t cudaMemcpy(void* dst, const void* src, size_t bytes, cudaMemcpyKind kind) {
    KE_CUDA_CALL("cudaMemcpy");
    if (cudaError_t e = forbid_in_capture("cudaMemcpy")) return e;
    if (cudaError_t e = copy("cudaMemcpy", dst, src, {bytes, 1, bytes, bytes}, kind, nullptr)) return e;
    return drain(find_stream(nullptr));
}
cudaError_t cudaMemcpy2DAsync(void* dst, size_t dst_pitch, const void* src, size_t src_pitch, size_t width, size_t rows, cudaMemcpyKind kind, cudaStream_t stream) {
    KE_CUDA_CALL("cudaMemcpy2DAsync");
    return copy("cudaMemcpy2DAsync", dst, src, {width, rows, dst_pitch, src_pitch}, kind, stream);
}
cudaError_t cudaMemsetAsync(void* dst, int value, size_t bytes, cudaStream_t stream) {
    KE_CUDA_CALL("cudaMemsetAsync");
    if (!bytes) return cudaSuccess;
    const Side side = side_of(dst, bytes);
    if (side != Side::device && side != Side::pinned) return failed(cudaErrorInvalidValue, "cudaMemset: %p of %zu bytes is not inside one device allocation", dst, bytes);
    return submit(stream, {Work::Kind::fill, nullptr, [=] {
                               DeviceAccess access;
                               memset(dst, value, bytes);
                               return cudaSuccess;
                           }});
}
cudaError_t cudaMemset(void* dst, int value, size_t bytes) {
    KE_CUDA_CALL("cudaMemset");
    if (cudaError_t e = forbid_in_capture("cudaMemset")) return e;
    return cudaMemsetAsync(dst, value, bytes, nullptr);
}
}
