#include "device_heap.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "execution.h"
#include "sanitizers.h"

namespace emu {
namespace {
constexpr size_t kRange = size_t(64) << 30;   // addresses, not memory
constexpr size_t kPage = 4096;
constexpr unsigned char kCanary = 0xCB;
}  // namespace

DeviceHeap& device_heap() {
    static DeviceHeap* heap = new DeviceHeap;   // never destroyed: static destructors of the host may still free
    return *heap;
}

void DeviceHeap::reserve() {
    void* p = mmap(nullptr, kRange, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        perror("emulator: mmap of device memory");
        abort();
    }
    base_ = next_ = high_ = (char*)p;
    end_ = base_ + kRange;
}

void DeviceHeap::open() {
    if (!base_) reserve();
    if (open_++ == 0) mprotect(base_, kRange, PROT_READ | PROT_WRITE);
}
void DeviceHeap::close() {
    if (--open_ == 0) mprotect(base_, kRange, PROT_NONE);
}

void DeviceHeap::set_red_zone(char* p, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) ((volatile unsigned char*)p)[i] = kCanary;
    san::mark_defined(p, bytes);
    san::poison(p, bytes);
}

// Next fit: the search goes on where the last one ended, so that a freed address stays unused for long.
char* DeviceHeap::allocate(size_t bytes) {
    DeviceAccess access;
    const size_t need = Block{nullptr, bytes}.padded() + 2 * kRedZone;
    for (int lap = 0; lap < 2; lap++, next_ = base_) {
        auto after = std::lower_bound(blocks_.begin(), blocks_.end(), next_, [](const Block& b, char* p) { return b.at < p; });
        for (;; ++after) {
            char* limit = after == blocks_.end() ? end_ : after->at - kRedZone;
            if ((size_t)(limit - next_) < need || limit < next_) {
                if (after == blocks_.end()) break;
                next_ = after->at + after->padded() + kRedZone;
                continue;
            }
            const Block b{next_ + kRedZone, bytes};
            blocks_.insert(after, b);
            next_ += need;
            high_ = std::max(high_, next_);
            san::unpoison(b.at, bytes);
            set_red_zone(b.at - kRedZone, kRedZone);
            set_red_zone(b.at + bytes, b.padded() - bytes + kRedZone);
            garbage(b.at, bytes);
            used_ += bytes;
            peak_ = std::max(peak_, used_);
            return b.at;
        }
    }
    return nullptr;
}

std::vector<DeviceHeap::Block>::const_iterator DeviceHeap::find(const void* p) const {
    auto after = std::upper_bound(blocks_.begin(), blocks_.end(), (const char*)p, [](const char* q, const Block& b) { return q < b.at; });
    return after == blocks_.begin() ? blocks_.end() : after - 1;
}

bool DeviceHeap::release(void* p) {
    auto block = find(p);
    if (block == blocks_.end() || block->at != p) return false;
    DeviceAccess access;
    char* const at = block->at;
    const size_t bytes = block->bytes;
    used_ -= bytes;
    blocks_.erase(block);
    garbage(at, bytes);
    san::poison(at, bytes);
    // give whole pages back to the system; their addresses are not used again for a long time
    char* first = (char*)(((uintptr_t)at + kPage - 1) & ~(uintptr_t)(kPage - 1));
    char* last = (char*)((uintptr_t)(at + bytes) & ~(uintptr_t)(kPage - 1));
    if (last > first) madvise(first, (size_t)(last - first), MADV_DONTNEED);
    return true;
}

bool DeviceHeap::contains(const void* p, size_t bytes) const {
    auto block = find(p);
    if (block == blocks_.end()) return false;
    const size_t offset = (size_t)((const char*)p - block->at);
    return offset <= block->bytes && bytes <= block->bytes - offset;
}

bool DeviceHeap::owns(const void* p) const { return base_ && p >= base_ && p < end_; }

const void* DeviceHeap::damaged() const {
    if (san::asan) return nullptr;   // reported at the access itself
    for (const Block& b : blocks_) {
        auto intact = [](const char* p, size_t n) { return std::all_of(p, p + n, [](char c) { return (unsigned char)c == kCanary; }); };
        if (!intact(b.at - kRedZone, kRedZone) || !intact(b.at + b.bytes, b.padded() - b.bytes + kRedZone)) return b.at;
    }
    return nullptr;
}

void DeviceHeap::clear() {
    while (!blocks_.empty()) release(blocks_.back().at);
    peak_ = 0;
}
}  // namespace emu
