// LiveAddress is a url of the live web, taken apart by the library that will fetch it, so that what
// was checked is what is asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/base/result.hpp"

namespace flywheel {

struct LiveAddress {
  std::string url{};   // in its one form: "HTTP://A.org:80/b/../c#d" is "http://a.org/c"
  std::string host{};  // in lower case; an IPv6 address in brackets
  std::uint16_t port = 0;
};

// invalid_input for what is not http or https, has a user or a password in it, or characters that
// belong percent-encoded.
Result<LiveAddress> parse_live_address(const std::string& url);

// A url for a line that people read: its beginning, in printable ASCII.
std::string short_url(const std::string& url, std::size_t bytes_max = 200);

// The value of tools.live_proxy: http://HOST:PORT and no more. A password would lie in every run's
// folder, so none is taken.
Result<> check_live_proxy(const std::string& proxy);

}  // namespace flywheel
