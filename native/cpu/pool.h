/* The CPU backend's threads: persistent workers that share the units of one job at a time. */
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace luthier::cpu {

/* CPUs this process may use: its affinity mask, cut by the cgroup's quota; at least 1. */
int available_cpus();

class Pool {
 public:
  /* threads includes the calling thread, which works too. */
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool &) = delete;
  Pool &operator=(const Pool &) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /* Runs fn(i, worker) for every i in [0, n), worker in [0, threads()); returns when all are done. Which worker gets which i is not fixed,
   * so a unit's result must depend on i alone: cut the work by the problem's size, never by threads(). The first exception of a unit is
   * thrown again here. A parallel_for inside a unit runs on that unit's worker alone. */
  template <class F>
  void parallel_for(int64_t n, F &&fn) {
    using Fn = std::remove_reference_t<F>;
    run(n, [](void *context, int64_t i, int worker) { (*static_cast<Fn *>(context))(i, worker); },
        const_cast<void *>(static_cast<const void *>(&fn)));
  }

  /* The same in chunks: fn(begin, end, worker) over [0, n) cut at multiples of grain. */
  template <class F>
  void parallel_chunks(int64_t n, int64_t grain, F &&fn) {
    const int64_t chunks = n / grain + (n % grain != 0);
    parallel_for(chunks, [&](int64_t i, int worker) {
      const int64_t begin = i * grain;
      fn(begin, n - begin < grain ? n : begin + grain, worker);
    });
  }

 private:
  using Unit = void (*)(void *context, int64_t i, int worker);
  struct Job {
    Unit unit;
    void *context;
    int64_t n;
    std::atomic<int64_t> next{0};
    std::atomic<int> joined{0};
    std::exception_ptr error; /* guarded by mutex_ */
  };

  void run(int64_t n, Unit unit, void *context);
  void work(Job &job, int worker) noexcept;
  void worker_main(int worker);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  Job *job_ = nullptr;                 /* guarded by mutex_ */
  std::atomic<uint64_t> generation_{0}; /* counts jobs; workers watch it before they sleep */
  int sleeping_ = 0;                   /* guarded by mutex_ */
  bool stop_ = false;                  /* guarded by mutex_ */
};

}  // namespace luthier::cpu
