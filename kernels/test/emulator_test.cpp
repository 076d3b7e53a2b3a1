// The emulator's own controls and reports. Not built for a GPU.
#include "test.h"

using namespace t;

namespace {
__global__ void write_one(float* p) { p[threadIdx.x] = 1.f; }
__global__ void big_static(float* p) {
    KE_SHARED(float, s, [10000]);
    KE_SHARED(float, u, [3000]);
    s[0] = u[0] = 1.f;
    p[0] = s[0];
}
__global__ void coordinates(int* out) {   // blocks and threads in three dimensions, a partial last warp
    const int t = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    const int b = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    out[b * 48 + t] = __shfl_xor_sync(0xffffffffu, b * 1000 + t, 1);
}
__global__ void trap_in_block_2(float* p) {
    if (blockIdx.x == 2 && threadIdx.x == 5) KE_CHECK(p == nullptr);
    p[blockIdx.x * 32 + threadIdx.x] = 1.f;
}
__global__ void meet_apart(float* p) {
    if (threadIdx.x < 20) __syncwarp(0xfffffu);
    if (threadIdx.x != 7) __syncthreads();
    p[threadIdx.x] = 1.f;
}
__global__ void arrival(int* order, int* next) { order[atomicAdd(next, 1)] = (int)(blockIdx.x * blockDim.x + threadIdx.x); }

// the error must be of this kind and its sentence must contain the words
void refused(cudaError_t e, cudaError_t want, const char* words) {
    if (e != want || !strstr(cudaGetErrorString(e), words)) fail("%s: %s; want %s: ...%s...", cudaGetErrorName(e), cudaGetErrorString(e), cudaGetErrorName(want), words);
}
}  // namespace

TEST(limits_are_named) {
    Buf<float> x(1024);
    refused(ke::launch(write_one, dim3(1), dim3(1025), 0, 0, x.get()), cudaErrorInvalidConfiguration, "block of (1025,1,1) threads");
    refused(ke::launch(write_one, dim3(1, 70000), dim3(32), 0, 0, x.get()), cudaErrorInvalidConfiguration, "grid of (1,70000,1) blocks");
    refused(ke::launch(write_one, dim3(0), dim3(32), 0, 0, x.get()), cudaErrorInvalidConfiguration, "grid of (0,1,1) blocks");
    refused(ke::launch(write_one, dim3(1), dim3(32), 230 * 1024, 0, x.get()), cudaErrorInvalidValue, "dynamic shared memory");
    std::vector<float> host(32);
    refused(ke::launch(write_one, dim3(1), dim3(32), 0, 0, host.data()), cudaErrorInvalidValue, "argument 0");
}
TEST(faults_are_sticky_until_the_reset) {
    {
        Buf<float> x(128);
        check(ke::launch(big_static, dim3(1), dim3(32), 0, 0, x.get()));
        refused(cudaDeviceSynchronize(), cudaErrorLaunchFailure, "exceeds 48 KiB");
        void* p;
        refused(cudaMalloc(&p, 16), cudaErrorLaunchFailure, "exceeds 48 KiB");
    }
    check(cudaDeviceReset());
    emu::set_seed(0);
    {
        Buf<float> x(128);
        check(ke::launch(trap_in_block_2, dim3(4), dim3(32), 0, 0, x.get()));
        refused(cudaDeviceSynchronize(), cudaErrorLaunchFailure, "emulator_test.cpp:");
        refused(cudaGetLastError(), cudaErrorLaunchFailure, "block (2,0,0) thread (5,0,0): KE_CHECK failed: p == nullptr");
    }
    emu::reset();
    {
        Buf<float> x(64);
        check(ke::launch(meet_apart, dim3(1), dim3(64), 0, 0, x.get()));
        refused(cudaDeviceSynchronize(), cudaErrorLaunchFailure, "63 threads wait in __syncthreads");
        refused(cudaGetLastError(), cudaErrorLaunchFailure, "1 threads exited, first (7,0,0)");
    }
    emu::reset();
    Buf<float> x(32);
    check(ke::launch(write_one, dim3(1), dim3(32), 0, 0, x.get()));
    close("usable again", x.down(), std::vector<double>(32, 1.), 0, 0);
}
TEST(coordinates_in_three_dimensions) {
    std::vector<int> want(12 * 48);
    for (int b = 0; b < 12; b++)
        for (int i = 0; i < 48; i++) want[b * 48 + i] = b * 1000 + (i ^ 1);
    schedules("coordinates", [&] {
        Buf<int> out(want.size());
        check(ke::launch(coordinates, dim3(2, 3, 2), dim3(4, 6, 2), 0, 0, out.get()));
        equal("coordinates", out.down(), want);
    });
}
TEST(a_seed_is_a_schedule) {
    auto trace = [](uint64_t seed) {
        emu::set_seed(seed);
        Buf<int> order(256), next(std::vector<int>(1, 0));
        check(ke::launch(arrival, dim3(4), dim3(64), 0, 0, order.get(), next.get()));
        return order.down();
    };
    std::vector<std::vector<int>> seen;
    for (uint64_t seed = 0; seed < 8; seed++) {
        const auto a = trace(seed);
        equal("the same seed", trace(seed), a);
        bool fresh = true;
        for (const auto& b : seen) fresh &= a != b;
        if (fresh) seen.push_back(a);
    }
    // without a barrier fifo and ahead_up agree; every other seed has an order of its own
    if (seen.size() < 7) fail("8 seeds gave %zu orders", seen.size());
}
TEST(memory_is_limited_and_counted) {
    emu::Device d;
    d.memory = 10000;
    emu::set_device(d);
    void *a = nullptr, *b = nullptr;
    check(cudaMalloc(&a, 6000));
    refused(cudaMalloc(&b, 4001), cudaErrorMemoryAllocation, "cudaMalloc of 4001 bytes, 6000 of 10000 are in use");
    check(cudaMalloc(&b, 4000));
    size_t free_bytes = 1, total = 0;
    check(cudaMemGetInfo(&free_bytes, &total));
    if (free_bytes != 0 || total != 10000 || emu::device_bytes() != 10000) fail("%zu of %zu free", free_bytes, total);
    check(cudaFree(a));
    refused(cudaFree(a), cudaErrorInvalidValue, "not a live device allocation");
    check(cudaFree(b));
    if (emu::device_bytes() != 0 || emu::device_peak() < 10000) fail("%zu bytes left, peak %zu", emu::device_bytes(), emu::device_peak());
    emu::reset();
}
TEST(device_can_be_another) {
    emu::Device d;
    d.capability = 86;
    emu::set_device(d);
    cudaDeviceProp p;
    check(cudaGetDeviceProperties(&p, 0));
    if (p.major != 8 || p.minor != 6 || p.sharedMemPerBlockOptin != 99 * 1024 || capability() != 86) fail("sm_%d%d", p.major, p.minor);
    d.count = 0;
    emu::set_device(d);
    int count = -7;
    refused(cudaGetDeviceCount(&count), cudaErrorNoDevice, "no CUDA-capable device");
    if (count != -7) fail("the out-parameter was written");
    emu::reset();
}
TEST(faults_can_be_injected) {
    Buf<float> x(32);
    emu::inject("cudaLaunchKernel", 2, cudaErrorLaunchFailure);
    check(ke::launch(write_one, dim3(1), dim3(32), 0, 0, x.get()));
    const cudaError_t e = ke::launch(write_one, dim3(1), dim3(32), 0, 0, x.get());
    if (e != cudaErrorLaunchFailure) fail("second launch: %s", cudaGetErrorName(e));
    check(ke::launch(write_one, dim3(1), dim3(32), 0, 0, x.get()));
    void* p = nullptr;
    emu::inject("cudaMalloc", 1, cudaErrorMemoryAllocation);
    if (cudaMalloc(&p, 16) != cudaErrorMemoryAllocation || p) fail("cudaMalloc was not refused");
    cudaGetLastError();
    check(cudaMalloc(&p, 16));
    check(cudaFree(p));
}
TEST(immediate_streams_run_at_once) {
    emu::set_streams(emu::Streams::immediate);
    float* host = nullptr;
    check(cudaMallocHost((void**)&host, 32 * sizeof(float)));
    cudaStream_t s;
    check(cudaStreamCreate(&s));
    {
        Buf<float> x(32);
        check(ke::launch(write_one, dim3(1), dim3(32), 0, s, x.get()));
        check(cudaMemcpyAsync(host, x.get(), 32 * sizeof(float), cudaMemcpyDeviceToHost, s));
        if (host[31] != 1.f) fail("the copy waited");
    }
    check(cudaStreamDestroy(s));
    check(cudaFreeHost(host));
    emu::set_streams(emu::Streams::deferred);
}
