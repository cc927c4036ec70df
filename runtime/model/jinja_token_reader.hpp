// TokenReader walks over a template's tokens, and bounds how deep its readers nest.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/jinja_lexer.hpp"

namespace flywheel::jinja {

class TokenReader {
 protected:
  explicit TokenReader(std::vector<LexerToken> tokens) : tokens_(std::move(tokens)) {}

  // Counts how deep the parser has gone, so that no template runs it out of stack.
  class Nesting {
   public:
    explicit Nesting(TokenReader& reader);
    ~Nesting() { --depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    int& depth_;
  };

  [[noreturn]] void refuse(const std::string& what) const;
  const LexerToken& current() const { return tokens_[at_]; }
  const LexerToken& following() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const LexerToken& next();
  bool is_symbol(std::string_view text) const;
  bool is_name(std::string_view text) const;
  bool skip_symbol(std::string_view text);
  bool skip_name(std::string_view text);
  void expect_symbol(std::string_view text);
  void expect_name(std::string_view text);
  std::string take_name();

 private:
  std::vector<LexerToken> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

std::string described(
    const LexerToken& token);  // for an error: 'name', a string, the end of the tag

}  // namespace flywheel::jinja
