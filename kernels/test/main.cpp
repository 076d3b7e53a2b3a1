// main of every kernel test.
#include <ctime>

#include "test.h"

int t::run_tests(int argc, char** argv) {
    State& s = state();
    s.data_seed = getenv("KE_DATA_SEED") ? strtoull(getenv("KE_DATA_SEED"), nullptr, 10) : (uint64_t)now_ms() ^ (uint64_t)time(nullptr) << 20;
    int ran = 0;
    for (const Test& test : tests()) {
        bool wanted = argc < 2;
        for (int i = 1; i < argc; i++) wanted |= strstr(test.name, argv[i]) != nullptr;
        if (!wanted) continue;
        s.test = test.name;
        s.random = s.data_seed;   // per test, so that one test alone sees the same data
        for (int i = 0; i < 4; i++) draw();
        const double start = now_ms();
        const int before = s.failures;
        test.run();
        printf("%s %-40s %8.1f ms\n", s.failures == before ? "ok  " : "FAIL", test.name, now_ms() - start);
        ran++;
    }
    if (!ran) printf("FAIL no test of that name\n");
    printf(s.failures || !ran ? "FAILED (%d failures)\n" : "PASSED\n", s.failures);
    return s.failures || !ran ? 1 : 0;
}

int main(int argc, char** argv) { return t::run_tests(argc, argv); }
