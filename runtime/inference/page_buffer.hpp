// PageBuffer is zeroed memory in large pages where the system gives them: weights and KV cache are
// streamed, and small pages would spend the time on address translation.
#pragma once

#include <cstddef>

namespace flywheel {

class PageBuffer {
 public:
  PageBuffer() = default;
  explicit PageBuffer(std::size_t size_bytes);  // throws std::bad_alloc
  ~PageBuffer();
  PageBuffer(PageBuffer&& other) noexcept;
  PageBuffer& operator=(PageBuffer&& other) noexcept;

  std::byte* data() const { return data_; }
  std::size_t size_bytes() const { return size_bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

}  // namespace flywheel
