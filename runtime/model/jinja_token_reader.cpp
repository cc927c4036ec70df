#include "runtime/model/jinja_token_reader.hpp"

#include "runtime/model/jinja_value.hpp"

namespace flywheel::jinja {
namespace {

constexpr int nesting_max = 150;

}  // namespace

TokenReader::Nesting::Nesting(TokenReader& reader) : depth_(reader.depth_) {
  if (depth_ >= nesting_max)
    reader.refuse("nested more than " + std::to_string(nesting_max) + " deep");
  ++depth_;
}

void TokenReader::refuse(const std::string& what) const {
  throw Problem{what, current().line};
}

const LexerToken& TokenReader::next() {
  const LexerToken& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenReader::is_symbol(std::string_view text) const {
  return current().kind == TokenKind::symbol && current().text == text;
}
bool TokenReader::is_name(std::string_view text) const {
  return current().kind == TokenKind::name && current().text == text;
}
bool TokenReader::skip_symbol(std::string_view text) {
  const bool found = is_symbol(text);
  if (found) next();
  return found;
}
bool TokenReader::skip_name(std::string_view text) {
  const bool found = is_name(text);
  if (found) next();
  return found;
}
void TokenReader::expect_symbol(std::string_view text) {
  if (!skip_symbol(text))
    refuse("expected '" + std::string{text} + "', found " + described(current()));
}
void TokenReader::expect_name(std::string_view text) {
  if (!skip_name(text))
    refuse("expected '" + std::string{text} + "', found " + described(current()));
}
std::string TokenReader::take_name() {
  if (current().kind != TokenKind::name) refuse("expected a name, found " + described(current()));
  return next().text;
}

std::string described(const LexerToken& token) {
  switch (token.kind) {
    case TokenKind::variable_end:
    case TokenKind::block_end:
      return "the end of the tag";
    case TokenKind::end:
      return "the end of the template";
    case TokenKind::string:
      return "a string";
    default:
      return "'" + token.text + "'";
  }
}

}  // namespace flywheel::jinja
