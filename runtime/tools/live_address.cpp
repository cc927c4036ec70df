#include "runtime/tools/live_address.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

#include <curl/curl.h>

#include "runtime/tools/live_hosts.hpp"

namespace flywheel {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

// The part, or "" where the url has none.
std::string part_of(const Url& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return {};
  std::string copy{text};
  curl_free(text);
  return copy;
}

bool has_part(const Url& url, CURLUPart part) {
  char* text = nullptr;
  const bool is_there = curl_url_get(url.get(), part, &text, 0) == CURLUE_OK;
  curl_free(text);
  return is_there;
}

// Printable ASCII; a backslash is a slash to some readers of urls.
bool is_plain(const std::string& url) {
  return std::ranges::all_of(url, [](char c) { return c > ' ' && c < '\x7f' && c != '\\'; });
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

tl::unexpected<Error> wrong(const std::string& url, std::string_view why) {
  return fail(Failure::invalid_input, short_url(url) + " can't be fetched: " + std::string{why});
}

Result<Url> parse_url(const std::string& url) {
  if (!is_plain(url)) return wrong(url, "percent-encode what is not printable ASCII, and '\\'");
  Url parsed{curl_url()};
  if (const auto code =
          curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME);
      code != CURLUE_OK)
    return wrong(url, code == CURLUE_BAD_SCHEME ? "it does not begin with http:// or https://"
                                                : curl_url_strerror(code));
  return parsed;
}

}  // namespace

std::string short_url(const std::string& url, std::size_t bytes_max) {
  std::string text = url.substr(0, bytes_max);
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return url.size() > bytes_max ? text + "..." : text;
}

Result<LiveAddress> parse_live_address(const std::string& url) {
  FLYWHEEL_TRY(const Url parsed, parse_url(url));
  const std::string scheme = part_of(parsed, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return wrong(url, "only http:// and https:// are");
  if (has_part(parsed, CURLUPART_USER) || has_part(parsed, CURLUPART_PASSWORD))
    return wrong(url, "a url with a user or a password in it is not");
  LiveAddress address{.host = lower(part_of(parsed, CURLUPART_HOST))};
  if (!is_host(address.host) || has_part(parsed, CURLUPART_ZONEID))
    return wrong(url, "its host is no name in ASCII (punycode) and no address");
  address.port = static_cast<std::uint16_t>(
      std::stoul("0" + part_of(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT)));
  curl_url_set(parsed.get(), CURLUPART_HOST, address.host.c_str(), 0);
  curl_url_set(parsed.get(), CURLUPART_FRAGMENT, nullptr, 0);
  address.url = part_of(parsed, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
  if (address.url.empty()) return wrong(url, "it is no url");
  return address;
}

Result<> check_live_proxy(const std::string& proxy) {
  const auto parsed = parse_url(proxy);
  if (parsed && part_of(*parsed, CURLUPART_SCHEME) == "http" &&
      !has_part(*parsed, CURLUPART_USER) && !has_part(*parsed, CURLUPART_PASSWORD) &&
      !has_part(*parsed, CURLUPART_QUERY) && !has_part(*parsed, CURLUPART_FRAGMENT) &&
      !has_part(*parsed, CURLUPART_ZONEID) && has_part(*parsed, CURLUPART_PORT) &&
      is_host(lower(part_of(*parsed, CURLUPART_HOST))) && part_of(*parsed, CURLUPART_PATH) == "/")
    return {};
  return fail(Failure::invalid_input,
              "must be http://HOST:PORT of an HTTP proxy, without user, password or path");
}

}  // namespace flywheel
