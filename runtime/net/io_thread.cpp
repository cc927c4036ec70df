#include "runtime/net/io_thread.hpp"

#include <random>

#include <fmt/format.h>

#include "runtime/net/connection.hpp"

namespace flywheel {

namespace {

// How late a deadline of a connection may be noticed.
constexpr std::chrono::milliseconds tick_period{50};

}  // namespace

IoThread::IoThread() : guard_(context_.get_executor()), timer_(context_) {
  std::random_device device;
  request_id_high_ = (std::uint64_t{device()} << 32) | device();
}

IoThread::~IoThread() {
  stop();
}

void IoThread::start() {
  thread_ = std::thread{[this] { context_.run(); }};
}

void IoThread::stop() {
  {
    const std::lock_guard lock{mutex_};
    if (is_stopped_) return;
    is_stopped_ = true;
  }
  guard_.reset();
  context_.stop();
  if (thread_.joinable()) thread_.join();
  context_.restart();
  timer_.cancel();
  for (const auto& connection : connections()) connection->close();
  context_.poll();
}

void IoThread::add(std::shared_ptr<Connection> connection) {
  Connection* const key = connection.get();
  connections_.emplace(key, std::move(connection));
  if (is_ticking_) return;
  is_ticking_ = true;
  tick();
}

void IoThread::remove(Connection* connection) {
  connections_.erase(connection);
}

std::vector<std::shared_ptr<Connection>> IoThread::connections() const {
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(connections_.size());
  for (const auto& entry : connections_) all.push_back(entry.second);
  return all;
}

void IoThread::tick() {
  if (connections_.empty()) {
    is_ticking_ = false;  // an idle server does not wake up
    return;
  }
  timer_.expires_after(tick_period);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const SteadyTime now = std::chrono::steady_clock::now();
    for (const auto& connection : connections()) connection->tick(now);
    tick();
  });
}

const std::string& IoThread::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_of_) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[40];
    const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    date_.assign(text, size);
    date_of_ = now;
  }
  return date_;
}

std::string IoThread::make_request_id() {
  return fmt::format("req_{:016x}{:08x}", request_id_high_, ++request_count_);
}

}  // namespace flywheel
