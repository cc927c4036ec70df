#include "runtime/inference/page_buffer.hpp"

#include <cstdint>
#include <new>
#include <utility>

#include <sys/mman.h>

namespace flywheel {

namespace {
constexpr std::size_t large_page_bytes = std::size_t{2} << 20;
}

PageBuffer::PageBuffer(std::size_t size_bytes) {
  if (size_bytes == 0) return;
  // Rounded up to large pages only where the rounding is small.
  const std::size_t page = size_bytes >= 4 * large_page_bytes ? large_page_bytes : 4096;
  size_bytes_ = (size_bytes + page - 1) / page * page;
  void* memory =
      mmap(nullptr, size_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc{};
  madvise(memory, size_bytes_, MADV_HUGEPAGE);  // a wish: the kernel may refuse
  data_ = static_cast<std::byte*>(memory);
}

PageBuffer::~PageBuffer() {
  if (data_ != nullptr) munmap(data_, size_bytes_);
}

PageBuffer::PageBuffer(PageBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

PageBuffer& PageBuffer::operator=(PageBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

}  // namespace flywheel
