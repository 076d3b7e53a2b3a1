/* The bf16 micro-kernel on AMX tiles: 32 x 32 of C in four tiles of 16 x 16; tdpbf16ps adds the products of 32 k to a tile.
 * A[ceil(k/32)][rows][32], B[k/2][cols][2], k a multiple of 32, rows 16 or 32, cols 16 or 32. Written on the tile instructions as a parameter,
 * so that a model of them can stand in where the processor has none (native/test/amx_test.cpp):
 *   T::load<tile>(address, bytes from row to row), T::zero<tile>(), T::store<tile>(address, stride), T::dot<c, a, b>() */
#pragma once

#include <cstdint>

namespace luthier::cpu {
namespace {

constexpr int kTileRows = 16, kTileColumns = 16;

template <class T, int ROWS, int VECTORS>
void amx_tile_kernel(int64_t k, const uint16_t *a, const uint16_t *b, float *c, int64_t ldc, bool first) {
  constexpr int64_t kCols = VECTORS * kTileColumns;
  const int64_t c_stride = ldc * 4, b_stride = kCols * 4;
  float *below = c + kTileRows * ldc;
  if (first) {
    T::template zero<0>();
    if (VECTORS == 2) T::template zero<1>();
    if (ROWS == 2) T::template zero<2>();
    if (ROWS == 2 && VECTORS == 2) T::template zero<3>();
  } else {
    T::template load<0>(c, c_stride);
    if (VECTORS == 2) T::template load<1>(c + kTileColumns, c_stride);
    if (ROWS == 2) T::template load<2>(below, c_stride);
    if (ROWS == 2 && VECTORS == 2) T::template load<3>(below + kTileColumns, c_stride);
  }
  for (int64_t g = 0; g < k / 32; g++) {
    T::template load<4>(a, 64);
    T::template load<6>(b, b_stride);
    T::template dot<0, 4, 6>();
    if (VECTORS == 2) {
      T::template load<7>(b + 2 * kTileColumns, b_stride);
      T::template dot<1, 4, 7>();
    }
    if (ROWS == 2) {
      T::template load<5>(a + kTileRows * 32, 64);
      T::template dot<2, 5, 6>();
      if (VECTORS == 2) T::template dot<3, 5, 7>();
    }
    a += ROWS * kTileRows * 32;
    b += 32 * kCols;
  }
  T::template store<0>(c, c_stride);
  if (VECTORS == 2) T::template store<1>(c + kTileColumns, c_stride);
  if (ROWS == 2) T::template store<2>(below, c_stride);
  if (ROWS == 2 && VECTORS == 2) T::template store<3>(below + kTileColumns, c_stride);
}

template <class T>
void amx_any(int rows, int vectors, int64_t k, const void *a, const void *b, float *c, int64_t ldc, bool first) {
  constexpr auto *table = +[](int r, int v) {
    return r == 1 ? v == 1 ? amx_tile_kernel<T, 1, 1> : amx_tile_kernel<T, 1, 2> : v == 1 ? amx_tile_kernel<T, 2, 1> : amx_tile_kernel<T, 2, 2>;
  };
  table(rows / kTileRows, vectors)(k, static_cast<const uint16_t *>(a), static_cast<const uint16_t *>(b), c, ldc, first);
}

}  // namespace
}  // namespace luthier::cpu
