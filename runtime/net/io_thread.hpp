// IoThread is one io_context and the connections that live on it. Internal to runtime/net.
//
// Guarantees: a connection is touched by its IO thread alone; post() after stop() returns false and
//             does nothing, so answers that come late are safe.
// Threads:    post() from any thread; the rest from the IO thread, or after it has ended.
#pragma once

#include <atomic>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace flywheel {

class Connection;

class IoThread {
 public:
  IoThread();
  ~IoThread();

  void start();
  void stop();  // ends the thread, then runs what was still posted

  template <class Work>
  bool post(Work work) {
    const std::lock_guard lock{mutex_};
    if (is_stopped_) return false;
    boost::asio::post(context_, std::move(work));
    return true;
  }

  // At once where the caller is this thread, else like post().
  template <class Work>
  bool dispatch(Work work) {
    if (!context_.get_executor().running_in_this_thread()) return post(std::move(work));
    work();
    return true;
  }

  boost::asio::io_context& context() { return context_; }
  void add(std::shared_ptr<Connection> connection);
  void remove(Connection* connection);
  std::vector<std::shared_ptr<Connection>> connections() const;

  const std::string& date();  // of now, as HTTP writes it
  std::string make_request_id();

 private:
  void tick();

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  boost::asio::steady_timer timer_;
  bool is_ticking_ = false;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::string date_;
  std::time_t date_of_ = 0;
  std::uint64_t request_id_high_ = 0;
  std::uint64_t request_count_ = 0;
  std::mutex mutex_;
  bool is_stopped_ = false;
  std::thread thread_;
};

}  // namespace flywheel
