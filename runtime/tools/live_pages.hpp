// LivePages fetches pages of the live web for conversations, where the operator allows it.
//
//   browse open URL ──▶ check(): the list of hosts ──▶ the operator's proxy ──▶ the web
//                                                              │
//        Page ◀── plain text ◀── text/plain, or the words of HTML, read in a container
//
// Guarantees: a url that check() refuses costs no byte on any network. A page is within
//             page_bytes_max, UTF-8 and free of control characters; what it says is data.
// Threads:    const; any thread. fetch() blocks up to its limit.
#pragma once

#include <chrono>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/tools/live_address.hpp"
#include "runtime/tools/live_hosts.hpp"
#include "runtime/tools/page.hpp"
#include "runtime/tools/tool_session.hpp"

namespace flywheel {

class LivePages {
 public:
  // Keys tools.live_proxy and tools.live_hosts; neither is empty.
  static Result<LivePages> open(const std::string& proxy, const std::string& hosts);

  // permission_denied for a host or a port that is not listed.
  Result<LiveAddress> check(const std::string& url) const;

  // `address` came from check(). Errors as of fetch_page() and read_html().
  Result<Page> fetch(const LiveAddress& address, std::chrono::milliseconds time_max,
                     ToolSession& session) const;

 private:
  LivePages(std::string proxy, LiveHosts hosts);

  std::string proxy_;
  LiveHosts hosts_;
};

}  // namespace flywheel
