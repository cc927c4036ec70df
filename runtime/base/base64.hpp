// Base 64 (RFC 4648, section 4), for bytes inside JSON.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace flywheel {

std::string encode_base64(std::string_view bytes);

// invalid_input: anything but whole groups of four, with padding where it belongs.
Result<std::string> decode_base64(std::string_view text);

}  // namespace flywheel
