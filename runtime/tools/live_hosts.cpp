#include "runtime/tools/live_hosts.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include <arpa/inet.h>

namespace flywheel {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.';
}

// The shortest form, with its brackets; empty for what is no IPv6 address in brackets.
std::string ipv6_of(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return {};
  const std::string inner{host.substr(1, host.size() - 2)};
  in6_addr address{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_pton(AF_INET6, inner.c_str(), &address) != 1) return {};
  if (inet_ntop(AF_INET6, &address, text.data(), text.size()) == nullptr) return {};
  return "[" + std::string{text.data()} + "]";
}

// A name whose last label begins with a digit can be read as an IPv4 address by someone.
bool is_literal(std::string_view host) {
  if (host.starts_with('[')) return true;
  const auto label = host.substr(host.rfind('.') + 1);
  return label.empty() || is_digit(label.front());
}

bool is_this_machine(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost");
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool is_host(std::string_view host) {
  if (host.starts_with('[')) return !ipv6_of(host).empty();
  return !host.empty() && host.size() <= 253 && host.front() != '.' && host.back() != '.' &&
         host.find("..") == std::string_view::npos && std::ranges::all_of(host, is_name_character);
}

Result<LiveHosts::Entry> LiveHosts::parse_entry(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::string wrong =
      "has the entry '" + text + "', must be HOST, .DOMAIN (with all below it) or HOST:PORT";
  Entry entry{.host = text};
  const auto colon = text.rfind(':');
  if (colon != std::string::npos && (text.front() != '[' || text[colon - 1] == ']')) {
    if (!parse_port(std::string_view{text}.substr(colon + 1), entry.port))
      return fail(Failure::invalid_input, wrong);
    entry.host.resize(colon);
  }
  entry.has_subdomains = entry.host.starts_with('.');
  if (entry.has_subdomains) entry.host.erase(0, 1);
  if (!is_host(entry.host) || (entry.has_subdomains && is_literal(entry.host)))
    return fail(Failure::invalid_input, wrong);
  if (entry.host.starts_with('[')) entry.host = ipv6_of(entry.host);
  return entry;
}

Result<LiveHosts> LiveHosts::parse(std::string_view text) {
  LiveHosts hosts;
  if (trimmed(text).empty()) return hosts;
  while (true) {
    const auto comma = text.find(',');
    FLYWHEEL_TRY(Entry entry, parse_entry(std::string{trimmed(text.substr(0, comma))}));
    hosts.entries_.push_back(std::move(entry));
    if (comma == std::string_view::npos) return hosts;
    text.remove_prefix(comma + 1);
  }
}

bool LiveHosts::allow(std::string_view host, std::uint16_t port) const {
  if (!is_host(host)) return false;
  const bool is_guarded = is_literal(host) || is_this_machine(host);
  return std::ranges::any_of(entries_, [&](const Entry& entry) {
    const bool is_port = entry.port == 0 ? port == 80 || port == 443 : port == entry.port;
    const bool is_below = entry.has_subdomains && host.size() > entry.host.size() &&
                          host.ends_with(entry.host) &&
                          host[host.size() - entry.host.size() - 1] == '.';
    const bool is_same = host == entry.host && !(is_guarded && entry.has_subdomains);
    return is_port && (is_same || (is_below && !is_guarded));
  });
}

}  // namespace flywheel
