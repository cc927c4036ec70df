// Builds a read-only tree for containers from named Debian packages and wheels.
//
//   image.yaml ──▶ apt-get download, dpkg-deb, pip ──▶ NAME.tmp/tree ──hash──▶ IMAGE_FOLDER/NAME/
//
// Example of a file (JSON is fine too):
//   name: analysis
//   packages: [python3-minimal, python3-matplotlib]   # with all that they depend on
//   archives: [hello.deb]                             # files beside this one, as they are
//   wheels: [sortedcontainers==2.4.0]                 # exactly these, into dist-packages
//
// Guarantees: an image is there whole or not at all; the same content has the same hash; packages'
//             scripts are not run and nothing in the tree is setuid. Downloads come from where apt
//             and pip of this machine are set up to get them, which check what they get.
// Threads:    any one at a time for an image folder; takes minutes, bounded by `time_max`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace flywheel {

struct ImageRecipe {
  std::string name{};  // letters, digits, '-', '_', '.'
  std::vector<std::string> packages{};
  std::vector<std::string> archives{};  // paths
  std::vector<std::string> wheels{};    // name==version
};

struct ImageFacts {
  std::string name{};
  std::string hash{};  // of every path, kind, mode and content
  std::uint64_t size_bytes = 0;
  std::uint32_t file_count = 0;
  std::vector<std::string> archives{};  // the .deb files that went in
};

struct ImageBuildOptions {
  std::chrono::seconds time_max{1800};
  std::uint64_t bytes_max = 8ULL << 30;
  std::function<void(const std::string&)> on_step{};  // a line for a person; may be empty
};

// Refuses unknown keys, names that are no names of packages, and an empty recipe.
Result<ImageRecipe> read_image_recipe(const std::string& path);

// Replaces an image of the same name; containers that use the old tree keep it.
Result<ImageFacts> build_image(const ImageRecipe& recipe, const std::string& image_folder,
                               const ImageBuildOptions& options);

Result<ImageFacts> read_image_facts(const std::string& folder);

}  // namespace flywheel
