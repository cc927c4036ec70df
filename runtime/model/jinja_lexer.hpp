// Cuts a template into tokens as Jinja 3.1 does with trim_blocks and lstrip_blocks set, which is
// how `transformers` reads chat templates.
//
// Guarantees: throws Problem with the line for what is no token.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flywheel::jinja {

enum class TokenKind : unsigned char {
  data,            // text outside of tags
  variable_begin,  // {{
  variable_end,
  block_begin,  // {%
  block_end,
  name,
  string,
  integer,
  number,
  symbol,  // an operator or a bracket
  end,
};

struct LexerToken {
  TokenKind kind = TokenKind::end;
  std::string text{};  // a string's value, unescaped; else as written
  int line = 0;
};

// The last token is `end`.
std::vector<LexerToken> cut_into_tokens(std::string_view source);

}  // namespace flywheel::jinja
