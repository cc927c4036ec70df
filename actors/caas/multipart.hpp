// multipart/form-data (RFC 7578), as far as an upload of one file needs it.
//
// Guarantees: bounded work; a body that is cut short or has no part `file` is invalid_input.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace flywheel {

struct FilePart {
  std::string file_name{};
  std::string bytes{};
};

Result<FilePart> file_part(std::string_view content_type, std::string_view body);

}  // namespace flywheel
