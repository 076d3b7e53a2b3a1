#include "nf4.h"

#include "nf4_reference.h"

using namespace t;

namespace {
struct Quantized {
    std::vector<uint8_t> data;
    std::vector<float> absmax;
};
template <class T> Quantized quantize(const std::vector<T>& x) {
    Quantized q{std::vector<uint8_t>((x.size() + 1) / 2), {}};
    for (size_t i0 = 0; i0 < x.size(); i0 += 64) {
        const size_t end = std::min(i0 + 64, x.size());
        float most = 0;
        for (size_t i = i0; i < end; i++) most = std::max(most, std::fabs(ke::to_float(x[i])));
        q.absmax.push_back(most);
        for (size_t i = i0; i < i0 + (end - i0 + 1) / 2 * 2; i++) {
            const float u = i < end && most > 0 ? ke::to_float(x[i]) * (1.0f / most) : 0.f;
            int code = 0;
            for (int k = 0; k < 15; k++) code += (nf4_values[k] + nf4_values[k + 1]) / 2.0f < std::clamp(u, -1.0f, 1.0f);
            q.data[i / 2] |= i % 2 ? code : code << 4;
        }
    }
    return q;
}

// The sum of PyTorch's CPU kernel: accumulator [way][lane] of round i adds x[32 i + 8 way + lane]; every 2^power rounds
// the accumulators move up a level.
float torch_mean(const std::vector<float>& x) {
    const int64_t n = x.size(), rounds = n / 32;
    int64_t log = 0;
    while ((1ll << log) < rounds) log++;
    const int64_t power = std::max<int64_t>(4, log / 4), step = 1ll << power;
    float acc[4][32] = {};
    for (int64_t i = 0; i < rounds; i++) {
        for (int k = 0; k < 32; k++) acc[0][k] += x[i * 32 + k];
        if ((i + 1) % step) continue;
        for (int level = 1; level < 4; level++) {
            for (int k = 0; k < 32; k++) acc[level][k] += acc[level - 1][k], acc[level - 1][k] = 0;
            if ((i + 1) & (step - 1) << (level * power)) break;
        }
    }
    for (int level = 1; level < 4; level++)
        for (int k = 0; k < 32; k++) acc[0][k] += acc[level][k];
    for (int64_t v = rounds * 4; v < n / 8; v++)
        for (int k = 0; k < 8; k++) acc[0][k] += x[v * 8 + k];
    for (int way = 1; way < 4; way++)
        for (int k = 0; k < 8; k++) acc[0][k] += acc[0][way * 8 + k];
    float sum = 0;
    for (int64_t k = n / 8 * 8; k < n; k++) sum += x[k];
    for (int k = 0; k < 8; k++) sum += acc[0][k];
    return sum / (float)n;
}

template <class T> void quantize_case(int64_t rows, int64_t cols, int64_t gap) {
    auto x = random<T>(rows * cols, 0.1f);
    if (x.size() > 200)
        for (int i = 64; i < 128; i++) x[i] = ke::from_float<T>(0.f);   // a block of zeros
    const Quantized want = quantize(x);
    char label[80];
    snprintf(label, sizeof label, "quantize %s %lldx%lld", type_name<T>(), (long long)rows, (long long)cols);
    schedules(label, [&] {
        Matrix<T> mx(x, rows, cols, cols + gap);
        Buf<uint8_t> data(want.data.size());
        Buf<float> absmax(want.absmax.size());
        check(kernels::nf4_quantize<T>(data.get(), absmax.get(), mx.rows(), 0));
        equal("packed", data.down(), want.data);
        equal("absmax", absmax.down(), want.absmax);
    });
}

void scales_case(int64_t blocks) {
    const auto absmax = random<float>(blocks, 0.5f, 0.6f), code = dynamic_code();
    const float mean = torch_mean(absmax);
    std::vector<float> nested;
    std::vector<uint8_t> codes;
    for (int64_t b0 = 0; b0 < blocks; b0 += 256) {
        const int64_t end = std::min(b0 + 256, blocks);
        float most = 0;
        for (int64_t b = b0; b < end; b++) most = std::max(most, std::fabs(absmax[b] - mean));
        nested.push_back(most);
        for (int64_t b = b0; b < end; b++) {
            const float x = most > 0 ? (absmax[b] - mean) * (1.0f / most) : 0.f;
            int best = 0;
            for (int c = 1; c < 256; c++)
                if (std::fabs(code[c] - x) < std::fabs(code[best] - x)) best = c;
            codes.push_back(best);
        }
    }
    char label[80];
    snprintf(label, sizeof label, "scales %lld", (long long)blocks);
    schedules(label, [&] {
        Buf<float> in(absmax), got_nested(nested.size()), got_mean(1);
        Buf<uint8_t> got(codes.size());
        check(kernels::nf4_quantize_scales(got.get(), got_nested.get(), got_mean.get(), in.get(), blocks, 0));
        equal("mean", got_mean.down(), {mean});
        equal("nested absmax", got_nested.down(), nested);
        equal("codes", got.down(), codes);
    });
}

template <class T> void dequantize_case(int64_t rows, int64_t cols, int64_t gap, int64_t row0, bool single) {
    const Nf4Matrix w(rows, cols, single);
    std::vector<T> want;
    for (int64_t i = row0 * cols; i < rows * cols; i++) want.push_back(ke::from_float<T>((float)w.values[i]));
    char label[80];
    snprintf(label, sizeof label, "dequantize %s %lldx%lld from %lld", type_name<T>(), (long long)rows, (long long)cols, (long long)row0);
    schedules(label, [&] {
        Matrix<T> y(rows - row0, cols, cols + gap);
        check(kernels::nf4_dequantize<T>(y.rows(), w.matrix(), row0, 0));
        equal("weights", y.down(), want);
    });
}

template <class T> void all() {
    quantize_case<T>(1, 1, 0);
    quantize_case<T>(1, 65, 0);    // a short block, an odd number of codes
    quantize_case<T>(13, 67, 5);   // blocks run across the rows
    quantize_case<T>(8, 64, 0);    // one block of threads exactly
    quantize_case<T>(21, 64, 0);
    dequantize_case<T>(32, 64, 0, 0, false);   // one block of threads exactly
    dequantize_case<T>(40, 72, 8, 3, false);   // vectors; blocks run across the rows
    dequantize_case<T>(7, 37, 2, 1, false);    // one at a time, begins inside a block and a byte
    dequantize_case<T>(3, 64, 0, 0, true);
}
}  // namespace

TEST(nf4_f32) { all<float>(); }
TEST(nf4_f16) { all<__half>(); }
TEST(nf4_bf16) { all<__nv_bfloat16>(); }
TEST(nf4_scales) {
    for (int64_t blocks : {1, 7, 40, 256, 300, 520, 9001}) scales_case(blocks);   // 9001: the mean cascades over three levels
}
