// AddedTokens finds the tokens that text may spell whole (<|im_end|>), before it is normalised and
// cut.
//
// Guarantees: leftmost, then longest, as `tokenizers` matches them, with the flags single_word,
// lstrip
//             and rstrip.
// Threads:    const after construction.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/transcript.hpp"

namespace flywheel {

struct AddedToken {
  Token id = -1;
  std::string content{};
  bool special = false;      // decode() may skip it; encode() takes it only with parse_special
  bool normalized = false;   // looked for after normalisation, itself normalised
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
  bool single_word = false;  // only where no word character touches it
};

class AddedTokens {
 public:
  // `token` is null for a piece of plain text.
  using Sink = std::function<void(std::string_view piece, const AddedToken* token)>;

  AddedTokens() = default;
  // `tokens` are looked for by their content as it stands.
  explicit AddedTokens(std::vector<AddedToken> tokens);

  // Cuts `valid_text` around the tokens it spells; special ones are plain text unless
  // `parse_special`.
  void split(std::string_view valid_text, bool parse_special, const Sink& sink) const;

 private:
  struct Node {
    std::map<char, std::size_t> next{};
    int token = -1;  // index into tokens_
  };

  const AddedToken* longest_at(std::string_view text, std::size_t at) const;

  std::vector<AddedToken> tokens_{};
  std::vector<Node> nodes_ = std::vector<Node>(1);  // a trie; the first node is its root
  std::array<bool, 256> starts_{};                  // bytes that a token starts with
};

}  // namespace flywheel
