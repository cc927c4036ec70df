// DurableFile writes a file that is on the disk once finish() has answered.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace flywheel {

// What an errno of a file's call means to the caller.
Failure failure_of_errno(int code);

class DurableFile {
 public:
  // Creates the file, or empties the one that is there.
  static Result<DurableFile> create(const std::string& path);

  // Refuses (resource_exhausted) a full disk; the caller removes what was written by then.
  Result<> write(const void* data, std::size_t size_bytes);
  Result<> finish();

 private:
  std::string path_{};
  std::shared_ptr<const int> descriptor_{};
};

Result<> write_durably(const std::string& path, std::string_view text);

// Makes the bytes of a file durable that was written otherwise, or the names in a folder: after
// files were created in it or renamed into it.
Result<> sync_path(const std::string& path);

// Puts a finished file in the place of another, durably: after a crash one of both is there, whole.
Result<> replace_durably(const std::string& temporary, const std::string& path);

}  // namespace flywheel
