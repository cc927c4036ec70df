// ExpressionParser reads expressions off a row of tokens; the statement parser shares the row with
// it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/jinja_ast.hpp"
#include "runtime/model/jinja_lexer.hpp"

namespace flywheel::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<LexerToken> tokens) : tokens_(std::move(tokens)) {}

  ExpressionPointer expression();  // with `a if b else c`
  // One expression, or several with commas between, which make a tuple. `stop` ends it too.
  ExpressionPointer tuple(bool with_condition, std::string_view stop = {});
  ExpressionPointer filters_after(ExpressionPointer operand);  // `| name(...) | name`

 protected:
  // Counts how deep the parser has gone, so that no template runs it out of stack.
  class Nesting {
   public:
    explicit Nesting(ExpressionParser& parser);
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

  std::vector<LexerToken> tokens_;
  std::size_t at_ = 0;

 private:
  ExpressionPointer make(ExpressionKind kind) const;
  ExpressionPointer either();
  ExpressionPointer both();
  ExpressionPointer inverted();
  ExpressionPointer comparison();
  ExpressionPointer sum();
  ExpressionPointer concatenation();
  ExpressionPointer product();
  ExpressionPointer power();
  ExpressionPointer unary(bool with_filters);
  ExpressionPointer primary();
  ExpressionPointer named_value();
  ExpressionPointer list();
  ExpressionPointer dict();
  ExpressionPointer postfix(ExpressionPointer operand);
  ExpressionPointer subscript(ExpressionPointer operand);
  ExpressionPointer test(ExpressionPointer operand);
  ExpressionPointer call(ExpressionPointer operand);
  void arguments(Expression& into);
  bool ends_tuple(std::string_view stop) const;

  int depth_ = 0;
};

}  // namespace flywheel::jinja
