#include "runtime/tools/live_pages.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "runtime/tools/html_reader.hpp"
#include "runtime/tools/page_fetch.hpp"
#include "runtime/tools/plain_text.hpp"
#include "runtime/tools/tool.hpp"

namespace flywheel {
namespace {

constexpr std::size_t title_bytes_max = 300;

std::string title_of(const std::string& stated, const std::string& url) {
  std::string title = plain_text(stated);
  std::ranges::replace(title, '\n', ' ');
  if (title.size() > title_bytes_max) title = clip_text(title, title_bytes_max);
  std::ranges::replace(title, '\n', ' ');  // of the note of what was left out
  return title.empty() ? url : title;
}

}  // namespace

LivePages::LivePages(std::string proxy, LiveHosts hosts)
    : proxy_(std::move(proxy)), hosts_(std::move(hosts)) {}

Result<LivePages> LivePages::open(const std::string& proxy, const std::string& hosts) {
  FLYWHEEL_TRY_VOID(check_live_proxy(proxy));
  FLYWHEEL_TRY(LiveHosts listed, LiveHosts::parse(hosts));
  if (listed.is_empty()) return fail(Failure::invalid_input, "no host is listed to fetch from");
  return LivePages{proxy, std::move(listed)};
}

Result<LiveAddress> LivePages::check(const std::string& url) const {
  FLYWHEEL_TRY(LiveAddress address, parse_live_address(url));
  if (!hosts_.allow(address.host, address.port))
    return fail(Failure::permission_denied,
                fmt::format("{} can't be fetched: {}:{} is not among the operator's hosts "
                            "(tools.live_hosts)",
                            short_url(address.url), short_url(address.host), address.port));
  return address;
}

Result<Page> LivePages::fetch(const LiveAddress& address, std::chrono::milliseconds time_max,
                              ToolSession& session) const {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + time_max;
  FLYWHEEL_TRY(
      auto body,
      fetch_page(proxy_, address,
                 {.time_max = time_max, .bytes_max = page_bytes_max, .is_cancelled = [&session] {
                    return session.is_cancelled();
                  }}));
  HtmlText read{.text = std::move(body.bytes)};
  if (body.media_type == "text/html") {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    auto html = read_html(read.text, std::max(left, std::chrono::milliseconds{1}), session);
    if (!html)
      return fail(html.error().failure, short_url(address.url) + ": " + html.error().message);
    read = std::move(*html);
  }
  std::string text = plain_text(read.text);
  if (text.size() > page_bytes_max)
    return fail(Failure::resource_exhausted,
                fmt::format("{} has more than {} bytes, which is the most", short_url(address.url),
                            page_bytes_max));
  return make_page(address.url, title_of(read.title, address.url), std::move(text));
}

}  // namespace flywheel
