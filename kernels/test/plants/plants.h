// The zoo of planted bugs: small kernels and host sequences, each in a correct form and with one typical mistake. They
// keep the detectors honest: every mode of the emulator must still catch what it is there for.
#pragma once
#include "../test.h"

namespace plants {

// Who catches a bug. Several may be right where it depends on what the compiler makes of the code.
//   value     the result differs from the reference, or was never written (NaN)
//   error     the emulator says what is wrong, as the error of a CUDA call
//   race      ThreadSanitizer            asan, ubsan    AddressSanitizer, UndefinedBehaviorSanitizer
//   msan      MemorySanitizer            crash          a fault that stops the process at the access
struct Plant {
    const char* name;
    const char* bug;
    void (*run)(bool planted);
    // per mode: who must catch it ("a|b": either), null: this mode is not expected to
    const char *plain, *asan, *tsan, *msan;
};

inline std::vector<Plant>& all() {
    static std::vector<Plant> plants;
    return plants;
}
inline bool grow(std::initializer_list<Plant> plants) {
    all().insert(all().end(), plants);
    return true;
}

// Runs a kernel template on random input under the schedules and compares with the reference.
template <class In, class Out, class Launch>
void compare(const std::vector<In>& in, const std::vector<double>& want, double tolerance, Launch launch) {
    t::schedules("plant", [&] {
        t::Buf<In> x(in);
        t::Buf<Out> y(want.size());
        t::check(launch(y.get(), (const In*)x.get()));
        t::close("result", y.down(), want, tolerance, tolerance);
    });
}
}  // namespace plants
