// The state behind the emulated CUDA runtime. Internal to the emulator. The cudart_*.cpp files implement the calls of
// CUDA's own cuda_runtime_api.h, so a signature that differs does not compile:
//   cudart_error.cpp    last error, sticky error, injected faults
//   cudart_device.cpp   what the device is and has
//   cudart_memory.cpp   allocations, copies
//   cudart_stream.cpp   streams, events, kernel launches
//   cudart_graph.cpp    capture and replay
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "device_heap.h"
#include "emulator.h"
#include "execution.h"

namespace emu {

// One thing that a stream does when its turn comes.
struct Work {
    enum class Kind { kernel, copy, fill, host_call, record, wait, release, graph };
    Kind kind;
    const void* what;                       // the kernel, for graph updates and messages
    std::function<cudaError_t()> run;
    uint64_t sequence = 0;                  // order of submission over all streams
};

// One recording of an event.
struct Recording {
    CUstream_st* stream;
    uint64_t sequence;
    bool done = false;
    double milliseconds = 0;
};

struct Fault {
    char function[64];
    int nth;
    cudaError_t error;
};

struct Runtime {
    std::recursive_mutex mutex;
    Device device;
    Streams mode = Streams::deferred;
    std::vector<CUstream_st*> streams;      // the default stream first
    uint64_t sequence = 0;
    cudaError_t last = cudaSuccess, sticky = cudaSuccess;
    cudaError_t text_of = cudaSuccess;      // the error that `text` explains
    char text[4200] = "";
    std::vector<Fault> faults;
    Runtime();
};
Runtime& runtime();

// The head of every runtime call: takes the lock, and says the injected or sticky error that the call must return.
struct Entry {
    explicit Entry(const char* function);
    std::lock_guard<std::recursive_mutex> lock;
    cudaError_t error;
};
#define KE_CUDA_CALL(function)          \
    ::emu::Entry entry_(function);      \
    if (entry_.error) return entry_.error

cudaError_t failed(cudaError_t error);      // remembered for cudaGetLastError
cudaError_t failed(cudaError_t error, const char* format, ...) __attribute__((format(printf, 2, 3)));
cudaError_t broken(cudaError_t error, const char* format, ...) __attribute__((format(printf, 2, 3)));   // sticky

// ---- cudart_stream.cpp
CUstream_st* find_stream(cudaStream_t stream);          // null: no such stream
cudaError_t submit(cudaStream_t stream, Work work);
cudaError_t drain(CUstream_st* stream);                 // runs all it holds
cudaError_t drain_all();
void drop_streams();                                    // forgets all work and all streams but the default one

// ---- cudart_memory.cpp
bool is_pinned(const void* p, size_t bytes = 1);
void drop_pinned();

// ---- cudart_graph.cpp
// A call that may not happen while a stream is being captured: ends the capture as invalid and says so.
cudaError_t forbid_in_capture(const char* function, CUstream_st* stream = nullptr);
}  // namespace emu

struct CUstream_st {
    bool waits_for_default = true;          // a blocking stream, in CUDA's words
    std::deque<emu::Work> queue;
    CUgraph_st* capture = nullptr;          // being recorded into
    bool capture_origin = false, capture_relaxed = false;
};
struct CUevent_st {
    bool timing = true;
    std::shared_ptr<emu::Recording> recording;   // null: never recorded
    CUgraph_st* captured = nullptr;              // recorded in a stream under capture
};
struct CUgraph_st {
    std::vector<emu::Work> nodes;           // in the order of submission, which respects every dependency
    bool valid = true;
};
struct CUgraphExec_st {
    std::vector<emu::Work> nodes;
};
