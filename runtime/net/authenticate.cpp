#include "runtime/net/authenticate.hpp"

#include <algorithm>

namespace flywheel {

namespace {

std::string lower_case(std::string_view text) {
  std::string lowered{text};
  std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lowered;
}

// "localhost:80" gives "localhost", "[::1]:80" gives "::1".
std::string_view name_of_host(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

// The Host header as the address bar of a page of ours would have it. The port does not count: it
// differs behind an ssh tunnel, and a rebound name is still a name that is not ours.
bool is_our_host(const AccessPolicy& policy, std::string_view host) {
  const std::string name = lower_case(name_of_host(host));
  if (name == "localhost" || name == "127.0.0.1" || name == "::1" || name == policy.address)
    return true;
  return std::any_of(policy.origins.begin(), policy.origins.end(), [&](const std::string& origin) {
    const std::size_t scheme = origin.find("://");
    return scheme != std::string::npos &&
           name_of_host(lower_case(origin).substr(scheme + 3)) == name;
  });
}

bool is_our_origin(const AccessPolicy& policy, std::string_view origin, std::string_view host) {
  const std::string lowered = lower_case(origin);
  for (const std::string& ours : policy.origins)
    if (lowered == lower_case(ours)) return true;
  if (!is_our_host(policy, host)) return false;
  return lowered == "http://" + lower_case(host) || lowered == "https://" + lower_case(host);
}

bool comes_from_another_site(const NamedValues& headers, std::string_view method) {
  const std::string* site = find_header(headers, "sec-fetch-site");
  if (site == nullptr || *site == "same-origin" || *site == "none") return false;
  // A link on another page that leads here is a plain visit.
  const std::string* mode = find_header(headers, "sec-fetch-mode");
  return mode == nullptr || *mode != "navigate" || (method != "GET" && method != "HEAD");
}

// A proxy on this machine makes the whole world look like loopback.
bool came_through_proxy(const NamedValues& headers) {
  constexpr std::string_view names[] = {"forwarded", "via", "x-forwarded-for", "x-forwarded-host",
                                        "x-real-ip"};
  return std::any_of(std::begin(names), std::end(names),
                     [&](std::string_view name) { return find_header(headers, name) != nullptr; });
}

HttpResponse refusal(int status, std::string_view message) {
  HttpResponse response = error_response(status, message, to_string(Failure::permission_denied));
  if (status == 401) response.headers.push_back({"www-authenticate", "Bearer realm=\"flywheel\""});
  return response;
}

// Every credential that the request carries, whatever header it came in.
std::vector<std::string_view> tokens_of(const NamedValues& headers) {
  std::vector<std::string_view> tokens;
  for (const NamedValue& header : headers) {
    const std::string name = lower_case(header.name);
    std::string_view value = header.value;
    if (name == "authorization") {
      const bool is_bearer = lower_case(value.substr(0, 7)) == "bearer ";
      tokens.push_back(is_bearer ? value.substr(7) : std::string_view{});
    } else if (name == "x-api-key" || name == "api-key") {
      tokens.push_back(value);
    }
  }
  return tokens;
}

}  // namespace

Authenticated authenticate(const AccessPolicy& policy, const Peer& peer, std::string_view method,
                           const NamedValues& headers) {
  const std::string* host = find_header(headers, "host");
  const std::string_view host_name = host == nullptr ? std::string_view{} : *host;
  const std::string* origin = find_header(headers, "origin");
  if (origin != nullptr && !is_our_origin(policy, *origin, host_name))
    return tl::unexpected{refusal(403, "requests of pages of another origin are refused")};
  if (comes_from_another_site(headers, method))
    return tl::unexpected{refusal(403, "requests of pages of another site are refused")};

  const auto tokens = tokens_of(headers);
  if (!tokens.empty()) {
    if (std::any_of(tokens.begin(), tokens.end(), [&](auto token) { return token != tokens[0]; }))
      return tl::unexpected{refusal(401, "the request carries two different tokens")};
    // Loopback without a token store takes any token: SDKs insist on sending one.
    if (policy.tokens) {
      auto principal = policy.tokens->authenticate(tokens[0]);
      if (!principal) return tl::unexpected{refusal(401, principal.error().message)};
      return *principal;
    }
  }

  if (peer.is_unix) return peer.is_same_user ? Principal{"local", AccessRole::local} : Principal{};
  if (!peer.is_loopback || policy.loopback_needs_token || came_through_proxy(headers))
    return Principal{};
  // Browsers always send a Host; only old tools leave it out.
  if (host != nullptr && !is_our_host(policy, host_name))
    return tl::unexpected{
        refusal(403, "the Host header is not a name of this server; use localhost or a token")};
  return Principal{"loopback", AccessRole::operator_};
}

}  // namespace flywheel
