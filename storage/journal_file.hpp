// JournalFile is a file of keys and values that only grows: what a long piece of work has done so
// far.
//
// Guarantees: what append() answered survives a crash (one write, then fdatasync); of a last line
//             that was torn, and of an append() that failed, nothing is left, and the next one goes
//             on there; any other damage is refused as corrupt.
// Threads:    any number at once; one process, which holds the file's lock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "runtime/base/result.hpp"

namespace flywheel {

class JournalFile {
 public:
  using KeyValue = std::pair<std::string, std::string>;  // neither holds a tab or a line feed

  // Makes the file where it is missing. already_exists: another process has it open; corrupt.
  static Result<std::unique_ptr<JournalFile>> open(const std::filesystem::path& path);
  ~JournalFile();
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;

  // The value that was appended last under the key.
  Result<std::optional<std::string>> find(const std::string& key);
  Result<> append(std::span<const KeyValue> entries);

  std::size_t key_count() const;

 private:
  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };

  JournalFile(std::filesystem::path path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}
  Result<> load();
  Result<> write_at_end(const std::string& bytes);
  Result<> take_line(const std::string& line, std::uint64_t offset);

  std::filesystem::path path_;
  int descriptor_;
  mutable std::mutex mutex_;  // guards all that follows
  std::uint64_t size_ = 0;
  std::unordered_map<std::string, Place> places_;  // of the values
};

}  // namespace flywheel
