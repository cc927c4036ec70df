#include "runtime/sandbox/output_keeper.hpp"

#include <algorithm>

namespace flywheel {

OutputKeeper::OutputKeeper(std::size_t bytes_max)
    : head_max_(bytes_max / 2), tail_max_(bytes_max - bytes_max / 2) {}

void OutputKeeper::add(std::string_view bytes) {
  byte_count_ += bytes.size();
  const std::size_t to_head = std::min(bytes.size(), head_max_ - head_.size());
  head_.append(bytes.substr(0, to_head));
  bytes.remove_prefix(to_head);
  if (bytes.size() >= tail_max_) {
    ring_.assign(bytes.substr(bytes.size() - tail_max_));
    ring_start_ = 0;
    return;
  }
  const std::size_t to_grow = std::min(bytes.size(), tail_max_ - ring_.size());
  ring_.append(bytes.substr(0, to_grow));
  bytes.remove_prefix(to_grow);
  while (!bytes.empty()) {  // the ring is full: over the oldest
    const std::size_t size = std::min(bytes.size(), ring_.size() - ring_start_);
    bytes.copy(ring_.data() + ring_start_, size);
    ring_start_ = (ring_start_ + size) % ring_.size();
    bytes.remove_prefix(size);
  }
}

std::size_t OutputKeeper::tail_size() const {
  return ring_.size();
}

std::string OutputKeeper::tail() const {
  return ring_.substr(ring_start_) + ring_.substr(0, ring_start_);
}

std::string OutputKeeper::text() const {
  if (!is_truncated()) return head_ + tail();
  const std::uint64_t missing = byte_count_ - head_.size() - ring_.size();
  return head_ + "\n[... " + std::to_string(missing) + " bytes left out ...]\n" + tail();
}

std::string OutputKeeper::read(std::uint64_t offset, std::size_t bytes_max,
                               std::uint64_t& start) const {
  const std::uint64_t tail_start = byte_count_ - ring_.size();
  if (offset < head_.size()) {
    start = offset;
    const std::string from_head = head_.substr(static_cast<std::size_t>(offset), bytes_max);
    const bool goes_on = tail_start == head_.size() && from_head.size() < bytes_max;
    return goes_on ? from_head + tail().substr(0, bytes_max - from_head.size()) : from_head;
  }
  start = std::min(std::max(offset, tail_start), byte_count_);
  return tail().substr(static_cast<std::size_t>(start - tail_start), bytes_max);
}

}  // namespace flywheel
