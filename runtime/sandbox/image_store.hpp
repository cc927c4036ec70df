// ImageStore finds the read-only trees that containers start from.
//
// `host` is the machine's own /usr beside a small skeleton of folders, links and files of /etc; the
// others are folders of the image folder, as build_image makes them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace flywheel {

struct ImageTree {
  std::string folder{};
  bool shows_usr = false;  // the machine's /usr is bound over its own
};

class ImageStore {
 public:
  // Makes the skeleton below `state_folder` anew.
  Result<> open(const std::filesystem::path& state_folder, const std::string& image_folder);

  Result<ImageTree> find(const std::string& name) const;
  std::vector<std::string> names() const;

 private:
  std::filesystem::path skeleton_;
  std::filesystem::path images_;
};

}  // namespace flywheel
