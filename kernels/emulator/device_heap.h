// Device memory. Internal to the emulator.
//
// All of it lies in one range of addresses that has no access rights while host code runs: host code that uses a
// device pointer faults at once, in every build. Kernels and copies open the range for as long as they run.
// Red zones stand between allocations (poisoned under AddressSanitizer, else filled and checked after each kernel),
// and an address is not given out again before the whole range has been used.
#pragma once
#include <cstddef>
#include <vector>

namespace emu {

class DeviceHeap {
public:
    static constexpr size_t kAlign = 256, kRedZone = 256;

    char* allocate(size_t bytes);            // null: the address range is full
    bool release(void* p);                   // false: not the start of a live allocation
    bool contains(const void* p, size_t bytes = 0) const;   // wholly inside one live allocation
    bool owns(const void* p) const;          // an address of the range, live or not
    const void* damaged() const;             // the first allocation whose red zone was written, or null; needs access
    void clear();
    size_t used() const { return used_; }
    size_t peak() const { return peak_; }

    void open();                             // nests
    void close();

private:
    struct Block {
        char* at;
        size_t bytes;
        size_t padded() const { return (bytes + kAlign - 1) / kAlign * kAlign; }
    };
    std::vector<Block>::const_iterator find(const void* p) const;
    void reserve();
    void set_red_zone(char* p, size_t bytes);

    char *base_ = nullptr, *end_ = nullptr, *next_ = nullptr, *high_ = nullptr;
    std::vector<Block> blocks_;              // live, by address
    size_t used_ = 0, peak_ = 0;
    int open_ = 0;
};

DeviceHeap& device_heap();

// Device memory may be touched while one of these lives.
struct DeviceAccess {
    DeviceAccess() { device_heap().open(); }
    ~DeviceAccess() { device_heap().close(); }
    DeviceAccess(const DeviceAccess&) = delete;
};
}  // namespace emu
