// What the emulated device is and has.
#include <cstdio>
#include <cstring>

#include "machine.h"
#include "runtime.h"

namespace emu {
void set_device(const Device& device) {
    std::lock_guard<std::recursive_mutex> lock(runtime().mutex);
    runtime().device = device;
}
Device device() {
    Device d = runtime().device;
    if (!d.capability) d.capability = KE_EMU_ARCH / 10;
    return d;
}
size_t device_bytes() { return device_heap().used(); }
size_t device_peak() { return device_heap().peak(); }

namespace {
constexpr int kThreadsPerMultiprocessor = 1024, kBlocksPerMultiprocessor = 16;

cudaError_t check_device(int ordinal) {
    const int count = runtime().device.count;
    if (!count) return failed(cudaErrorNoDevice);
    return ordinal < 0 || ordinal >= count ? failed(cudaErrorInvalidDevice) : cudaSuccess;
}
}  // namespace
}  // namespace emu

using namespace emu;

extern "C" {
cudaError_t cudaDriverGetVersion(int* version) {
    KE_CUDA_CALL("cudaDriverGetVersion");
    *version = CUDART_VERSION;
    return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
    KE_CUDA_CALL("cudaRuntimeGetVersion");
    *version = CUDART_VERSION;
    return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
    KE_CUDA_CALL("cudaGetDeviceCount");
    if (!runtime().device.count) return failed(cudaErrorNoDevice);   // the out-parameter stays as it was
    *count = runtime().device.count;
    return cudaSuccess;
}
cudaError_t cudaGetDevice(int* ordinal) {
    KE_CUDA_CALL("cudaGetDevice");
    if (cudaError_t e = check_device(0)) return e;
    *ordinal = 0;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int ordinal) {
    KE_CUDA_CALL("cudaSetDevice");
    return check_device(ordinal);
}
cudaError_t cudaDeviceReset(void) {   // not KE_CUDA_CALL: this is the way out of a sticky error
    std::lock_guard<std::recursive_mutex> lock(runtime().mutex);
    const Device keep = runtime().device;
    emu::reset();
    runtime().device = keep;
    return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total) {
    KE_CUDA_CALL("cudaMemGetInfo");
    if (cudaError_t e = check_device(0)) return e;
    const size_t all = runtime().device.memory, used = device_heap().used();
    *total = all;
    *free_bytes = used < all ? all - used : 0;
    return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int ordinal) {
    KE_CUDA_CALL("cudaGetDeviceProperties");
    if (cudaError_t e = check_device(ordinal)) return e;
    const Device d = device();
    memset((void*)p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "emulated sm_%d", d.capability);
    p->major = d.capability / 10;
    p->minor = d.capability % 10;
    p->totalGlobalMem = d.memory;
    p->multiProcessorCount = d.multiprocessors;
    p->warpSize = 32;
    p->maxThreadsPerBlock = 1024;
    p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
    p->maxThreadsDim[2] = 64;
    p->maxGridSize[0] = 2147483647;
    p->maxGridSize[1] = p->maxGridSize[2] = 65535;
    p->sharedMemPerBlock = 48 * 1024;
    p->sharedMemPerBlockOptin = shared_limit();
    p->sharedMemPerMultiprocessor = shared_limit() + 1024;
    p->regsPerBlock = p->regsPerMultiprocessor = 65536;
    p->maxThreadsPerMultiProcessor = kThreadsPerMultiprocessor;
    p->maxBlocksPerMultiProcessor = kBlocksPerMultiprocessor;
    p->totalConstMem = 65536;
    p->l2CacheSize = 4 << 20;
    p->unifiedAddressing = p->canMapHostMemory = p->concurrentKernels = p->memoryPoolsSupported = 1;
    p->asyncEngineCount = 2;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int ordinal) {
    KE_CUDA_CALL("cudaDeviceGetAttribute");
    if (cudaError_t e = check_device(ordinal)) return e;
    const Device d = device();
    switch (attribute) {
        case cudaDevAttrComputeCapabilityMajor: *value = d.capability / 10; break;
        case cudaDevAttrComputeCapabilityMinor: *value = d.capability % 10; break;
        case cudaDevAttrMultiProcessorCount: *value = d.multiprocessors; break;
        case cudaDevAttrWarpSize: *value = 32; break;
        case cudaDevAttrMaxThreadsPerBlock: *value = 1024; break;
        case cudaDevAttrMaxThreadsPerMultiProcessor: *value = kThreadsPerMultiprocessor; break;
        case cudaDevAttrMaxSharedMemoryPerBlock: *value = 48 * 1024; break;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = (int)shared_limit(); break;
        case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = (int)shared_limit() + 1024; break;
        case cudaDevAttrL2CacheSize: *value = 4 << 20; break;
        case cudaDevAttrMemoryPoolsSupported: *value = 1; break;
        default: return failed(cudaErrorInvalidValue, "cudaDeviceGetAttribute: the emulated device has no attribute %d", (int)attribute);
    }
    return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute attribute, int value) {
    KE_CUDA_CALL("cudaFuncSetAttribute");
    if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize && (value < 0 || (size_t)value > shared_limit()))
        return failed(cudaErrorInvalidValue, "cudaFuncSetAttribute: %d bytes of dynamic shared memory, the limit is %zu", value, shared_limit());
    return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int threads, size_t shared) {
    KE_CUDA_CALL("cudaOccupancyMaxActiveBlocksPerMultiprocessor");
    if (threads < 1 || threads > 1024) return failed(cudaErrorInvalidValue);
    int n = kThreadsPerMultiprocessor / threads;
    if (shared && (size_t)n > shared_limit() / shared) n = (int)(shared_limit() / shared);
    *blocks = n < kBlocksPerMultiprocessor ? n : kBlocksPerMultiprocessor;
    return cudaSuccess;
}
}
