// OutputKeeper keeps the head and the tail of a stream in bounded memory.
//
//   kept of 10 bytes "abcdefghij" with a bound of 4: "ab" and "ij"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace flywheel {

class OutputKeeper {
 public:
  explicit OutputKeeper(std::size_t bytes_max);

  void add(std::string_view bytes);
  std::uint64_t byte_count() const { return byte_count_; }  // of the stream, kept or not
  bool is_truncated() const { return byte_count_ > head_.size() + tail_size(); }

  // Head and tail; where bytes are missing, a line between them says how many.
  std::string text() const;
  // What is kept from `offset` on, at most bytes_max; `start` is the offset of the first byte.
  std::string read(std::uint64_t offset, std::size_t bytes_max, std::uint64_t& start) const;

 private:
  std::size_t tail_size() const;
  std::string tail() const;

  std::size_t head_max_;
  std::size_t tail_max_;
  std::string head_;
  std::string ring_;  // of the bytes after the head; the oldest at ring_start_ once it is full
  std::size_t ring_start_ = 0;
  std::uint64_t byte_count_ = 0;
};

}  // namespace flywheel
