// Bytes from anywhere as text that is safe to keep, to show and to give to a model.
#pragma once

#include <string>
#include <string_view>

namespace flywheel {

// UTF-8: what is none becomes U+FFFD.
std::string as_utf8(std::string_view bytes);

// UTF-8 without a byte order mark, whose lines end in a line feed and whose other control
// characters, but for the tab, are U+FFFD: no terminal or log reads a command in it.
std::string plain_text(std::string_view bytes);

}  // namespace flywheel
