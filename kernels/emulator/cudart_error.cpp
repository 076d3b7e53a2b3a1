// Error state of the emulated runtime.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runtime.h"

namespace emu {
namespace {
struct Known {
    cudaError_t code;
    const char *name, *text;
};
const Known known[] = {
#define E(code, text) {code, #code, text}
    E(cudaSuccess, "no error"),
    E(cudaErrorInvalidValue, "invalid argument"),
    E(cudaErrorMemoryAllocation, "out of memory"),
    E(cudaErrorInitializationError, "initialization error"),
    E(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    E(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
    E(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    E(cudaErrorInvalidDevice, "invalid device ordinal"),
    E(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    E(cudaErrorNotReady, "device not ready"),
    E(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    E(cudaErrorLaunchFailure, "unspecified launch failure"),
    E(cudaErrorNotSupported, "operation not supported"),
    E(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    E(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    E(cudaErrorStreamCaptureUnmatched, "the capture was not initiated in this stream"),
    E(cudaErrorStreamCaptureImplicit, "operation would make the legacy stream depend on a capturing blocking stream"),
    E(cudaErrorCapturedEvent, "operation not permitted on an event last recorded in a capturing stream"),
    E(cudaErrorGraphExecUpdateFailure, "the graph update was not performed because it included changes which violated constraints"),
    E(cudaErrorUnknown, "unknown error"),
#undef E
};
const Known* look_up(cudaError_t code) {
    for (const Known& k : known)
        if (k.code == code) return &k;
    return nullptr;
}

void explain(cudaError_t error, const char* format, va_list args) {
    Runtime& r = runtime();
    vsnprintf(r.text, sizeof r.text, format, args);
    r.text_of = error;
    r.last = error;
}

void faults_from_environment(Runtime& r) {   // name:nth:code,name:nth:code
    const char* s = getenv("KE_FAIL");
    while (s && *s) {
        Fault f{};
        int code = 0;
        if (sscanf(s, "%63[^:,]:%d:%d", f.function, &f.nth, &code) != 3 || f.nth < 1) {
            fprintf(stderr, "emulator: KE_FAIL=%s is not function:nth:code[,...]\n", s);
            exit(2);
        }
        f.error = (cudaError_t)code;
        r.faults.push_back(f);
        s = strchr(s, ',');
        if (s) s++;
    }
}
}  // namespace

Runtime::Runtime() {
    const char* streams_mode = getenv("KE_STREAMS");
    if (streams_mode && !strcmp(streams_mode, "immediate")) mode = Streams::immediate;
    streams.push_back(new CUstream_st);
    faults_from_environment(*this);
}

Runtime& runtime() {
    static Runtime* r = new Runtime;   // never destroyed, as the device heap
    return *r;
}

Entry::Entry(const char* function) : lock(runtime().mutex), error(cudaSuccess) {
    Runtime& r = runtime();
    if (r.sticky) {
        error = r.sticky;
        return;
    }
    for (size_t i = 0; i < r.faults.size(); i++) {
        Fault& f = r.faults[i];
        if (strcmp(f.function, function) != 0 || --f.nth > 0) continue;
        error = failed(f.error);
        r.faults.erase(r.faults.begin() + (ptrdiff_t)i);
        return;
    }
}

cudaError_t failed(cudaError_t error) {
    runtime().text_of = cudaSuccess;
    return runtime().last = error;
}
cudaError_t failed(cudaError_t error, const char* format, ...) {
    va_list args;
    va_start(args, format);
    explain(error, format, args);
    va_end(args);
    return error;
}
cudaError_t broken(cudaError_t error, const char* format, ...) {
    va_list args;
    va_start(args, format);
    explain(error, format, args);
    va_end(args);
    return runtime().sticky = error;
}

void inject(const char* function, int nth, cudaError_t error) {
    std::lock_guard<std::recursive_mutex> lock(runtime().mutex);
    Fault f{};
    snprintf(f.function, sizeof f.function, "%s", function);
    f.nth = nth;
    f.error = error;
    runtime().faults.push_back(f);
}

void reset() {
    Runtime& r = runtime();
    std::lock_guard<std::recursive_mutex> lock(r.mutex);
    drop_streams();
    drop_pinned();
    device_heap().clear();
    r.last = r.sticky = r.text_of = cudaSuccess;
    r.faults.clear();
    r.device = Device();
}
}  // namespace emu

extern "C" {
cudaError_t cudaGetLastError(void) {
    emu::Runtime& r = emu::runtime();
    std::lock_guard<std::recursive_mutex> lock(r.mutex);
    const cudaError_t e = r.sticky ? r.sticky : r.last;
    r.last = cudaSuccess;
    return e;
}
cudaError_t cudaPeekAtLastError(void) {
    emu::Runtime& r = emu::runtime();
    std::lock_guard<std::recursive_mutex> lock(r.mutex);
    return r.sticky ? r.sticky : r.last;
}
// The emulator's own sentence when it has one for this error, else CUDA's words.
const char* cudaGetErrorString(cudaError_t e) {
    emu::Runtime& r = emu::runtime();
    std::lock_guard<std::recursive_mutex> lock(r.mutex);
    if (e && e == r.text_of) return r.text;
    const emu::Known* k = emu::look_up(e);
    return k ? k->text : "unrecognized error code";
}
const char* cudaGetErrorName(cudaError_t e) {
    const emu::Known* k = emu::look_up(e);
    return k ? k->name : "unrecognized error code";
}
}
