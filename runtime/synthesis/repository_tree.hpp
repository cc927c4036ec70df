// RepositoryTrees keeps the unpacked repositories: a clean folder each, read-only for whoever uses
// it.
//
// Guarantees: an archive is unpacked in a container, never by this process; a tree is there whole
// or
//             not at all; the same content gives the same tree.
// Threads:    any number at once; trees are made one at a time.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/base/hash.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"
#include "runtime/synthesis/script_runner.hpp"

namespace flywheel {

// Hash of an archive's bytes, or of a folder's files with their paths; byte code does not count.
Result<Hash128> hash_of_source(const std::filesystem::path& source);

// Whether a relative path names something inside its root: no "..", not absolute.
bool stays_inside(const std::string& path);

class RepositoryTrees {
 public:
  RepositoryTrees(const ScriptRunner& runner, std::filesystem::path folder)
      : runner_(runner), folder_(std::move(folder)) {}

  struct Tree {
    std::string path{};  // on the host
    Json facts{};        // name, version, license, files, source_bytes, created_at
  };

  // Unpacks the source if its tree is not there. invalid_input: the repository is refused, and why.
  Result<Tree> ensure(const std::string& source, const std::string& content);

 private:
  Result<Tree> make(const std::string& source, const std::filesystem::path& tree);

  const ScriptRunner& runner_;
  std::filesystem::path folder_;
  std::mutex mutex_;
};

}  // namespace flywheel
