// ThreadTeam runs one loop at a time on a fixed set of threads, the caller's among them.
//
// Work is handed out in small pieces as threads come free, so that a core lost to another process
// costs little. Idle threads spin for some microseconds (a decode step has hundreds of short loops)
// and then sleep.
//
// Guarantees: for_each returns when every piece is done; what the pieces wrote is then visible.
// Threads:    for_each is called by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace flywheel {

class ThreadTeam {
 public:
  explicit ThreadTeam(int threads);  // 0 = one for each core
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const;

  // Calls body(begin, end) for pieces of [0, count) of at most `grain`; a single piece runs here.
  template <class Body>
  void for_each(std::int64_t count, std::int64_t grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    const auto call = [](void* context, std::int64_t begin, std::int64_t end) {
      (*static_cast<Plain*>(context))(begin, end);
    };
    run(count, grain, call, const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using Call = void (*)(void*, std::int64_t, std::int64_t);
  struct State;

  void run(std::int64_t count, std::int64_t grain, Call call, void* context);

  std::unique_ptr<State> state_;
};

}  // namespace flywheel
