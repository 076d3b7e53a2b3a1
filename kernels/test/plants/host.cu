// Mistakes of host code: the wrong kind of memory, and work that nobody ordered. Where a launch is refused, its output
// stays undefined, so MemorySanitizer may be the one to speak.
#include "plants.h"

namespace {
__global__ void add_one(float* y, const float* x, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] + 1.f;
}
constexpr int kN = 40;
cudaError_t launch(float* y, const float* x, cudaStream_t stream = nullptr) { return ke::launch(add_one, dim3(2), dim3(32), 0, stream, y, x, kN); }

void host_reads_device(bool planted) {
    t::Buf<float> x(std::vector<float>(kN, 1.f));
    const float first = planted ? *(volatile float*)x.get() : x.down()[0];
    if (first != 1.f) t::fail("got %g", first);
}
void kernel_reads_host(bool planted) {
    std::vector<float> host(kN, 1.f);
    t::Buf<float> x(host), y(kN);
    t::check(launch(y.get(), planted ? host.data() : x.get()));
    t::close("sum", y.down(), std::vector<double>(kN, 2.), 0, 0);
}
void use_after_free(bool planted) {
    float* x = nullptr;
    t::check(cudaMalloc((void**)&x, kN * sizeof(float)));
    t::check(cudaMemset(x, 0, kN * sizeof(float)));
    t::Buf<float> y(kN);
    if (planted) t::check(cudaFree(x));
    t::check(launch(y.get(), x));
    if (!planted) t::check(cudaFree(x));
}
void copy_too_long(bool planted) {
    t::Buf<float> x(std::vector<float>(kN, 1.f));
    std::vector<float> host(kN + 1);
    t::check(cudaMemcpy(host.data(), x.get(), (kN + planted) * sizeof(float), cudaMemcpyDeviceToHost));
}
void no_synchronize(bool planted) {   // a pinned result read while its copy may still be on the way
    float* host = nullptr;
    t::check(cudaMallocHost((void**)&host, kN * sizeof(float)));
    cudaStream_t stream;
    t::check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    {
        t::Buf<float> x(std::vector<float>(kN, 1.f)), y(kN);
        t::check(cudaDeviceSynchronize());
        t::check(launch(y.get(), x.get(), stream));
        t::check(cudaMemcpyAsync(host, y.get(), kN * sizeof(float), cudaMemcpyDeviceToHost, stream));
        if (!planted) t::check(cudaStreamSynchronize(stream));
        const std::vector<float> seen(host, host + kN);
        t::close("pinned result", seen, std::vector<double>(kN, 2.), 0, 0);
    }
    t::check(cudaStreamDestroy(stream));
    t::check(cudaFreeHost(host));
}
void no_wait(bool planted) {          // a stream reads what another stream has yet to write
    cudaStream_t first, second;
    cudaEvent_t ready;
    t::check(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking));
    t::check(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking));
    t::check(cudaEventCreateWithFlags(&ready, cudaEventDisableTiming));
    {
        t::Buf<float> x(std::vector<float>(kN, 1.f)), y(kN), z(kN);
        t::check(launch(y.get(), x.get(), first));
        t::check(cudaEventRecord(ready, first));
        if (!planted) t::check(cudaStreamWaitEvent(second, ready, 0));
        t::check(launch(z.get(), y.get(), second));
        t::check(cudaStreamSynchronize(second));
        t::close("second stream", z.down(), std::vector<double>(kN, 3.), 0, 0);
        t::check(cudaDeviceSynchronize());
    }
    t::check(cudaEventDestroy(ready));
    t::check(cudaStreamDestroy(first));
    t::check(cudaStreamDestroy(second));
}

[[maybe_unused]] const bool grown = plants::grow({
    {"host-reads-device", "host code follows a device pointer", host_reads_device, "crash", "crash", "crash", "crash"},
    {"kernel-reads-host", "a kernel is given host memory", kernel_reads_host, "error", "error", "error", "error|msan"},
    {"use-after-free", "a kernel is given freed memory", use_after_free, "error", "error", "error", "error"},
    {"copy-too-long", "a copy beyond the end of an allocation", copy_too_long, "error", "error", "error", "error"},
    {"no-synchronize", "a pinned result is read before the stream was waited for", no_synchronize, "value", "value", "value", "msan|value"},
    {"no-wait-event", "a stream does not wait for the stream that writes its input", no_wait, "value", "value", nullptr, "msan|value"},
});
}  // namespace
