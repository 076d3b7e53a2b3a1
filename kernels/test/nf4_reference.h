// NF4 on the host, plainly: what the kernels of the 4-bit products are compared with.
#pragma once
#include <algorithm>

#include "nf4.h"
#include "test.h"

namespace t {
inline const float nf4_values[16] = {-1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
                                     -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
                                     0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f};

// The signed dynamic code, built as bitsandbytes builds it: every value of a decade, then sorted.
inline std::vector<float> dynamic_code() {
    std::vector<float> code = {0.f, 1.f};
    auto boundary = [](int i, int n) {   // torch.linspace(0.1, 1, n) in fp32
        const float step = (1.0f - 0.1f) / (float)(n - 1);
        return i < n / 2 ? std::fma(step, (float)i, 0.1f) : std::fma(-step, (float)(n - i - 1), 1.0f);
    };
    for (int decade = 0; decade < 7; decade++) {
        const int points = (1 << decade) + 1;
        for (int i = 0; i + 1 < points; i++) {
            const float value = (float)std::pow(10.0, decade - 6) * ((boundary(i, points) + boundary(i + 1, points)) / 2.0f);
            code.push_back(value);
            code.push_back(-value);
        }
    }
    std::sort(code.begin(), code.end());
    return code;
}

// A random NF4 matrix on the device, and its values in fp64. With `single` its scales are not quantized.
class Nf4Matrix {
public:
    Nf4Matrix(int64_t rows, int64_t cols, bool single)
        : blocks_((rows * cols + 63) / 64), data_(bytes(rows * cols)), codes_(bytes(2 * blocks_)), absmax_(random<float>(blocks_, 0.02f, 0.05f)),
          nested_(random<float>((blocks_ + 255) / 256, 0.01f, 0.03f)), single_(single), rows_(rows), cols_(cols) {
        values.resize(rows * cols);
        const std::vector<float> dynamic = dynamic_code(), absmax = absmax_.down(), nested = nested_.down();
        const std::vector<uint8_t> data = data_.down(), codes = codes_.down();
        for (int64_t i = 0; i < rows * cols; i++) {
            const int64_t b = i / 64;
            const float product = dynamic[codes[b]] * nested[b / 256], scale = single ? absmax[b] : product + offset_;
            codes_value_.push_back(nf4_values[i % 2 ? data[i / 2] & 15 : data[i / 2] >> 4]);
            if (i % 64 == 0) scales_.push_back(scale);
            values[i] = (float)(codes_value_[i] * scale);
        }
    }
    // The weights as a kernel has them that multiplies in T: value, scale and product each rounded.
    template <class T> std::vector<double> rounded() const {
        auto round = [](float v) { return ke::to_float(ke::from_float<T>(v)); };
        std::vector<double> r;
        for (size_t i = 0; i < values.size(); i++) r.push_back(round(round(codes_value_[i]) * round(scales_[i / 64])));
        return r;
    }
    // Only the value rounded.
    template <class T> std::vector<double> rounded_value() const {
        std::vector<double> r;
        for (size_t i = 0; i < values.size(); i++) r.push_back((double)ke::to_float(ke::from_float<T>(codes_value_[i])) * scales_[i / 64]);
        return r;
    }
    kernels::Nf4 matrix() const {
        return {data_.get(), single_ ? (const void*)absmax_.get() : (const void*)codes_.get(), single_ ? nullptr : nested_.get(), single_ ? 0.f : offset_, rows_, cols_};
    }
    std::vector<double> values;   // dequantized to fp32

private:
    static std::vector<uint8_t> bytes(int64_t codes) {
        std::vector<uint8_t> v((codes + 1) / 2);
        for (uint8_t& x : v) x = (uint8_t)draw();
        return v;
    }
    int64_t blocks_;
    Buf<uint8_t> data_, codes_;
    Buf<float> absmax_, nested_;
    std::vector<float> codes_value_, scales_;
    float offset_ = 0.05f;
    bool single_;
    int64_t rows_, cols_;
};
}  // namespace t
