// Streams, events and kernel launches of the emulated runtime.
//
// A stream is a queue. In deferred mode (the default) work runs only when the host synchronises with its stream, and
// then that stream alone moves: the other streams lag behind as far as events and the default stream allow. What
// the program forgot to order is therefore out of order.
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "machine.h"
#include "runtime.h"

namespace emu {
namespace {
constexpr size_t kQueueLimit = 4096;   // a stream that is never synchronised must not grow for ever

double now_ms() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

CUstream_st* default_stream() { return runtime().streams.front(); }

// Runs what `stream` holds up to the given submission. The work is taken off the queue before anything else runs, and
// every nested drain asks only for earlier submissions, so the recursion ends.
cudaError_t drain_until(CUstream_st* stream, uint64_t sequence) {
    Runtime& r = runtime();
    while (!r.sticky && !stream->queue.empty() && stream->queue.front().sequence <= sequence) {
        Work work = std::move(stream->queue.front());
        stream->queue.pop_front();
        if (stream == default_stream()) {   // legacy default stream: a barrier among all blocking streams
            for (size_t i = 1; i < r.streams.size(); i++)
                if (r.streams[i]->waits_for_default) drain_until(r.streams[i], work.sequence);
        } else if (stream->waits_for_default) {
            drain_until(default_stream(), work.sequence);
        }
        if (!r.sticky) work.run();
    }
    return r.sticky;
}

cudaError_t run_kernel(const Launch& launch, const std::function<void()>& thread) {
    DeviceAccess access;
    if (!run_grid(launch, thread)) return broken(cudaErrorLaunchFailure, "emulator: %s", machine.error);
    if (const void* p = device_heap().damaged())
        return broken(cudaErrorIllegalAddress, "emulator: a kernel wrote outside the device allocation at %p", p);
    return cudaSuccess;
}
}  // namespace

void set_streams(Streams mode) {
    std::lock_guard<std::recursive_mutex> lock(runtime().mutex);
    drain_all();
    runtime().mode = mode;
}

CUstream_st* find_stream(cudaStream_t stream) {
    if (!stream || stream == cudaStreamLegacy) return default_stream();
    const auto& all = runtime().streams;
    return std::find(all.begin() + 1, all.end(), stream) == all.end() ? nullptr : stream;
}

cudaError_t submit(cudaStream_t handle, Work work) {
    Runtime& r = runtime();
    CUstream_st* stream = find_stream(handle);
    if (!stream) return failed(cudaErrorInvalidResourceHandle);
    if (stream->capture) {
        if (!stream->capture->valid) return failed(cudaErrorStreamCaptureInvalidated);
        stream->capture->nodes.push_back(std::move(work));
        return cudaSuccess;
    }
    if (stream == default_stream())
        for (CUstream_st* s : r.streams)
            if (s->capture && s->waits_for_default) {
                s->capture->valid = false;
                return failed(cudaErrorStreamCaptureImplicit);
            }
    work.sequence = ++r.sequence;
    stream->queue.push_back(std::move(work));
    return r.mode == Streams::immediate || stream->queue.size() > kQueueLimit ? drain(stream) : cudaSuccess;
}

cudaError_t drain(CUstream_st* stream) { return drain_until(stream, runtime().sequence); }
cudaError_t drain_all() {
    for (size_t i = 0; i < runtime().streams.size(); i++) drain(runtime().streams[i]);
    return runtime().sticky;
}

void drop_streams() {
    Runtime& r = runtime();
    for (CUstream_st* s : r.streams) {
        if (s->capture_origin) delete s->capture;
        s->queue.clear();
        if (s != default_stream()) delete s;
    }
    r.streams.resize(1);
    *default_stream() = CUstream_st();
}

bool check_kernel_argument(size_t index, const void* p) {
    std::lock_guard<std::recursive_mutex> lock(runtime().mutex);
    if (!p || device_heap().contains(p) || is_pinned(p)) return true;
    failed(cudaErrorInvalidValue, "launch: argument %zu (%p) is %s", index, p, device_heap().owns(p) ? "a device address outside every live allocation" : "host memory");
    return false;
}

cudaError_t launch(const Launch& launch, cudaStream_t stream, std::function<void()> thread) {
    KE_CUDA_CALL("cudaLaunchKernel");
    const dim3 g = launch.grid, b = launch.block;
    if (!b.x || !b.y || !b.z || b.z > 64 || (size_t)b.x * b.y * b.z > 1024)
        return failed(cudaErrorInvalidConfiguration, "launch: a block of (%u,%u,%u) threads; it must have 1..1024", b.x, b.y, b.z);
    if (!g.x || !g.y || !g.z || g.x > 2147483647u || g.y > 65535 || g.z > 65535)
        return failed(cudaErrorInvalidConfiguration, "launch: a grid of (%u,%u,%u) blocks; every dimension must be at least 1, y and z at most 65535", g.x, g.y, g.z);
    if (launch.shared > shared_limit())
        return failed(cudaErrorInvalidValue, "launch: %zu bytes of dynamic shared memory, the limit is %zu", launch.shared, shared_limit());
    return submit(stream, {Work::Kind::kernel, launch.kernel, [launch, thread = std::move(thread)] { return run_kernel(launch, thread); }});
}
}  // namespace emu

using namespace emu;

extern "C" {
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
    KE_CUDA_CALL("cudaStreamCreate");
    CUstream_st* s = new CUstream_st;
    s->waits_for_default = !(flags & cudaStreamNonBlocking);
    runtime().streams.push_back(s);
    *stream = s;
    return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) { return cudaStreamCreateWithPriority(stream, flags, 0); }
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithPriority(stream, cudaStreamDefault, 0); }
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
    KE_CUDA_CALL("cudaDeviceGetStreamPriorityRange");
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    KE_CUDA_CALL("cudaStreamDestroy");
    CUstream_st* s = find_stream(stream);
    if (!s || s == default_stream()) return failed(cudaErrorInvalidResourceHandle);
    if (cudaError_t e = forbid_in_capture("cudaStreamDestroy", s)) return e;
    drain(s);   // the hardware finishes what was submitted
    auto& all = runtime().streams;
    all.erase(std::find(all.begin(), all.end(), s));
    delete s;
    return runtime().sticky;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    KE_CUDA_CALL("cudaStreamSynchronize");
    CUstream_st* s = find_stream(stream);
    if (!s) return failed(cudaErrorInvalidResourceHandle);
    if (cudaError_t e = forbid_in_capture("cudaStreamSynchronize", s)) return e;
    return drain(s);
}
// Makes one step of progress each time, so that a host that polls gets there.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
    KE_CUDA_CALL("cudaStreamQuery");
    CUstream_st* s = find_stream(stream);
    if (!s) return failed(cudaErrorInvalidResourceHandle);
    if (cudaError_t e = forbid_in_capture("cudaStreamQuery", s)) return e;
    if (s->queue.empty()) return cudaSuccess;
    if (cudaError_t e = drain_until(s, s->queue.front().sequence)) return e;
    return cudaErrorNotReady;
}
cudaError_t cudaDeviceSynchronize(void) {
    KE_CUDA_CALL("cudaDeviceSynchronize");
    if (cudaError_t e = forbid_in_capture("cudaDeviceSynchronize")) return e;
    return drain_all();
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
    KE_CUDA_CALL("cudaLaunchHostFunc");
    return submit(stream, {Work::Kind::host_call, (const void*)function, [=] { return function(data), cudaSuccess; }});
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
    KE_CUDA_CALL("cudaEventCreate");
    *event = new CUevent_st;
    (*event)->timing = !(flags & cudaEventDisableTiming);
    return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    KE_CUDA_CALL("cudaEventDestroy");
    delete event;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    KE_CUDA_CALL("cudaEventRecord");
    CUstream_st* s = find_stream(stream);
    if (!s) return failed(cudaErrorInvalidResourceHandle);
    event->captured = s->capture;
    event->recording = nullptr;
    if (s->capture) return cudaSuccess;   // an edge of the graph, which keeps the order of submission anyway
    auto recording = std::make_shared<Recording>(Recording{s, runtime().sequence + 1});
    event->recording = recording;
    return submit(stream, {Work::Kind::record, nullptr, [recording] {
                               recording->done = true;
                               recording->milliseconds = now_ms();
                               return cudaSuccess;
                           }});
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    KE_CUDA_CALL("cudaStreamWaitEvent");
    CUstream_st* s = find_stream(stream);
    if (!s) return failed(cudaErrorInvalidResourceHandle);
    if (event->captured) {                // the waiting stream joins the capture
        if (s->capture && s->capture != event->captured) return failed(cudaErrorStreamCaptureUnsupported);
        s->capture = event->captured;
        return cudaSuccess;
    }
    if (s->capture) return failed(cudaErrorStreamCaptureUnsupported, "cudaStreamWaitEvent: a stream under capture waits for an event recorded outside");
    auto recording = event->recording;
    if (!recording || recording->done) return cudaSuccess;
    return submit(stream, {Work::Kind::wait, nullptr, [recording] {
                               return recording->done || !find_stream(recording->stream) ? cudaSuccess : drain_until(recording->stream, recording->sequence);
                           }});
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    KE_CUDA_CALL("cudaEventSynchronize");
    if (event->captured) return failed(cudaErrorCapturedEvent);
    auto recording = event->recording;
    return !recording || recording->done ? cudaSuccess : drain_until(recording->stream, recording->sequence);
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
    KE_CUDA_CALL("cudaEventQuery");
    if (event->captured) return failed(cudaErrorCapturedEvent);
    auto recording = event->recording;
    if (!recording || recording->done) return cudaSuccess;
    if (cudaError_t e = drain_until(recording->stream, recording->stream->queue.front().sequence)) return e;
    return cudaErrorNotReady;
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start, cudaEvent_t end) {
    KE_CUDA_CALL("cudaEventElapsedTime");
    if (!start->timing || !end->timing || !start->recording || !end->recording) return failed(cudaErrorInvalidResourceHandle);
    if (!start->recording->done || !end->recording->done) return failed(cudaErrorNotReady);
    *ms = (float)(end->recording->milliseconds - start->recording->milliseconds);
    return cudaSuccess;
}
}
