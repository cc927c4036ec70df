// The tree of a parsed template: statements that write text or set names, expressions that give
// values.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/model/jinja_value.hpp"

namespace flywheel::jinja {

enum class ExpressionKind : unsigned char {
  literal,      // value
  name,         // name
  list,         // operands
  tuple,        // operands
  dict,         // operands: key, value, key, value, ...
  attribute,    // operands[0] . name
  item,         // operands[0] [ operands[1] ]
  slice,        // operands[0] [ operands[1] : operands[2] : operands[3] ], null where left out
  call,         // operands[0] ( operands[1..], named )
  filter,       // operands[0] | name ( operands[1..], named )
  test,         // operands[0] is name ( operands[1..], named )
  negate,       // - operands[0]
  plus,         // + operands[0]
  logical_not,  // operands[0]
  logical_and,  // operands[0], operands[1]
  logical_or,   // operands[0], operands[1]
  compare,      // operands[i] operators[i] operands[i + 1]
  arithmetic,   // operands[0] name operands[1]
  concatenate,  // operands, as text
  condition,    // operands[1] if operands[0] else operands[2], null where left out
};

struct Expression;
using ExpressionPointer = std::unique_ptr<Expression>;

struct Expression {
  ExpressionKind kind = ExpressionKind::literal;
  int line = 0;
  int height = 1;  // of the tree from here down
  std::string name{};
  Value value{};
  std::vector<ExpressionPointer> operands{};
  std::vector<std::pair<std::string, ExpressionPointer>> named{};
  std::vector<std::string> operators{};
};

enum class StatementKind : unsigned char {
  text,     // name: the text itself
  output,   // expressions[0]
  branch,   // expressions[i] guards bodies[i]; one more body is the else
  loop,     // for targets in expressions[0] if expressions[1] (or null); bodies: body, else
  assign,   // set targets = expressions[0]
  capture,  // set targets to what bodies[0] writes, through filters named in expressions
  macro,    // name, parameters, bodies[0]
  block,    // bodies[0], as it stands ({% generation %})
  break_loop,
  continue_loop,
};

// A name, or `name.attribute` of a namespace.
struct Target {
  std::string name{};
  std::string attribute{};
};

struct Statement;
using Body = std::vector<std::unique_ptr<Statement>>;

struct Statement {
  StatementKind kind = StatementKind::text;
  int line = 0;
  std::string name{};
  std::vector<Target> targets{};
  std::vector<ExpressionPointer> expressions{};
  std::vector<Body> bodies{};
  std::vector<std::pair<std::string, ExpressionPointer>> parameters{};  // null without a default
};

}  // namespace flywheel::jinja
