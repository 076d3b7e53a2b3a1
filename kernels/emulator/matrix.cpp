// CPU models of the tensor-core instructions. Fragment layouts: PTX ISA, "Matrix Fragments for mma.m16n8k8/k16";
// test/conformance_test.cpp checks them against layouts written down independently.
#include <cstring>
#include <vector>

#include "device.h"
#include "machine.h"
#include "sanitizers.h"

namespace emu {
namespace {
template <class IO> IO& io(Warp& warp, int lane) { return *(IO*)warp.io[lane]; }

float from_bf16(uint16_t v) { return __uint_as_float((uint32_t)v << 16); }
float from_f16(uint16_t v) {
    static const std::vector<float> table = [] {   // the conversion in software is slow, and mma needs 384 of them
        std::vector<float> t(65536);
        for (uint32_t i = 0; i < 65536; i++) {
            __half_raw raw;
            raw.x = (uint16_t)i;
            t[i] = __half2float(__half(raw));
        }
        return t;
    }();
    // To MemorySanitizer an undefined value makes an undefined result, not an error: rows of a tile beyond the matrix may
    // hold anything as long as nobody uses what comes of them.
    const bool undefined = san::is_undefined(&v, sizeof v);
    if (undefined) san::mark_defined(&v, sizeof v);
    float f = table[v];
    if (undefined) san::mark_undefined(&f, sizeof f);
    return f;
}
uint32_t pair(uint16_t low, uint16_t high) { return low | (uint32_t)high << 16; }
}  // namespace

void run_ldmatrix(Warp& warp) {
    const int tiles = io<LdmatrixIO>(warp, 0).tiles;
    for (int t = 0; t < tiles; t++) {
        uint16_t tile[8][8];
        for (int r = 0; r < 8; r++) memcpy(tile[r], io<LdmatrixIO>(warp, t * 8 + r).row, 16);
        for (int l = 0; l < 32; l++) {
            LdmatrixIO& x = io<LdmatrixIO>(warp, l);
            const int i = l / 4, j = 2 * (l % 4);
            x.result[t] = x.transpose ? pair(tile[j][i], tile[j + 1][i]) : pair(tile[i][j], tile[i][j + 1]);
        }
    }
}

void run_movmatrix(Warp& warp) {
    uint16_t tile[8][8];
    for (int l = 0; l < 32; l++) memcpy(&tile[l / 4][2 * (l % 4)], &io<MovmatrixIO>(warp, l).value, 4);
    for (int l = 0; l < 32; l++) {
        const int i = l / 4, j = 2 * (l % 4);
        io<MovmatrixIO>(warp, l).value = pair(tile[j][i], tile[j + 1][i]);
    }
}

// Products and sums in fp32, k ascending. The hardware sums several products at once and may truncate: results agree
// to fp32 rounding, and exactly where all intermediate sums are representable.
void run_mma(Warp& warp) {
    stats.mma++;
    const MmaIO& first = io<MmaIO>(warp, 0);
    const int K = first.k;
    float (*widen)(uint16_t) = first.bf16 ? from_bf16 : from_f16;
    float A[16][16], B[16][8], D[16][8];
    for (int l = 0; l < 32; l++) {
        const MmaIO& x = io<MmaIO>(warp, l);
        const int g = l >> 2, t = (l & 3) * 2;
        for (int i = 0; i < K / 4; i++) {
            const int row = g + (i & 1) * 8, column = t + (i >> 1) * 8;
            A[row][column] = widen((uint16_t)x.a[i]);
            A[row][column + 1] = widen((uint16_t)(x.a[i] >> 16));
        }
        for (int i = 0; i < K / 8; i++) {
            B[t + i * 8][g] = widen((uint16_t)x.b[i]);
            B[t + i * 8 + 1][g] = widen((uint16_t)(x.b[i] >> 16));
        }
        for (int i = 0; i < 4; i++) D[g + (i >> 1) * 8][t + (i & 1)] = x.c[i];
    }
    for (int m = 0; m < 16; m++)
        for (int k = 0; k < K; k++)
            for (int n = 0; n < 8; n++) D[m][n] += A[m][k] * B[k][n];
    for (int l = 0; l < 32; l++) {
        const int g = l >> 2, t = (l & 3) * 2;
        for (int i = 0; i < 4; i++) io<MmaIO>(warp, l).d[i] = D[g + (i >> 1) * 8][t + (i & 1)];
    }
}
}  // namespace emu
