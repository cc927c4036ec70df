// LiveHosts is the operator's list of hosts that pages may be fetched from.
//
//   docs.example.org         that host, at the ports 80 and 443
//   .example.org             that host and every host below it, at the ports 80 and 443
//   docs.example.org:8080    that host at that port only
//
// Guarantees: what is not listed is not allowed. Addresses in digits and this machine's own names
//             (localhost and what is below it) are allowed only by an entry that spells them out.
// Threads:    const after parse(); any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace flywheel {

class LiveHosts {
 public:
  // Entries with commas between; invalid_input says which entry is wrong.
  static Result<LiveHosts> parse(std::string_view text);

  // `host` is in lower case, an IPv6 address in brackets and in its shortest form.
  bool allow(std::string_view host, std::uint16_t port) const;
  bool is_empty() const { return entries_.empty(); }

 private:
  struct Entry {
    std::string host{};
    std::uint16_t port = 0;  // 0 = 80 and 443
    bool has_subdomains = false;
  };

  static Result<Entry> parse_entry(std::string text);

  std::vector<Entry> entries_;
};

// A host's name in lower-case ASCII or an IPv6 address in brackets, and nothing else.
bool is_host(std::string_view host);

}  // namespace flywheel
