#include "runtime/tools/page_fetch.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>

#include "runtime/base/check.hpp"

namespace flywheel {
namespace {

constexpr std::size_t head_bytes_max = 64 * 1024;
constexpr std::size_t target_bytes_max = 2000;  // of where a page has moved to
constexpr const char* user_agent = "flywheel-browse";

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;

// What the callbacks of one transfer share.
struct Transfer {
  const FetchLimits* limits = nullptr;
  std::string body{};
  std::size_t head_bytes = 0;
  bool is_too_big = false;
};

std::size_t on_body(char* data, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.is_too_big = transfer.body.size() + count > transfer.limits->bytes_max;
  if (transfer.is_too_big) return CURL_WRITEFUNC_ERROR;
  transfer.body.append(data, count);
  return count;
}

std::size_t on_head(char*, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.head_bytes += count;
  transfer.is_too_big = transfer.head_bytes > head_bytes_max;
  return transfer.is_too_big ? CURL_WRITEFUNC_ERROR : count;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const FetchLimits& limits = *static_cast<Transfer*>(user)->limits;
  return limits.is_cancelled && limits.is_cancelled() ? 1 : 0;
}

template <class Value>
void set(const Handle& handle, CURLoption option, Value value) {
  FLYWHEEL_CHECK(curl_easy_setopt(handle.get(), option, value) == CURLE_OK);
}

void prepare(const Handle& handle, const std::string& proxy, const LiveAddress& address,
             Transfer& transfer) {
  set(handle, CURLOPT_URL, address.url.c_str());
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  set(handle, CURLOPT_PROXYTYPE, static_cast<long>(CURLPROXY_HTTP));
  set(handle, CURLOPT_PROXY, proxy.c_str());
  set(handle, CURLOPT_NOPROXY, "");  // no_proxy of the environment makes no exception
  set(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  set(handle, CURLOPT_USERAGENT, user_agent);
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_TIMEOUT_MS,
      static_cast<long>(std::max<std::int64_t>(1, transfer.limits->time_max.count())));
  set(handle, CURLOPT_NOPROGRESS, 0L);
  set(handle, CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(handle, CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  set(handle, CURLOPT_HEADERFUNCTION, &on_head);
  set(handle, CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(handle, CURLOPT_WRITEFUNCTION, &on_body);
  set(handle, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
}

template <class Value>
Value fact(const Handle& handle, CURLINFO name) {
  Value value{};
  FLYWHEEL_CHECK(curl_easy_getinfo(handle.get(), name, &value) == CURLE_OK);
  return value;
}

tl::unexpected<Error> broken(CURLcode code, const Handle& handle, const Transfer& transfer,
                             const LiveAddress& address) {
  const std::string url = short_url(address.url);
  if (transfer.is_too_big)
    return fail(Failure::resource_exhausted,
                fmt::format("{} has more than {} bytes, which is the most", url,
                            transfer.limits->bytes_max));
  if (code == CURLE_OPERATION_TIMEDOUT)
    return fail(Failure::deadline_exceeded,
                fmt::format("{} was not there within {} ms, which is the limit", url,
                            transfer.limits->time_max.count()));
  if (code == CURLE_ABORTED_BY_CALLBACK)
    return fail(Failure::cancelled, "the conversation is over");
  const auto tunnel_answer = fact<long>(handle, CURLINFO_HTTP_CONNECTCODE);
  if (tunnel_answer != 0 && tunnel_answer / 100 != 2)
    return fail(Failure::permission_denied,
                fmt::format("the operator's proxy answers {} for {}", tunnel_answer, url));
  if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_PROXY)
    return fail(Failure::unavailable,
                fmt::format("the operator's proxy (tools.live_proxy) can't be reached: {}",
                            curl_easy_strerror(code)));
  return fail(Failure::corrupt,
              fmt::format("{} could not be fetched: {}", url, curl_easy_strerror(code)));
}

std::string trimmed_lower(std::string_view text) {
  std::string lower;
  for (const char c : text)
    if (c != ' ' && c != '\t' && c != '"')
      lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

// The value of the parameter `charset` of a Content-Type; empty where there is none.
std::string charset_of(std::string_view parameters) {
  constexpr std::string_view name = "charset=";
  while (!parameters.empty()) {
    const auto end = std::min(parameters.find(';'), parameters.size());
    const std::string parameter = trimmed_lower(parameters.substr(0, end));
    if (parameter.starts_with(name)) return parameter.substr(name.size());
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
  }
  return {};
}

Result<std::string> check_type(const Handle& handle, const std::string& url) {
  const char* stated = fact<char*>(handle, CURLINFO_CONTENT_TYPE);
  const std::string_view type{stated == nullptr ? "" : stated};
  const auto end = std::min(type.find(';'), type.size());
  std::string media_type = trimmed_lower(type.substr(0, end));
  if (media_type != "text/html" && media_type != "text/plain")
    return fail(Failure::not_found,
                fmt::format("{} is '{}'; only text/html and text/plain are read", url,
                            short_url(media_type)));
  const std::string charset = charset_of(type.substr(end));
  if (!charset.empty() && charset != "utf-8" && charset != "utf8" && charset != "us-ascii")
    return fail(Failure::not_found, fmt::format("{} is in the charset '{}'; only UTF-8 is read",
                                                url, short_url(charset)));
  curl_header* encoding = nullptr;
  if (curl_easy_header(handle.get(), "Content-Encoding", 0, CURLH_HEADER, -1, &encoding) ==
          CURLHE_OK &&
      trimmed_lower(encoding->value) != "identity")
    return fail(Failure::not_found, url + " came compressed, which was not asked for");
  return media_type;
}

}  // namespace

Result<FetchedBody> fetch_page(const std::string& proxy, const LiveAddress& address,
                               const FetchLimits& limits) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  const Handle handle{started == CURLE_OK ? curl_easy_init() : nullptr};
  if (!handle) return fail(Failure::unavailable, "libcurl does not start");
  FLYWHEEL_CHECK(!proxy.empty());  // an empty one would be a direct connection
  Transfer transfer{.limits = &limits};
  prepare(handle, proxy, address, transfer);
  if (const CURLcode code = curl_easy_perform(handle.get()); code != CURLE_OK)
    return broken(code, handle, transfer, address);
  const std::string url = short_url(address.url);
  if (const char* target = fact<char*>(handle, CURLINFO_REDIRECT_URL))
    return fail(Failure::not_found,
                fmt::format("{} has moved to {}", url, short_url(target, target_bytes_max)));
  if (const auto status = fact<long>(handle, CURLINFO_RESPONSE_CODE); status != 200)
    return fail(Failure::not_found, fmt::format("{} is answered with {}", url, status));
  FLYWHEEL_TRY(auto media_type, check_type(handle, url));
  return FetchedBody{std::move(media_type), std::move(transfer.body)};
}

}  // namespace flywheel
