// BodyFields reads a request's JSON object field by field, and refuses what it was not asked for.
//
// Guarantees: the first thing that is wrong becomes the one error of finish(), which names the
//             field, what was expected and where; a misspelt field is refused, never ignored.
// Threads:    one.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/json.hpp"

namespace flywheel {

class BodyFields {
 public:
  // `body` must outlive this.
  BodyFields(const Json& body, std::string where);

  std::string text(std::string_view name, std::string otherwise, std::size_t size_max);
  bool flag(std::string_view name, bool otherwise);
  std::uint64_t number(std::string_view name, std::uint64_t otherwise, std::uint64_t least,
                       std::uint64_t greatest);
  std::vector<std::string> texts(std::string_view name, std::size_t count_max);
  // {"NAME": "value"} or ["NAME=value"], as NAME=value.
  std::vector<std::string> environment(std::string_view name);
  const Json* find(std::string_view name);  // none: absent or null

  void refuse(std::string_view name, std::string_view what);

  // The first refusal, or that of a field nobody asked for.
  Result<> finish();

 private:
  const Json& body_;
  const std::string where_;
  std::set<std::string, std::less<>> known_;
  std::optional<Error> error_;
};

}  // namespace flywheel
