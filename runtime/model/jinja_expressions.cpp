#include "runtime/model/jinja_expressions.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "runtime/model/jinja_builtins.hpp"

namespace flywheel::jinja {
namespace {

constexpr int height_max = 300;

// Bounds the tree's height, and with it every recursion over it; called when its operands are in.
ExpressionPointer sealed(ExpressionPointer made) {
  for (const auto& operand : made->operands)
    if (operand) made->height = std::max(made->height, operand->height + 1);
  for (const auto& [name, operand] : made->named)
    made->height = std::max(made->height, operand->height + 1);
  if (made->height > height_max)
    throw Problem{"an expression is chained more than " + std::to_string(height_max) + " long",
                  made->line};
  return made;
}

ExpressionPointer joined(ExpressionKind kind, ExpressionPointer left, ExpressionPointer right) {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->line = left->line;
  made->operands.push_back(std::move(left));
  made->operands.push_back(std::move(right));
  return sealed(std::move(made));
}

ExpressionPointer around(ExpressionKind kind, ExpressionPointer operand) {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->line = operand->line;
  made->operands.push_back(std::move(operand));
  return sealed(std::move(made));
}

}  // namespace

ExpressionPointer ExpressionParser::make(ExpressionKind kind) const {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->line = current().line;
  return made;
}

ExpressionPointer ExpressionParser::expression() {
  const Nesting nesting{*this};
  ExpressionPointer value = either();
  while (skip_name("if")) {
    auto made = around(ExpressionKind::condition, either());
    made->operands.push_back(std::move(value));
    made->operands.push_back(skip_name("else") ? expression() : nullptr);
    value = sealed(std::move(made));
  }
  return value;
}

bool ExpressionParser::ends_tuple(std::string_view stop) const {
  return current().kind == TokenKind::variable_end || current().kind == TokenKind::block_end ||
         is_symbol(")") || (!stop.empty() && is_name(stop));
}

ExpressionPointer ExpressionParser::tuple(bool with_condition, std::string_view stop) {
  const Nesting nesting{*this};
  auto made = make(ExpressionKind::tuple);
  bool is_tuple = false;
  while (!ends_tuple(stop)) {
    made->operands.push_back(with_condition ? expression() : either());
    if (!skip_symbol(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return sealed(std::move(made));
  if (made->operands.empty()) refuse("expected an expression, found " + described(current()));
  return std::move(made->operands.front());
}

ExpressionPointer ExpressionParser::either() {
  auto left = both();
  while (skip_name("or")) left = joined(ExpressionKind::logical_or, std::move(left), both());
  return left;
}

ExpressionPointer ExpressionParser::both() {
  auto left = inverted();
  while (skip_name("and")) left = joined(ExpressionKind::logical_and, std::move(left), inverted());
  return left;
}

ExpressionPointer ExpressionParser::inverted() {
  const Nesting nesting{*this};
  if (skip_name("not")) return around(ExpressionKind::logical_not, inverted());
  return comparison();
}

ExpressionPointer ExpressionParser::comparison() {
  static constexpr std::array<std::string_view, 6> symbols{"==", "!=", "<=", ">=", "<", ">"};
  auto first = sum();
  ExpressionPointer made;
  while (true) {
    std::string found;
    if (current().kind == TokenKind::symbol &&
        std::find(symbols.begin(), symbols.end(), current().text) != symbols.end()) {
      found = next().text;
    } else if (skip_name("in")) {
      found = "in";
    } else if (is_name("not") && following().kind == TokenKind::name && following().text == "in") {
      next();
      next();
      found = "not in";
    } else {
      break;
    }
    if (!made) made = around(ExpressionKind::compare, std::move(first));
    made->operators.push_back(std::move(found));
    made->operands.push_back(sum());
  }
  return made ? sealed(std::move(made)) : std::move(first);
}

ExpressionPointer ExpressionParser::sum() {
  auto left = concatenation();
  while (is_symbol("+") || is_symbol("-")) {
    std::string sign = next().text;
    left = joined(ExpressionKind::arithmetic, std::move(left), concatenation());
    left->name = std::move(sign);
  }
  return left;
}

ExpressionPointer ExpressionParser::concatenation() {
  auto first = product();
  if (!is_symbol("~")) return first;
  auto made = around(ExpressionKind::concatenate, std::move(first));
  while (skip_symbol("~")) made->operands.push_back(product());
  return sealed(std::move(made));
}

ExpressionPointer ExpressionParser::product() {
  auto left = power();
  while (is_symbol("*") || is_symbol("/") || is_symbol("//") || is_symbol("%")) {
    std::string sign = next().text;
    left = joined(ExpressionKind::arithmetic, std::move(left), power());
    left->name = std::move(sign);
  }
  return left;
}

ExpressionPointer ExpressionParser::power() {
  auto left = unary(true);
  while (skip_symbol("**")) {
    left = joined(ExpressionKind::arithmetic, std::move(left), unary(true));
    left->name = "**";
  }
  return left;
}

ExpressionPointer ExpressionParser::unary(bool with_filters) {
  const Nesting nesting{*this};
  ExpressionPointer value;
  if (skip_symbol("-"))
    value = around(ExpressionKind::negate, unary(false));
  else if (skip_symbol("+"))
    value = around(ExpressionKind::plus, unary(false));
  else
    value = primary();
  value = postfix(std::move(value));
  while (with_filters) {
    if (is_symbol("|"))
      value = filters_after(std::move(value));
    else if (is_name("is"))
      value = test(std::move(value));
    else if (is_symbol("("))
      value = call(std::move(value));
    else
      break;
  }
  return value;
}

ExpressionPointer ExpressionParser::primary() {
  auto made = make(ExpressionKind::literal);
  if (current().kind == TokenKind::name) return named_value();
  if (current().kind == TokenKind::string) {
    std::string text;
    while (current().kind == TokenKind::string) text += next().text;
    made->value = Value{std::move(text)};
    return made;
  }
  if (current().kind == TokenKind::integer) {
    std::int64_t number = 0;
    const std::string& text = current().text;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{})
      refuse("the number '" + text + "' is too large");
    made->value = Value{number};
    next();
    return made;
  }
  if (current().kind == TokenKind::number) {
    made->value = Value{std::strtod(next().text.c_str(), nullptr)};
    return made;
  }
  if (skip_symbol("(")) {
    if (skip_symbol(")")) {
      made->kind = ExpressionKind::tuple;
      return made;
    }
    auto inside = tuple(true);
    expect_symbol(")");
    return inside;
  }
  if (is_symbol("[")) return list();
  if (is_symbol("{")) return dict();
  refuse("unexpected " + described(current()));
}

ExpressionPointer ExpressionParser::named_value() {
  static constexpr std::array<std::string_view, 8> missing{"varargs", "kwargs", "caller", "self",
                                                           "super",   "lipsum", "cycler", "joiner"};
  auto made = make(ExpressionKind::literal);
  const std::string& name = current().text;
  if (name == "true" || name == "True") {
    made->value = Value{true};
  } else if (name == "false" || name == "False") {
    made->value = Value{false};
  } else if (name == "none" || name == "None") {
    made->value = Value{None{}};
  } else if (std::find(missing.begin(), missing.end(), name) != missing.end()) {
    refuse("'" + name + "' is not supported");
  } else {
    made->kind = ExpressionKind::name;
    made->name = name;
  }
  next();
  return made;
}

ExpressionPointer ExpressionParser::list() {
  auto made = make(ExpressionKind::list);
  expect_symbol("[");
  while (!is_symbol("]")) {
    made->operands.push_back(expression());
    if (!skip_symbol(",")) break;
  }
  expect_symbol("]");
  return sealed(std::move(made));
}

ExpressionPointer ExpressionParser::dict() {
  auto made = make(ExpressionKind::dict);
  expect_symbol("{");
  while (!is_symbol("}")) {
    made->operands.push_back(expression());
    expect_symbol(":");
    made->operands.push_back(expression());
    if (!skip_symbol(",")) break;
  }
  expect_symbol("}");
  return sealed(std::move(made));
}

ExpressionPointer ExpressionParser::postfix(ExpressionPointer operand) {
  while (true) {
    if (is_symbol(".") || is_symbol("["))
      operand = subscript(std::move(operand));
    else if (is_symbol("("))
      operand = call(std::move(operand));
    else
      return operand;
  }
}

ExpressionPointer ExpressionParser::subscript(ExpressionPointer operand) {
  if (skip_symbol(".")) {
    if (current().kind != TokenKind::name) refuse("expected a name after '.'");
    auto made = around(ExpressionKind::attribute, std::move(operand));
    made->name = next().text;
    return made;
  }
  expect_symbol("[");
  auto made = around(ExpressionKind::slice, std::move(operand));
  made->operands.push_back(is_symbol(":") ? nullptr : expression());
  if (!is_symbol(":")) {
    made->kind = ExpressionKind::item;
  } else {
    for (int bound = 0; bound < 2; ++bound) {
      const bool given = skip_symbol(":") && !is_symbol(":") && !is_symbol("]");
      made->operands.push_back(given ? expression() : nullptr);
    }
  }
  expect_symbol("]");
  return sealed(std::move(made));
}

ExpressionPointer ExpressionParser::filters_after(ExpressionPointer operand) {
  while (skip_symbol("|")) {
    if (current().kind == TokenKind::name && !is_filter(current().text))
      refuse("the filter '" + current().text + "' is not supported");
    auto made = make(ExpressionKind::filter);
    made->operands.push_back(std::move(operand));
    made->name = take_name();
    if (is_symbol("(")) arguments(*made);
    operand = sealed(std::move(made));
  }
  return operand;
}

ExpressionPointer ExpressionParser::test(ExpressionPointer operand) {
  expect_name("is");
  const bool negated = skip_name("not");
  if (current().kind == TokenKind::name && !is_test(current().text))
    refuse("the test '" + current().text + "' is not supported");
  auto made = around(ExpressionKind::test, std::move(operand));
  made->name = take_name();
  if (is_name("is")) refuse("tests can't be chained with 'is'");
  const bool has_bare_argument =
      current().kind == TokenKind::string || current().kind == TokenKind::integer ||
      current().kind == TokenKind::number || is_symbol("[") || is_symbol("{") ||
      (current().kind == TokenKind::name && !is_name("else") && !is_name("or") && !is_name("and"));
  if (is_symbol("(")) {
    arguments(*made);
  } else if (has_bare_argument && !takes_no_argument(made->name)) {
    made->operands.push_back(postfix(primary()));
  }
  made = sealed(std::move(made));
  return negated ? around(ExpressionKind::logical_not, std::move(made)) : std::move(made);
}

ExpressionPointer ExpressionParser::call(ExpressionPointer operand) {
  if (operand->kind == ExpressionKind::attribute && !is_method(operand->name))
    refuse("the method '" + operand->name + "' is not supported");
  auto made = around(ExpressionKind::call, std::move(operand));
  arguments(*made);
  return sealed(std::move(made));
}

void ExpressionParser::arguments(Expression& into) {
  const Nesting nesting{*this};
  expect_symbol("(");
  while (!is_symbol(")")) {
    if (is_symbol("*") || is_symbol("**")) refuse("unpacked arguments are not supported");
    const bool is_named = current().kind == TokenKind::name &&
                          following().kind == TokenKind::symbol && following().text == "=";
    if (is_named) {
      std::string name = next().text;
      next();
      into.named.emplace_back(std::move(name), expression());
    } else {
      if (!into.named.empty()) refuse("a positional argument after a named one");
      into.operands.push_back(expression());
    }
    if (!skip_symbol(",")) break;
  }
  expect_symbol(")");
}

}  // namespace flywheel::jinja
