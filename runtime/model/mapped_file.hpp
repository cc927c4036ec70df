// MappedFile is a whole file, read only, in memory.
//
// Guarantees: the bytes stay readable as long as any copy of the object lives. A file that another
//             process shortens while it is mapped ends this process, as with any mapping:
//             checkpoints are written beside and renamed, never in place.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "runtime/base/result.hpp"

namespace flywheel {

class MappedFile {
 public:
  // Refuses (not_found) what is absent, (invalid_input) what is no regular file or is empty.
  static Result<MappedFile> open(const std::string& path);

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_.get(), size_bytes_}; }

 private:
  std::string path_{};
  std::shared_ptr<const std::byte> data_{};
  std::size_t size_bytes_ = 0;
};

}  // namespace flywheel
