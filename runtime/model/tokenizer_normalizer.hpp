// Normalizer rewrites text before it is cut: Unicode normalization forms NFC and NFD, or nothing.
//
// Guarantees: the compatibility forms are refused: `tokenizers` has them of an older Unicode
// version
//             than utf8proc, and their mappings grow with every version.
// Threads: const after construction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"

namespace flywheel {

enum class NormalForm : std::uint8_t { nfc, nfd };

class Normalizer {
 public:
  // `json` is the value of "normalizer", null included; `where` names the file.
  static Result<Normalizer> from_json(const Json& json, const std::string& where);

  bool changes_nothing() const { return forms_.empty(); }
  std::string apply(std::string_view valid_text) const;

 private:
  Result<> add(const Json& json, const std::string& where);

  std::vector<NormalForm> forms_{};
};

}  // namespace flywheel
