// Base64 (RFC 4648, with padding), for pictures in JSON and data URLs.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace flywheel {

std::string encode_base64(std::string_view bytes);
Result<std::string> decode_base64(std::string_view text);

}  // namespace flywheel
