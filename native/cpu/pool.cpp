#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

namespace luthier::cpu {
namespace {

/* Turns of the waiting loop before a thread sleeps: some ten microseconds, the distance between two ops. */
constexpr int kSpins = 2000;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

thread_local int inside_worker = -1; /* number of the worker that this thread is in, while it runs a unit */

bool read_line(const std::string &path, char *line, int size) {
  FILE *f = fopen(path.c_str(), "re");
  if (!f) return false;
  const bool ok = fgets(line, size, f) != nullptr;
  fclose(f);
  return ok;
}

/* CPUs that a cgroup's quota is worth, walking from this process's group to the root; `limit` when there is none. */
int quota_cpus(int limit) {
  FILE *f = fopen("/proc/self/cgroup", "re");
  if (!f) return limit;
  char line[4096];
  double cpus = limit;
  while (fgets(line, sizeof line, f)) {
    line[strcspn(line, "\n")] = 0;
    char *controllers = strchr(line, ':');
    if (!controllers) continue;
    char *path = strchr(++controllers, ':');
    if (!path) continue;
    *path++ = 0;
    const bool v2 = *controllers == 0;
    if (!v2 && !strstr(controllers, "cpu")) continue;
    std::string group = path;
    while (true) {
      char text[128];
      double quota = 0, period = 0;
      if (v2) {
        if (read_line("/sys/fs/cgroup" + group + "/cpu.max", text, sizeof text) && sscanf(text, "%lf %lf", &quota, &period) != 2) quota = 0;
      } else {
        const std::string base = "/sys/fs/cgroup/cpu" + group;
        if (read_line(base + "/cpu.cfs_quota_us", text, sizeof text)) sscanf(text, "%lf", &quota);
        if (read_line(base + "/cpu.cfs_period_us", text, sizeof text)) sscanf(text, "%lf", &period);
      }
      if (quota > 0 && period > 0) cpus = std::min(cpus, quota / period);
      const size_t slash = group.rfind('/');
      if (slash == std::string::npos || group.size() <= 1) break;
      group.resize(slash);
    }
  }
  fclose(f);
  return std::max(1, static_cast<int>(cpus + 0.999));
}

}  // namespace

int available_cpus() {
  int count = 0;
  for (int cpus = 1024; cpus <= 1 << 16 && count == 0; cpus *= 4) {
    cpu_set_t *set = CPU_ALLOC(cpus);
    if (!set) break;
    if (sched_getaffinity(0, CPU_ALLOC_SIZE(cpus), set) == 0) count = CPU_COUNT_S(CPU_ALLOC_SIZE(cpus), set);
    CPU_FREE(set);
  }
  if (count == 0) count = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return quota_cpus(count);
}

Pool::Pool(int threads) {
  /* A signal meant for the process belongs to a thread of the JVM's, not to a worker. */
  sigset_t all, before;
  sigfillset(&all);
  for (int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) sigdelset(&all, s);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    workers_.reserve(threads - 1);
    for (int i = 1; i < threads; i++) {
      workers_.emplace_back([this, i] { worker_main(i); });
      pthread_setname_np(workers_.back().native_handle(), "luthier");
    }
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    generation_.fetch_add(1);
    wake_.notify_all();
    for (auto &w : workers_) w.join();
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Pool::~Pool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    generation_.fetch_add(1);
  }
  wake_.notify_all();
  for (auto &w : workers_) w.join();
}

void Pool::work(Job &job, int worker) noexcept {
  inside_worker = worker;
  try {
    for (int64_t i; (i = job.next.fetch_add(1, std::memory_order_relaxed)) < job.n;) job.unit(job.context, i, worker);
  } catch (...) {
    job.next.store(job.n, std::memory_order_relaxed);
    std::lock_guard<std::mutex> lock(mutex_);
    if (!job.error) job.error = std::current_exception();
  }
  inside_worker = -1;
}

void Pool::run(int64_t n, Unit unit, void *context) {
  if (n <= 0) return;
  if (inside_worker >= 0 || n == 1 || workers_.empty()) {
    struct Inside {
      const int before = inside_worker;
      Inside() { inside_worker = before >= 0 ? before : 0; }
      ~Inside() { inside_worker = before; }
    } inside;
    for (int64_t i = 0; i < n; i++) unit(context, i, inside_worker);
    return;
  }
  Job job;
  job.unit = unit;
  job.context = context;
  job.n = n;
  bool wake;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    job_ = &job;
    generation_.fetch_add(1, std::memory_order_release);
    wake = sleeping_ > 0;
  }
  if (wake) wake_.notify_all();
  work(job, 0);
  {
    /* Nobody joins once job_ is null; those inside are finishing their last unit. */
    std::lock_guard<std::mutex> lock(mutex_);
    job_ = nullptr;
  }
  for (int spin = 0; spin < kSpins && job.joined.load(std::memory_order_acquire) > 0; spin++) relax();
  std::unique_lock<std::mutex> lock(mutex_);
  done_.wait(lock, [&] { return job.joined.load(std::memory_order_acquire) == 0; });
  if (job.error) std::rethrow_exception(job.error);
}

void Pool::worker_main(int worker) {
  uint64_t seen = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stop_) {
    if (job_ && generation_.load(std::memory_order_relaxed) != seen) {
      seen = generation_.load(std::memory_order_relaxed);
      Job &job = *job_;
      job.joined.fetch_add(1, std::memory_order_relaxed);
      lock.unlock();
      work(job, worker);
      lock.lock();
      /* The last one out, while the lock is held: the caller frees the job as soon as it sees 0 and has the lock. */
      if (job.joined.fetch_sub(1, std::memory_order_release) == 1) done_.notify_all();
      continue;
    }
    seen = generation_.load(std::memory_order_relaxed);
    lock.unlock();
    for (int spin = 0; spin < kSpins && generation_.load(std::memory_order_acquire) == seen; spin++) relax();
    lock.lock();
    if (generation_.load(std::memory_order_relaxed) != seen || stop_) continue;
    sleeping_++;
    wake_.wait(lock, [&] { return stop_ || generation_.load(std::memory_order_relaxed) != seen; });
    sleeping_--;
  }
}

}  // namespace luthier::cpu
