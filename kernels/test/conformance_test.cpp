// What the emulator assumes of the hardware. Runs on both: on the CPU it tests the emulator, on a GPU the assumptions,
// so this is the first test to run on a machine with a GPU.
// Fragments are expected from (shape, stride) thread-value layouts, not from the emulator's own formulas.
#include <algorithm>

#include "test.h"

using namespace t;

namespace {
constexpr unsigned kAll = 0xffffffffu;

// ---------------------------------------------------------------- mma
// (lane, value) -> offset with the mode sizes ((4,8),(2,2,2)) and the given strides
struct Layout {
    int lane4, lane8, v0, v1, v2;
    int operator()(int lane, int v) const { return lane % 4 * lane4 + lane / 4 * lane8 + (v & 1) * v0 + (v >> 1 & 1) * v1 + (v >> 2 & 1) * v2; }
};
constexpr Layout kA16{32, 1, 16, 8, 128}, kA8{32, 1, 16, 8, 0};   // -> m + 16 k
constexpr Layout kB16{16, 1, 8, 64, 0}, kB8{16, 1, 8, 0, 0};      // -> n + 8 k
constexpr Layout kC{32, 1, 16, 8, 0};                             // -> m + 16 n

template <class T> __global__ void mma_k16(float* d, const uint32_t* a, const uint32_t* b, const float* c) {
    const int l = threadIdx.x;
    uint32_t A[4], B[2];
    float C[4], D[4];
    for (int i = 0; i < 4; i++) A[i] = a[l * 4 + i], C[i] = c[l * 4 + i];
    for (int i = 0; i < 2; i++) B[i] = b[l * 2 + i];
    ke::mma_m16n8k16<T>(D, A, B, C);
    for (int i = 0; i < 4; i++) d[l * 4 + i] = D[i];
}
__global__ void mma_k8(float* d, const uint32_t* a, const uint32_t* b, const float* c) {
    const int l = threadIdx.x;
    float C[4], D[4];
    for (int i = 0; i < 4; i++) C[i] = c[l * 4 + i];
    ke::mma_m16n8k8_f16(D, a[l * 2], a[l * 2 + 1], b[l], C);
    for (int i = 0; i < 4; i++) d[l * 4 + i] = D[i];
}

// Small integers: every sum is exact, whatever the order and width of the hardware's adder.
template <class T> void mma_case(const char* label, int K) {
    const Layout layout_a = K == 16 ? kA16 : kA8, layout_b = K == 16 ? kB16 : kB8;
    std::vector<double> A(16 * K), B(8 * K), C(16 * 8);
    for (auto* m : {&A, &B, &C})
        for (double& x : *m) x = (int)(draw() % 17) - 8;
    const int va = K / 2, vb = K / 4;   // values per lane
    std::vector<T> a(32 * va), b(32 * vb);
    std::vector<float> c(128);
    std::vector<double> want(128);
    for (int lane = 0; lane < 32; lane++) {
        for (int v = 0; v < va; v++) a[lane * va + v] = ke::from_float<T>((float)A[layout_a(lane, v)]);
        for (int v = 0; v < vb; v++) b[lane * vb + v] = ke::from_float<T>((float)B[layout_b(lane, v)]);
        for (int v = 0; v < 4; v++) {
            const int o = kC(lane, v), m = o % 16, n = o / 16;
            c[lane * 4 + v] = (float)C[o];
            want[lane * 4 + v] = C[o];
            for (int k = 0; k < K; k++) want[lane * 4 + v] += A[m + 16 * k] * B[n + 8 * k];
        }
    }
    schedules(label, [&] {
        Buf<T> da(a), db(b);
        Buf<float> dc(c), dd(128);
        const auto *pa = (const uint32_t*)da.get(), *pb = (const uint32_t*)db.get();
        if (K == 16) check(ke::launch(mma_k16<T>, dim3(1), dim3(32), 0, 0, dd.get(), pa, pb, (const float*)dc.get()));
        else check(ke::launch(mma_k8, dim3(1), dim3(32), 0, 0, dd.get(), pa, pb, (const float*)dc.get()));
        close(label, dd.down(), want, 0, 1e-9);
    });
}
}  // namespace

TEST(mma_bf16) {
    if (capability() >= 80) mma_case<__nv_bfloat16>("m16n8k16 bf16", 16);
    else printf("  sm_75 has no bf16 mma\n");
}
TEST(mma_f16) {
    mma_case<__half>("m16n8k16 f16", 16);   // two m16n8k8 on sm_75
    mma_case<__half>("m16n8k8 f16", 8);
}

// ---------------------------------------------------------------- ldmatrix, movmatrix
namespace {
__global__ void matrix_loads(uint32_t* out) {   // [32][15]
    KE_SHARED_ALIGN(16, unsigned short, s, [32][8]);
    const int l = threadIdx.x;
    for (int c = 0; c < 8; c++) s[l][c] = (unsigned short)(l * 8 + c);
    __syncwarp();
    uint32_t x4[4], t4[4], x2[2], t2[2], x1[1], t1[1];
    ke::ldmatrix_x4(x4, s[l]);
    ke::ldmatrix_x4_trans(t4, s[l]);
    ke::ldmatrix_x2(x2, s[l & 15]);
    ke::ldmatrix_x2_trans(t2, s[l & 15]);
    ke::ldmatrix_x1(x1, s[l & 7]);
    ke::ldmatrix_x1_trans(t1, s[l & 7]);
    uint32_t* o = out + l * 15;
    for (int i = 0; i < 4; i++) *o++ = x4[i];
    for (int i = 0; i < 4; i++) *o++ = t4[i];
    for (int i = 0; i < 2; i++) *o++ = x2[i];
    for (int i = 0; i < 2; i++) *o++ = t2[i];
    *o++ = x1[0];
    *o++ = t1[0];
    *o++ = ke::movmatrix_trans(x4[1]);
}
}  // namespace

TEST(ldmatrix) {
    std::vector<uint32_t> want;
    auto at = [](int row, int column) { return (uint32_t)(row * 8 + column); };
    for (int l = 0; l < 32; l++) {
        const int i = l / 4, j = 2 * (l % 4);
        auto tile = [&](int t, bool transposed) {
            want.push_back(transposed ? at(t * 8 + j, i) | at(t * 8 + j + 1, i) << 16 : at(t * 8 + i, j) | at(t * 8 + i, j + 1) << 16);
        };
        for (int count : {4, 2, 1})
            for (bool transposed : {false, true})
                for (int t = 0; t < count; t++) tile(t, transposed);
        tile(1, true);
    }
    schedules("ldmatrix", [&] {
        Buf<uint32_t> out(32 * 15);
        check(ke::launch(matrix_loads, dim3(1), dim3(32), 0, 0, out.get()));
        equal("ldmatrix", out.down(), want);
    });
}

// ---------------------------------------------------------------- warp and block primitives
namespace {
constexpr int kPrimitives = 19;
__global__ void primitives(int* out) {
    const int l = threadIdx.x, v = l * 3 + 1;
    int* p = out + l * kPrimitives;
    *p++ = __shfl_sync(kAll, v, 5);
    *p++ = __shfl_sync(kAll, v, l + 3, 8);
    *p++ = __shfl_up_sync(kAll, v, 2);
    *p++ = __shfl_up_sync(kAll, v, 3, 16);
    *p++ = __shfl_down_sync(kAll, v, 4);
    *p++ = __shfl_down_sync(kAll, v, 1, 4);
    *p++ = __shfl_xor_sync(kAll, v, 7);
    *p++ = __shfl_xor_sync(kAll, v, 1, 2);
    *p++ = (int)__ballot_sync(kAll, l % 3 == 0);
    *p++ = __any_sync(kAll, l == 31);
    *p++ = __all_sync(kAll, l < 31);
    *p++ = (int)__match_any_sync(kAll, l / 5);
    if (l < 16) *p++ = __shfl_xor_sync(0xffffu, v, 3);
    else *p++ = __shfl_down_sync(0xffff0000u, v, 1);
    *p++ = __syncthreads_count(l % 4 == 0);
    *p++ = __syncthreads_or(l == 40);
    *p++ = __syncthreads_and(l < 32);
#if KE_ARCH >= 800
    *p++ = __reduce_add_sync(kAll, v);
    *p++ = __reduce_max_sync(kAll, 5 - v);
    *p++ = (int)__reduce_xor_sync(kAll, (unsigned)v);
#else
    for (int i = 0; i < 3; i++) *p++ = 0;
#endif
}
__global__ void named_barriers(int* out) {   // two pairs of warps, each with a barrier of its own
    KE_SHARED(int, s, [128]);
    const int i = threadIdx.x, pair = i / 64;
    for (int round = 0; round < 3; round++) {
        s[i] = i + round;
        ke::named_barrier(1 + pair, 64);
        out[round * 128 + i] = s[pair * 64 + 63 - i % 64];
        ke::named_barrier(1 + pair, 64);
    }
}
}  // namespace

TEST(warp_primitives) {
    std::vector<int> want;
    auto v = [](int lane) { return lane * 3 + 1; };
    const bool reduces = capability() >= 80;
    for (int l = 0; l < 32; l++) {
        unsigned alike = 0, all_xor = 0;
        int sum = 0;
        for (int k = 0; k < 32; k++) {
            if (k / 5 == l / 5) alike |= 1u << k;
            sum += v(k);
            all_xor ^= (unsigned)v(k);
        }
        const int row[kPrimitives] = {v(5), v((l & ~7) + ((l + 3) & 7)), v(l < 2 ? l : l - 2), v((l & 15) < 3 ? l : l - 3), v(l > 27 ? l : l + 4),
                                      v(l % 4 == 3 ? l : l + 1), v(l ^ 7), v(l ^ 1), 0x49249249, 1, 0, (int)alike,
                                      l < 16 ? v(l ^ 3) : v(l == 31 ? l : l + 1), 8, 0, 1,
                                      reduces ? sum : 0, reduces ? 4 : 0, reduces ? (int)all_xor : 0};
        want.insert(want.end(), row, row + kPrimitives);
    }
    schedules("warp primitives", [&] {
        Buf<int> out(32 * kPrimitives);
        check(ke::launch(primitives, dim3(1), dim3(32), 0, 0, out.get()));
        equal("warp primitives", out.down(), want);
    });
}
TEST(named_barrier) {
    std::vector<int> want;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 128; i++) want.push_back(i / 64 * 64 + 63 - i % 64 + round);
    schedules("named barriers", [&] {
        Buf<int> out(3 * 128);
        check(ke::launch(named_barriers, dim3(1), dim3(128), 0, 0, out.get()));
        equal("named barriers", out.down(), want);
    });
}

// ---------------------------------------------------------------- cp.async
namespace {
template <int Bytes> __global__ void async_copies(unsigned char* out, const unsigned char* in) {   // [3][32][Bytes]
    KE_SHARED_ALIGN(16, unsigned char, s, [3][32 * 16]);
    const int l = threadIdx.x;
    auto row = [&](int stage, int lane) { return &s[stage][lane * Bytes]; };
    ke::cp_async<Bytes>(row(0, l), in + l * Bytes);
    ke::cp_async_commit();
    ke::cp_async_zero_fill<Bytes>(row(1, l), in + (32 + l) * Bytes, l % (Bytes + 1));   // every length 0..Bytes
    ke::cp_async_commit();
    ke::cp_async<Bytes>(row(2, l), in + (64 + l) * Bytes);
    ke::cp_async_commit();
    auto put = [&](int stage) {
        for (int i = 0; i < Bytes; i++) out[(stage * 32 + l) * Bytes + i] = row(stage, 31 - l)[i];
    };
    ke::cp_async_wait<1>();
    __syncthreads();
    put(0);
    put(1);
    ke::cp_async_wait<0>();
    __syncthreads();
    put(2);
}
template <int Bytes> void async_case(const char* label) {
    std::vector<uint8_t> in(96 * Bytes), want(96 * Bytes);
    for (uint8_t& x : in) x = (uint8_t)(draw() | 1);   // never zero
    for (int stage = 0; stage < 3; stage++)
        for (int l = 0; l < 32; l++)
            for (int i = 0; i < Bytes; i++) {
                const int from = 31 - l;
                const bool zero = stage == 1 && i >= from % (Bytes + 1);
                want[(stage * 32 + l) * Bytes + i] = zero ? 0 : in[(stage * 32 + from) * Bytes + i];
            }
    schedules(label, [&] {
        Buf<uint8_t> din(in), out(96 * Bytes);
        check(ke::launch(async_copies<Bytes>, dim3(1), dim3(32), 0, 0, out.get(), (const unsigned char*)din.get()));
        equal(label, out.down(), want);
    });
}
}  // namespace

TEST(cp_async) {
    async_case<4>("cp.async 4");
    async_case<8>("cp.async 8");
    async_case<16>("cp.async 16");
}

// ---------------------------------------------------------------- bits, rounding, fast math
namespace {
__global__ void bits(int* out) {   // [32][8]
    const int l = threadIdx.x;
    int* p = out + l * 8;
    *p++ = (int)__byte_perm(0x33221100u, 0x77665544u, 0x7531u);
    *p++ = __popc(0xf0f0u) + __clz(255) + __ffs(8);
    *p++ = (int)__brev(1u << l);
    *p++ = __float2int_rn((float)l + 0.5f);
    *p++ = __float2int_rd(-(float)l - 0.5f);
    *p++ = (int)__umulhi(0x80000000u, (unsigned)l);
    *p++ = (int)__funnelshift_l(0x80000001u, 0x00000003u, (unsigned)l);
    *p++ = __float2int_rz(1e20f) == 2147483647;
}
// one row of functions per input
constexpr int kFunctions = 12;
__global__ void functions(float* out, const float* in) {
    const float x = in[threadIdx.x];
    float* p = out + threadIdx.x * kFunctions;
    *p++ = rsqrtf(fabsf(x));
    *p++ = exp2f(x);
    *p++ = __expf(x);
    *p++ = __logf(fabsf(x));
    *p++ = __fdividef(1.f, x);
    *p++ = __sinf(x);
    *p++ = __cosf(x);
    *p++ = ke::tanh_approx(x);
    *p++ = ke::exp2_approx(x);
    *p++ = ke::log2_approx(fabsf(x));
    *p++ = ke::rcp_approx(x);
    *p++ = __fdividef(x, 2e38f);   // the divisor is beyond 2^126: the result is 0
}
// all roundings of interest to a 16-bit type, with the packing of pairs
template <class T> __global__ void roundings(float* out, const float* in) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    const float2 v = ke::unpack2<T>(ke::pack2<T>(in[2 * i], in[2 * i + 1]));
    out[2 * i] = v.x;
    out[2 * i + 1] = v.y;
}
template <class T, int kMantissa> void rounding_case(const char* label) {
    const float step = ldexpf(1.f, -kMantissa);   // the last place of 1
    std::vector<float> in;
    std::vector<double> want;
    for (int i = -64; i < 64; i++)
        for (int half : {0, 1, 2, 3}) {           // multiples of a quarter: ties go to even
            const float x = 1.5f + ((float)i + 0.25f * (float)half) * step;
            in.push_back(x);
            want.push_back(nearbyint((double)x / step) * step);
        }
    schedules(label, [&] {
        Buf<float> din(in), out(in.size());
        check(ke::launch(roundings<T>, dim3((unsigned)in.size() / 64), dim3(32), 0, 0, out.get(), (const float*)din.get()));
        close(label, out.down(), want, 0, 0);
    });
}
}  // namespace

TEST(bit_intrinsics) {
    std::vector<int> want;
    for (int l = 0; l < 32; l++) {
        const int row[8] = {0x77553311, 8 + 24 + 4, (int)(1u << (31 - l)), (int)std::nearbyint(l + 0.5), -l - 1, l / 2,
                            (int)(uint32_t)((0x0000000380000001ull << l) >> 32), 1};
        want.insert(want.end(), row, row + 8);
    }
    schedules("bit intrinsics", [&] {
        Buf<int> out(32 * 8);
        check(ke::launch(bits, dim3(1), dim3(32), 0, 0, out.get()));
        equal("bit intrinsics", out.down(), want);
    });
}
TEST(fast_math) {
    const auto in = random<float>(64, 3.f);
    std::vector<double> want;
    for (float f : in) {
        const double x = f, m = std::fabs(x);
        const double row[kFunctions] = {1 / std::sqrt(m), std::exp2(x), std::exp(x), std::log(m), 1 / x, std::sin(x), std::cos(x),
                                        std::tanh(x), std::exp2(x), std::log2(m), 1 / x, 0};
        want.insert(want.end(), row, row + kFunctions);
    }
    schedules("fast math", [&] {
        Buf<float> din(in), out(want.size());
        check(ke::launch(functions, dim3(1), dim3((unsigned)in.size()), 0, 0, out.get(), (const float*)din.get()));
        close("fast math", out.down(), want, 1.0 / 1024, 1e-6);   // tanh.approx is the coarsest
    });
}
TEST(rounding_to_16_bit) {
    rounding_case<__half, 10>("f16");
    rounding_case<__nv_bfloat16, 7>("bf16");
}

// ---------------------------------------------------------------- reductions, atomics, dynamic shared memory
namespace {
__global__ void reductions(float* out, const float* in) {   // every thread has the result
    const int i = blockIdx.x * 96 + threadIdx.x;
    out[2 * i] = ke::block_sum<96>(in[i]);
    out[2 * i + 1] = ke::block_max<96>(in[i]);
}
__global__ void atomics(int* out, const int* in) {
    const int v = in[blockIdx.x * blockDim.x + threadIdx.x];
    atomicAdd(&out[0], v);
    atomicMax(&out[1], v);
    atomicMin(&out[2], v);
    atomicOr(&out[3], 1 << (threadIdx.x & 31));
    atomicXor(&out[4], v);
    atomicInc((unsigned*)&out[5], 9);
}
__global__ void large_shared(float* out, int n) {
    KE_DYN_SHARED(raw);
    float* s = (float*)raw;
    for (int i = threadIdx.x; i < n; i += blockDim.x) s[i] = (float)i;
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += blockDim.x) out[i] = s[n - 1 - i];
}
}  // namespace

TEST(block_reductions) {
    const auto in = random<float>(3 * 96);
    std::vector<double> want;
    for (int b = 0; b < 3; b++) {
        double sum = 0, max = -1e30;
        for (int i = 0; i < 96; i++) {
            sum += in[b * 96 + i];
            max = std::max(max, (double)in[b * 96 + i]);
        }
        for (int i = 0; i < 96; i++) {
            want.push_back(sum);
            want.push_back(max);
        }
    }
    Repeatable<float> bits_of_all;
    schedules("block reductions", [&] {
        Buf<float> din(in), out(want.size());
        check(ke::launch(reductions, dim3(3), dim3(96), 0, 0, out.get(), (const float*)din.get()));
        const auto got = out.down();
        close("block reductions", got, want, 1e-5, 1e-5);
        bits_of_all.same("block reductions", got);
    });
}
TEST(atomics) {
    std::vector<int> in(4 * 48), want{0, -1000, 1000, -1, 0, (4 * 48) % 10};
    for (int& x : in) {
        x = (int)(draw() % 1999) - 999;
        want[0] += x;
        want[1] = std::max(want[1], x);
        want[2] = std::min(want[2], x);
        want[4] ^= x;
    }
    schedules("atomics", [&] {
        Buf<int> din(in), out(std::vector<int>{0, -1000, 1000, 0, 0, 0});
        check(ke::launch(atomics, dim3(4), dim3(48), 0, 0, out.get(), (const int*)din.get()));
        equal("atomics", out.down(), want);
    });
}
TEST(dynamic_shared_above_48_kib) {
    const int n = 60 * 1024 / 4;
    std::vector<double> want(n);
    for (int i = 0; i < n; i++) want[i] = n - 1 - i;
    schedules("60 KiB", [&] {
        Buf<float> out(n);
        check(ke::launch(large_shared, dim3(1), dim3(64), n * 4, 0, out.get(), n));
        close("60 KiB", out.down(), want, 0, 0);
    });
}
