// TokenStore keeps the access tokens of a workspace: only their SHA-256 is at rest.
//
// A token reads `flyw_<id>_<secret>`: the prefix lets scanners find leaked ones, the id finds the
// record, the secret has 256 random bits (so one plain hash is enough, nothing can be guessed).
//
// Guarantees: secrets are compared in constant time; the file is replaced atomically and has mode
//             0600; a change by another process is seen within a second.
// Threads:    every function may be called from any thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/net/authorise.hpp"

namespace flywheel {

struct TokenRecord {
  std::string id{};
  std::string secret_sha256{};  // 64 hexadecimal digits
  std::string name{};           // the person or program it was given to
  AccessRole role = AccessRole::tester;
  WallTime created_at{};
  WallTime expires_at{};  // the epoch = never
};

class TokenStore {
 public:
  // Reads `path`; an absent file is an empty store. invalid_input: not ours, or others may write
  // it.
  static Result<std::shared_ptr<TokenStore>> open(std::string path,
                                                  const Clock& clock = system_clock());
  ~TokenStore();

  // Makes a token and returns its text, which can't be had again. A lifetime of 0 = never expires.
  // invalid_argument: an empty or reserved name ("local", "loopback"), or a role tokens can't have.
  Result<std::string> add(const std::string& name, AccessRole role, std::chrono::seconds lifetime);

  Result<> revoke(std::string_view id);  // not_found

  std::vector<TokenRecord> list() const;

  // permission_denied for everything that is not a live token; the line never repeats the token.
  Result<Principal> authenticate(std::string_view token) const;

 private:
  struct Inner;
  explicit TokenStore(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

}  // namespace flywheel
