// What the CUDA backend relies on in the CUDA runtime: ordering, graphs, errors. Runs on both, so that the emulated
// runtime and the real one are held to the same behaviour.
#include "test.h"

using namespace t;

namespace {
constexpr int kN = 70;

__global__ void affine(float* y, const float* x, float a, float b, int n) {   // y = a x + b
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + b;
}
cudaError_t launch(float* y, const float* x, float a, float b, cudaStream_t stream) {
    return ke::launch(affine, dim3(3), dim3(32), 0, stream, y, x, a, b, kN);
}
__global__ void another(float* y) { y[threadIdx.x] = 0.f; }

struct Stream {
    cudaStream_t s = nullptr;
    Stream() { check(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), "cudaStreamCreate"); }
    ~Stream() { check(cudaStreamDestroy(s), "cudaStreamDestroy"); }
    operator cudaStream_t() const { return s; }
};
struct Event {
    cudaEvent_t e = nullptr;
    Event() { check(cudaEventCreate(&e), "cudaEventCreate"); }
    ~Event() { check(cudaEventDestroy(e), "cudaEventDestroy"); }
    operator cudaEvent_t() const { return e; }
};
struct Pinned {
    float* p = nullptr;
    explicit Pinned(size_t n) { check(cudaHostAlloc((void**)&p, n * sizeof(float), cudaHostAllocDefault), "cudaHostAlloc"); }
    ~Pinned() { check(cudaFreeHost(p), "cudaFreeHost"); }
};
void expect(cudaError_t got, cudaError_t want, const char* what) {
    if (got != want) fail("%s: %s, want %s", what, cudaGetErrorName(got), cudaGetErrorName(want));
}
void all_equal(const char* label, const std::vector<float>& got, float want) { close(label, got, std::vector<double>(got.size(), want), 0, 0); }
}  // namespace

TEST(work_of_one_stream_runs_in_order) {
    Stream s;
    Pinned in(kN), out(kN);
    for (int i = 0; i < kN; i++) in.p[i] = 1.f;
    Buf<float> x(kN), y(kN);
    check(cudaMemcpyAsync(x.get(), in.p, kN * sizeof(float), cudaMemcpyHostToDevice, s));
    check(launch(y.get(), x.get(), 2, 1, s));
    check(launch(x.get(), y.get(), 3, 0, s));
    check(cudaMemcpyAsync(y.get(), x.get(), kN * sizeof(float), cudaMemcpyDeviceToDevice, s));
    check(cudaMemcpyAsync(out.p, y.get(), kN * sizeof(float), cudaMemcpyDeviceToHost, s));
    check(cudaStreamSynchronize(s));
    all_equal("out", std::vector<float>(out.p, out.p + kN), 9.f);
    check(cudaMemsetAsync(y.get(), 0, kN * sizeof(float), s));
    check(cudaStreamSynchronize(s));
    all_equal("memset", y.down(), 0.f);
}
TEST(pageable_copies_take_the_data_at_the_call) {
    Stream s;
    std::vector<float> host(kN, 5.f), back(kN);
    Buf<float> x(kN);
    check(cudaMemcpyAsync(x.get(), host.data(), kN * sizeof(float), cudaMemcpyHostToDevice, s));
    for (float& v : host) v = -1.f;
    check(cudaMemcpyAsync(back.data(), x.get(), kN * sizeof(float), cudaMemcpyDeviceToHost, s));
    all_equal("back", back, 5.f);   // and a copy into pageable memory has arrived
}
TEST(events_order_streams) {
    Stream a, b;
    Event ready, start, end;
    Buf<float> x(std::vector<float>(kN, 1.f)), y(kN), z(kN);
    check(cudaDeviceSynchronize());
    check(cudaEventRecord(start, a));
    check(launch(y.get(), x.get(), 2, 0, a));
    check(cudaEventRecord(ready, a));
    check(cudaStreamWaitEvent(b, ready, 0));
    check(launch(z.get(), y.get(), 1, 1, b));
    check(cudaEventRecord(end, b));
    check(cudaEventSynchronize(end));
    expect(cudaEventQuery(end), cudaSuccess, "query of a finished event");
    float ms = -1;
    check(cudaEventElapsedTime(&ms, start, end));
    if (!(ms >= 0)) fail("elapsed time %g", ms);
    check(cudaStreamSynchronize(b));
    all_equal("z", z.down(), 3.f);
    while (cudaStreamQuery(a) == cudaErrorNotReady) {
    }
    check(cudaStreamQuery(a), "query");
}
TEST(default_stream_orders_blocking_streams) {
    cudaStream_t s;
    check(cudaStreamCreate(&s));
    Buf<float> x(std::vector<float>(kN, 1.f)), y(kN), z(kN);
    check(launch(y.get(), x.get(), 2, 0, s));
    check(launch(z.get(), y.get(), 1, 1, nullptr));
    check(launch(y.get(), z.get(), 2, 0, s));
    check(cudaStreamSynchronize(s));
    all_equal("y", y.down(), 6.f);
    check(cudaStreamDestroy(s));
}
TEST(host_functions_run_in_order) {
    Stream s;
    int calls = 0;
    check(cudaLaunchHostFunc(s, [](void* p) { ++*(int*)p; }, &calls));
    check(cudaStreamSynchronize(s));
    if (calls != 1) fail("%d calls", calls);
}
TEST(pitched_copies) {
    const size_t width = 3 * sizeof(float);
    std::vector<float> dense{1, 2, 3, 4, 5, 6};
    Buf<float> wide(std::vector<float>(10, 0.f));
    check(cudaMemcpy2DAsync(wide.get(), 5 * sizeof(float), dense.data(), width, width, 2, cudaMemcpyHostToDevice, 0));
    close("wide", wide.down(), {1, 2, 3, 0, 0, 4, 5, 6, 0, 0}, 0, 0);
}
TEST(stream_ordered_allocation) {
    Stream s;
    Pinned out(kN);
    float* x = nullptr;
    check(cudaMallocAsync((void**)&x, kN * sizeof(float), s));
    check(cudaMemsetAsync(x, 0, kN * sizeof(float), s));
    check(launch(x, x, 1, 4, s));
    check(cudaMemcpyAsync(out.p, x, kN * sizeof(float), cudaMemcpyDeviceToHost, s));
    check(cudaFreeAsync(x, s));
    check(cudaStreamSynchronize(s));
    all_equal("x", std::vector<float>(out.p, out.p + kN), 4.f);
}

// ---------------------------------------------------------------- graphs
namespace {
cudaGraph_t capture(cudaStream_t s, float* y, float* x, float a) {
    cudaGraph_t graph = nullptr;
    check(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), "begin capture");
    check(launch(y, x, a, 0, s));
    check(launch(x, y, 1, 1, s));
    check(cudaStreamEndCapture(s, &graph), "end capture");
    return graph;
}
}  // namespace

TEST(graphs_replay_and_update) {
    Stream s;
    Buf<float> x(std::vector<float>(kN, 1.f)), y(kN);
    cudaGraph_t graph = capture(s, y.get(), x.get(), 2);   // x = 2 x + 1
    check(cudaStreamSynchronize(s));
    all_equal("nothing ran while it was captured", x.down(), 1.f);
    size_t nodes = 0;
    check(cudaGraphGetNodes(graph, nullptr, &nodes));
    if (nodes != 2) fail("%zu nodes", nodes);
    cudaGraphExec_t exec;
    check(cudaGraphInstantiate(&exec, graph, 0));
    check(cudaGraphDestroy(graph));
    for (int i = 0; i < 3; i++) check(cudaGraphLaunch(exec, s));
    check(cudaStreamSynchronize(s));
    all_equal("three replays", x.down(), 15.f);

    graph = capture(s, y.get(), x.get(), 3);               // another argument
    cudaGraphExecUpdateResultInfo info;
    check(cudaGraphExecUpdate(exec, graph, &info), "update");
    check(cudaGraphDestroy(graph));
    check(cudaGraphLaunch(exec, s));
    check(cudaStreamSynchronize(s));
    all_equal("updated", x.down(), 46.f);

    check(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal));
    check(ke::launch(another, dim3(1), dim3(32), 0, s, y.get()));
    check(cudaStreamEndCapture(s, &graph));
    expect(cudaGraphExecUpdate(exec, graph, &info), cudaErrorGraphExecUpdateFailure, "update with other kernels");
    cudaGetLastError();
    check(cudaGraphDestroy(graph));
    check(cudaGraphExecDestroy(exec));
}
TEST(capture_spans_streams_that_wait) {
    Stream a, b;
    Event fork, join;
    Buf<float> x(std::vector<float>(kN, 1.f)), y(kN), z(kN);
    cudaGraph_t graph;
    check(cudaStreamBeginCapture(a, cudaStreamCaptureModeThreadLocal));
    check(launch(y.get(), x.get(), 2, 0, a));
    check(cudaEventRecord(fork, a));
    check(cudaStreamWaitEvent(b, fork, 0));
    check(launch(z.get(), y.get(), 1, 5, b));
    check(cudaEventRecord(join, b));
    check(cudaStreamWaitEvent(a, join, 0));
    check(cudaStreamEndCapture(a, &graph));
    cudaGraphExec_t exec;
    check(cudaGraphInstantiate(&exec, graph, 0));
    check(cudaGraphLaunch(exec, b));
    check(cudaStreamSynchronize(b));
    all_equal("z", z.down(), 7.f);
    check(cudaGraphExecDestroy(exec));
    check(cudaGraphDestroy(graph));
}
TEST(synchronising_ends_a_capture) {
    Stream s;
    cudaGraph_t graph = nullptr;
    check(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal));
    expect(cudaStreamSynchronize(s), cudaErrorStreamCaptureUnsupported, "synchronise while capturing");
    cudaStreamCaptureStatus status;
    check(cudaStreamIsCapturing(s, &status));
    if (status != cudaStreamCaptureStatusInvalidated) fail("capture status %d", (int)status);
    expect(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated, "end of a broken capture");
    if (graph) fail("a broken capture gave a graph");
    cudaGetLastError();
    Buf<float> x(std::vector<float>(kN, 1.f));   // the stream is usable again
    check(launch(x.get(), x.get(), 1, 1, s));
    check(cudaStreamSynchronize(s));
    all_equal("x", x.down(), 2.f);
}
TEST(allocating_ends_a_capture) {
    Stream s;
    cudaGraph_t graph = nullptr;
    void* p = nullptr;
    check(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    expect(cudaMalloc(&p, 256), cudaErrorStreamCaptureUnsupported, "cudaMalloc while capturing");
    expect(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated, "end of a broken capture");
    cudaGetLastError();
}

// ---------------------------------------------------------------- errors
TEST(errors_are_reported_once_and_cleared) {
    Buf<float> x(32);
    expect(ke::launch(another, dim3(1), dim3(2000), 0, 0, x.get()), cudaErrorInvalidConfiguration, "2000 threads");
    expect(cudaGetLastError(), cudaSuccess, "after the launch has reported and cleared it");   // ke::launch asks cudaGetLastError
    expect(ke::launch(another, dim3(1, 70000), dim3(32), 0, 0, x.get()), cudaErrorInvalidConfiguration, "70000 blocks in y");
    check(ke::launch(another, dim3(1), dim3(32), 0, 0, x.get()));
    all_equal("still works", x.down(), 0.f);
}
TEST(out_of_memory_leaves_the_device_usable) {
    size_t free_bytes = 0, total = 0;
    check(cudaMemGetInfo(&free_bytes, &total));
    void* p = nullptr;
    expect(cudaMalloc(&p, total + 1), cudaErrorMemoryAllocation, "more than there is");
    expect(cudaGetLastError(), cudaErrorMemoryAllocation, "last error");
    expect(cudaGetLastError(), cudaSuccess, "last error, again");
    check(cudaMalloc(&p, 256));
    check(cudaFree(p));
}
