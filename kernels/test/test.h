// The harness of the kernel tests. The same test source runs on the CPU emulator and, built by nvcc, on a GPU: it
// uses the CUDA runtime's own calls only.
//   TEST(name) { ... }             one test; the program's arguments select tests by name
//   t::random<T>(n, scale)         fresh random values; the seed is printed on failure (KE_DATA_SEED repeats it)
//   t::Buf<T>, t::Matrix<T>        a device buffer, NaN until written; a matrix with gaps between its rows
//   t::schedules(label, body)      runs body once per warp schedule (KE_SEEDS of them); on a GPU once
//   t::close(...), t::equal(...)   comparisons with a reference; NaN (also: never written) always fails
//   t::Repeatable                  the same bits under every schedule
// KE_VERBOSE=1 prints what passes, and the time of each.
#pragma once
#include <chrono>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "ke/ke.h"
#if !defined(KE_GPU)
#include "emulator/emulator.h"
#endif

namespace t {

// ---------------------------------------------------------------- tests and failures
struct Test {
    const char* name;
    void (*run)();
};
inline std::vector<Test>& tests() {
    static std::vector<Test> all;
    return all;
}
struct State {
    int failures = 0;
    int schedule = -1;
    uint64_t data_seed = 0, random = 0;
    const char* test = "";
    bool verbose = getenv("KE_VERBOSE") != nullptr;
};
inline State& state() {
    static State s;
    return s;
}
inline void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));
inline void fail(const char* format, ...) {
    State& s = state();
    if (s.failures++ > 20) return;   // the first ones say it all
    printf("FAIL %s (KE_DATA_SEED=%llu, schedule %d): ", s.test, (unsigned long long)s.data_seed, s.schedule);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
}
inline bool check(cudaError_t e, const char* what = "launch") {
    if (e != cudaSuccess) fail("%s: %s: %s", what, cudaGetErrorName(e), cudaGetErrorString(e));
    return e == cudaSuccess;
}
int run_tests(int argc, char** argv);   // main.cpp

#define TEST(name)                                                       \
    static void test_##name();                                           \
    [[maybe_unused]] static const bool registered_##name = [] {          \
        t::tests().push_back({#name, test_##name});                      \
        return true;                                                     \
    }();                                                                 \
    static void test_##name()

// ---------------------------------------------------------------- data
inline uint32_t draw() {
    uint64_t& s = state().random;
    s = s * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(s >> 32);
}
inline float draw_float() { return (float)(draw() >> 8) / 8388608.0f - 1.0f; }   // [-1, 1)

inline double to_double(double v) { return v; }
inline double to_double(int v) { return v; }
inline double to_double(uint32_t v) { return v; }
inline double to_double(uint8_t v) { return v; }
template <class T> inline auto to_double(T v) -> decltype((double)ke::to_float(v)) { return ke::to_float(v); }

template <class T> inline std::vector<T> random(size_t n, float scale = 1.f, float offset = 0.f) {
    std::vector<T> v(n);
    for (T& x : v) x = ke::from_float<T>(draw_float() * scale + offset);
    return v;
}
// half a unit in the last place, relative: how far a correctly rounded result may be
template <class T> constexpr double ulp();
template <> constexpr double ulp<float>() { return 1.0 / (1 << 24); }
template <> constexpr double ulp<__half>() { return 1.0 / (1 << 11); }
template <> constexpr double ulp<__nv_bfloat16>() { return 1.0 / (1 << 8); }
template <class T> constexpr const char* type_name();
template <> constexpr const char* type_name<float>() { return "f32"; }
template <> constexpr const char* type_name<__half>() { return "f16"; }
template <> constexpr const char* type_name<__nv_bfloat16>() { return "bf16"; }

template <class T> class Buf {
public:
    explicit Buf(size_t n) : n_(n) {
        check(cudaMalloc((void**)&p_, n * sizeof(T)), "cudaMalloc");
#if defined(KE_GPU)   // the emulator's cudaMalloc does it, and keeps the memory undefined for MemorySanitizer
        check(cudaMemset(p_, 0xff, n * sizeof(T)), "cudaMemset");
#endif
    }
    explicit Buf(const std::vector<T>& h) : Buf(h.size()) { up(h); }
    Buf(const Buf&) = delete;
    ~Buf() { cudaFree((void*)p_); }
    T* get() const { return p_; }
    size_t size() const { return n_; }
    void up(const std::vector<T>& h) { check(cudaMemcpy((void*)p_, h.data(), h.size() * sizeof(T), cudaMemcpyHostToDevice), "upload"); }
    std::vector<T> down() const {
        std::vector<T> h(n_);
        if (!check(cudaMemcpy((void*)h.data(), (const void*)p_, n_ * sizeof(T), cudaMemcpyDeviceToHost), "kernel")) memset((void*)h.data(), 0xff, n_ * sizeof(T));
        return h;
    }

private:
    T* p_ = nullptr;
    size_t n_;
};

// A matrix with `stride` elements from row to row in a buffer of its own; what lies between the rows is never defined.
template <class T> class Matrix {
public:
    Matrix(int64_t rows, int64_t cols, int64_t stride, int64_t offset = 0)
        : rows_(rows), cols_(cols), stride_(stride), offset_(offset), buf_(offset + (rows - 1) * stride + cols) {}
    Matrix(const std::vector<T>& dense, int64_t rows, int64_t cols, int64_t stride, int64_t offset = 0) : Matrix(rows, cols, stride, offset) { up(dense); }
    ke::Rows<T> rows() const { return {buf_.get() + offset_, rows_, cols_, stride_}; }
    void up(const std::vector<T>& dense) {
        check(cudaMemcpy2DAsync((void*)(buf_.get() + offset_), stride_ * sizeof(T), dense.data(), cols_ * sizeof(T), cols_ * sizeof(T), rows_, cudaMemcpyHostToDevice, 0), "upload");
    }
    std::vector<T> down() const {
        const std::vector<T> all = buf_.down();
        std::vector<T> dense;
        for (int64_t r = 0; r < rows_; r++) dense.insert(dense.end(), all.begin() + offset_ + r * stride_, all.begin() + offset_ + r * stride_ + cols_);
        return dense;
    }

private:
    int64_t rows_, cols_, stride_, offset_;
    Buf<T> buf_;
};

// compute capability of the device under test, as 75, 80, 90
inline int capability() {
    int major = 0, minor = 0;
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0);
    return major * 10 + minor;
}

// ---------------------------------------------------------------- schedules
inline double now_ms() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

template <class F> inline void schedules(const char* label, F body) {
    State& s = state();
#if defined(KE_GPU)
    const int n = 1;
#else
    const int n = getenv("KE_SEEDS") ? atoi(getenv("KE_SEEDS")) : 4;
#endif
    for (s.schedule = 0; s.schedule < n; s.schedule++) {
        const double start = now_ms();
#if !defined(KE_GPU)
        emu::set_seed((uint64_t)s.schedule);
#endif
        const int before = s.failures;
        body();
        const cudaError_t e = cudaDeviceSynchronize();
        if (s.failures == before) check(e, "kernel");
#if !defined(KE_GPU)
        if (e != cudaSuccess) emu::reset();   // a fault leaves the device unusable, as on the hardware
#endif
        if (s.verbose) printf("  %-44s schedule %d %8.2f ms%s\n", label, s.schedule, now_ms() - start, s.failures == before ? "" : "  FAILED");
    }
    s.schedule = -1;
}

// ---------------------------------------------------------------- comparisons
// |got - want| <= atol + rtol * |want| for every element
template <class T> inline bool close(const char* label, const std::vector<T>& got, const std::vector<double>& want, double rtol, double atol) {
    if (got.size() != want.size()) {
        fail("%s: %zu elements, want %zu", label, got.size(), want.size());
        return false;
    }
    size_t wrong = 0, nan = 0, at = 0;
    double worst = 0;
    for (size_t i = 0; i < want.size(); i++) {
        const double x = to_double(got[i]), error = std::fabs(x - want[i]), limit = atol + rtol * std::fabs(want[i]);
        if (x == want[i]) continue;   // infinities too
        if (std::isnan(x)) {
            if (!nan++ && !wrong) at = i;
        } else if (!(error <= limit)) {
            if (!nan && !(error / limit <= worst)) at = i;
            wrong++;
        }
        if (error / limit > worst) worst = error / limit;
    }
    if (wrong || nan)
        fail("%s: %zu of %zu wrong, %zu NaN or not written; at %zu: got %.9g, want %.9g (worst %.1f x tolerance)", label, wrong, want.size(), nan, at,
             to_double(got[at]), want[at], worst);
    else if (state().verbose)
        printf("  ok %s (worst %.2f of tolerance)\n", label, worst);
    return !wrong && !nan;
}
// bit for bit
template <class T> inline bool equal(const char* label, const std::vector<T>& got, const std::vector<T>& want) {
    for (size_t i = 0; i < want.size(); i++)
        if (got.size() != want.size() || memcmp((const void*)&got[i], (const void*)&want[i], sizeof(T)) != 0) {
            fail("%s: differs at %zu of %zu: got %.9g, want %.9g", label, i, want.size(), to_double(got[i]), to_double(want[i]));
            return false;
        }
    return true;
}
// The result must not depend on the schedule: declare outside schedules(), call inside.
template <class T> class Repeatable {
public:
    void same(const char* label, const std::vector<T>& got) {
        if (first_.empty()) first_ = got;
        else equal(label, got, first_);
    }

private:
    std::vector<T> first_;
};
}  // namespace t
