// ExpressionParser reads expressions off a row of tokens; the statement parser shares the row with
// it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/jinja_ast.hpp"
#include "runtime/model/jinja_token_reader.hpp"

namespace flywheel::jinja {

class ExpressionParser : protected TokenReader {
 public:
  explicit ExpressionParser(std::vector<LexerToken> tokens) : TokenReader(std::move(tokens)) {}

  ExpressionPointer expression();  // with `a if b else c`
  // One expression, or several with commas between, which make a tuple. `stop` ends it too.
  ExpressionPointer tuple(bool with_condition, std::string_view stop = {});
  ExpressionPointer filters_after(ExpressionPointer operand);  // `| name(...) | name`

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
};

}  // namespace flywheel::jinja
