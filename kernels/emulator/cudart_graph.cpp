// Stream capture and graphs: what was captured is replayed in the order in which it was submitted.
#include <algorithm>

#include "runtime.h"

namespace emu {
// With a stream: the call concerns that stream. Without: the call is unsafe while any stream is captured in a mode
// other than relaxed.
cudaError_t forbid_in_capture(const char* function, CUstream_st* stream) {
    for (CUstream_st* s : runtime().streams) {
        if (!s->capture || (stream ? s != stream : !s->capture_origin || s->capture_relaxed)) continue;
        s->capture->valid = false;
        return failed(cudaErrorStreamCaptureUnsupported, "%s is not permitted while a stream is being captured", function);
    }
    return cudaSuccess;
}

namespace {
cudaError_t run_nodes(const std::vector<Work>& nodes) {
    for (const Work& w : nodes)
        if (cudaError_t e = w.run()) return e;
    return cudaSuccess;
}
bool same_shape(const std::vector<Work>& a, const std::vector<Work>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Work& x, const Work& y) { return x.kind == y.kind && x.what == y.what; });
}
}  // namespace
}  // namespace emu

using namespace emu;

extern "C" {
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    KE_CUDA_CALL("cudaStreamBeginCapture");
    CUstream_st* s = find_stream(stream);
    if (!s || s == runtime().streams.front()) return failed(cudaErrorStreamCaptureUnsupported, "cudaStreamBeginCapture: the default stream cannot be captured");
    if (s->capture) return failed(cudaErrorIllegalState);
    s->capture = new CUgraph_st;
    s->capture_origin = true;
    s->capture_relaxed = mode == cudaStreamCaptureModeRelaxed;
    return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
    KE_CUDA_CALL("cudaStreamIsCapturing");
    CUstream_st* s = find_stream(stream);
    if (!s) return failed(cudaErrorInvalidResourceHandle);
    *status = !s->capture ? cudaStreamCaptureStatusNone : s->capture->valid ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusInvalidated;
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    KE_CUDA_CALL("cudaStreamEndCapture");
    CUstream_st* s = find_stream(stream);
    if (!s || !s->capture) return failed(cudaErrorIllegalState);
    if (!s->capture_origin) return failed(cudaErrorStreamCaptureUnmatched);
    CUgraph_st* g = s->capture;
    for (CUstream_st* t : runtime().streams)
        if (t->capture == g) t->capture = nullptr;   // the streams that joined leave with it
    s->capture_origin = false;
    if (!g->valid) {
        delete g;
        *graph = nullptr;
        return failed(cudaErrorStreamCaptureInvalidated);
    }
    *graph = g;
    return cudaSuccess;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
    KE_CUDA_CALL("cudaGraphGetNodes");
    if (nodes) return failed(cudaErrorNotSupported, "cudaGraphGetNodes: the emulator only counts nodes");
    *count = graph->nodes.size();
    return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
    KE_CUDA_CALL("cudaGraphInstantiate");
    *exec = new CUgraphExec_st{graph->nodes};
    return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) {
    KE_CUDA_CALL("cudaGraphUpload");
    return cudaSuccess;
}
// As the hardware: new parameters, the same kernels in the same order.
cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t graph, cudaGraphExecUpdateResultInfo* info) {
    KE_CUDA_CALL("cudaGraphExecUpdate");
    const bool same = same_shape(exec->nodes, graph->nodes);
    *info = cudaGraphExecUpdateResultInfo{};
    info->result = same ? cudaGraphExecUpdateSuccess : cudaGraphExecUpdateErrorTopologyChanged;
    if (!same) return failed(cudaErrorGraphExecUpdateFailure);
    exec->nodes = graph->nodes;
    return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
    KE_CUDA_CALL("cudaGraphLaunch");
    // a copy: the program may update or destroy the graph before the stream gets there
    auto nodes = std::make_shared<const std::vector<Work>>(exec->nodes);
    return submit(stream, {Work::Kind::graph, nullptr, [nodes] { return run_nodes(*nodes); }});
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
    KE_CUDA_CALL("cudaGraphExecDestroy");
    delete exec;
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    KE_CUDA_CALL("cudaGraphDestroy");
    delete graph;
    return cudaSuccess;
}
}
