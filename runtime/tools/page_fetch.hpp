// Fetches one page of the live web through the operator's HTTP proxy, by libcurl.
//
// Guarantees: the proxy is the only machine that is connected to: names are not resolved here, and
//             the environment's proxies, ~/.netrc, cookies and redirects are not followed. https
//             goes through the proxy as a tunnel, and the site's certificate is verified. Time and
//             bytes are bounded; only an answer 200 with text/html or text/plain in UTF-8 is taken.
// Threads:    any; blocks up to `time_max`.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/tools/live_address.hpp"

namespace flywheel {

struct FetchLimits {
  std::chrono::milliseconds time_max{10'000};  // from the first byte to the last
  std::size_t bytes_max = 4 << 20;             // of the body
  std::function<bool()> is_cancelled{};        // asked now and then while it goes on
};

struct FetchedBody {
  std::string media_type{};  // text/html or text/plain
  std::string bytes{};       // as they came: not yet known to be UTF-8
};

// deadline_exceeded past `time_max`; resource_exhausted past `bytes_max`; unavailable where the
// proxy can't be reached; permission_denied where it refuses the tunnel; not_found for any answer
// that is no page, a redirect among them, whose line names where the page has moved to.
Result<FetchedBody> fetch_page(const std::string& proxy, const LiveAddress& address,
                               const FetchLimits& limits);

}  // namespace flywheel
