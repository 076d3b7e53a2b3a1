// plants                 every correct form must pass, every planted bug must be caught by whom its entry names
// plants NAME clean|bug  runs one of them in this process
// plants clean           runs all correct forms in this process
#include "plants.h"

#include <sys/wait.h>
#include <unistd.h>

namespace {
#if defined(KE_MODE_asan)
const char* wanted(const plants::Plant& p) { return p.asan; }
const char* const kMode = "asan";
#elif defined(KE_MODE_tsan)
const char* wanted(const plants::Plant& p) { return p.tsan; }
const char* const kMode = "tsan";
#elif defined(KE_MODE_msan)
const char* wanted(const plants::Plant& p) { return p.msan; }
const char* const kMode = "msan";
#else
const char* wanted(const plants::Plant& p) { return p.plain; }
const char* const kMode = "plain";
#endif

// Plain characters: std::string's code in libstdc++ is not instrumented, which MemorySanitizer takes for an error.
struct Outcome {
    int status = 0;
    std::vector<char> output;   // ends with 0
    bool says(const char* s) const { return strstr(output.data(), s) != nullptr; }
};

// A process of its own: sanitizers end the process, and one bug must not disturb the next.
Outcome run_self(const char* name, const char* form) {
    int ends[2];
    if (pipe(ends)) perror("pipe"), exit(2);
    const pid_t child = fork();
    if (!child) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        setenv("KE_SEEDS", "4", 1);
        setenv("ASAN_OPTIONS", "symbolize=0:detect_leaks=0", 1);   // the verdict needs no stack in words
        setenv("TSAN_OPTIONS", "symbolize=0:halt_on_error=1", 1);
        setenv("MSAN_OPTIONS", "symbolize=0", 1);
        execl("/proc/self/exe", "plants", name, form, (char*)nullptr);
        _exit(127);
    }
    close(ends[1]);
    Outcome o;
    char chunk[4096];
    for (ssize_t n; (n = read(ends[0], chunk, sizeof chunk)) > 0;) o.output.insert(o.output.end(), chunk, chunk + n);
    o.output.push_back(0);
    close(ends[0]);
    waitpid(child, &o.status, 0);
    return o;
}

const char* verdict(const Outcome& o) {
    if (WIFEXITED(o.status) && WEXITSTATUS(o.status) == 0) return "-";
    if (WIFSIGNALED(o.status) || o.says("Sanitizer: SEGV") || o.says("Sanitizer:DEADLYSIGNAL")) return "crash";
    if (o.says("ThreadSanitizer: data race")) return "race";
    if (o.says("AddressSanitizer")) return "asan";
    if (o.says("MemorySanitizer: use-of-uninit")) return "msan";
    if (o.says("runtime error:")) return "ubsan";
    if (o.says("cudaError")) return "error";
    if (o.says("FAIL")) return "value";
    return "unexplained";
}

bool names(const char* wanted, const char* verdict) {
    const size_t n = strlen(verdict);
    for (const char* p = wanted; (p = strstr(p, verdict)); p += n)
        if ((p == wanted || p[-1] == '|') && (p[n] == 0 || p[n] == '|')) return true;
    return false;
}

int check_all() {
    int bad = 0;
    const Outcome clean = run_self("clean", "");
    if (strcmp(verdict(clean), "-") != 0) {
        printf("FAIL correct forms: %s\n%s\n", verdict(clean), clean.output.data());
        bad++;
    }
    for (const plants::Plant& p : plants::all()) {
        if (!wanted(p)) continue;
        const Outcome o = run_self(p.name, "bug");
        const bool ok = names(wanted(p), verdict(o));
        printf("%s %-28s %-8s %s\n", ok ? "ok  " : "FAIL", p.name, verdict(o), p.bug);
        if (!ok) {
            printf("     %s should be caught by %s in mode %s:\n%.3000s\n", p.name, wanted(p), kMode, o.output.data());
            bad++;
        }
    }
    printf(bad ? "FAILED (%d)\n" : "PASSED\n", bad);
    return bad != 0;
}
}  // namespace

int main(int argc, char** argv) {
    if (argc == 1) return check_all();
    const bool clean = !strcmp(argv[1], "clean"), planted = argc > 2 && !strcmp(argv[2], "bug");
    int ran = 0;
    for (const plants::Plant& p : plants::all()) {
        if (!clean && strcmp(argv[1], p.name) != 0) continue;
        t::state().test = p.name;
        t::state().random = 12345;   // the same data every time: what must be caught must be caught
        p.run(planted);
        ran++;
    }
    if (!ran) printf("no plant named %s\n", argv[1]);
    return !ran || t::state().failures ? 1 : 0;
}
