// authenticate() says who a request comes from: the one code path for every kind of credential.
// Internal to runtime/net.
//
//   unix socket, our user or root ─▶ local        token (Bearer or x-api-key) ─▶ its person and
//   role loopback without a token ─▶ operator, unless tokens are asked for there too everything
//   else ─▶ anonymous
//
// Guarantees: a wrong token is 401 wherever it comes from, never a fall-back to what the place
//             would give; a browser's page of another origin is 403 (Origin, Sec-Fetch-Site), as is
//             a Host that is not ours where trust rests on the place (DNS rebinding).
// Threads:    pure but for the token store, which is safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>
#include <tl/expected.hpp>

#include "runtime/net/http_message.hpp"
#include "runtime/net/tokens.hpp"

namespace flywheel {

// What the kernel says of the other end.
struct Peer {
  bool is_unix = false;
  bool is_loopback = false;
  bool is_same_user = false;  // on a unix socket: our user id, or root
};

struct AccessPolicy {
  std::shared_ptr<TokenStore> tokens{};
  bool loopback_needs_token = false;
  std::string address{};               // that is listened on
  std::vector<std::string> origins{};  // of our own, beside those of the address
};

using Authenticated = tl::expected<Principal, HttpResponse>;

Authenticated authenticate(const AccessPolicy& policy, const Peer& peer, std::string_view method,
                           const NamedValues& headers);

}  // namespace flywheel
