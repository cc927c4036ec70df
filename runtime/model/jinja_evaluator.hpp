// Evaluator runs a parsed template over variables and gives the text it writes.
//
// Guarantees: ends in bounded time, memory and stack, or throws Problem with the line.
// Threads:    one evaluator per rendering; the template is only read.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/model/jinja_ast.hpp"
#include "runtime/model/jinja_builtins.hpp"

namespace flywheel::jinja {

class Evaluator {
 public:
  explicit Evaluator(std::vector<std::pair<std::string, Value>> variables);

  std::string run(const Body& body);

 private:
  // The names of a loop's round, a macro's call or the template; the innermost is asked first.
  struct Scope {
    const Scope* outer = nullptr;
    std::vector<std::pair<std::string, Value>> names{};

    const Value* find(std::string_view name) const;
    void set(const std::string& name, Value value);
  };
  enum class Flow { next, break_loop, continue_loop };
  class Depth;

  Flow execute(const Body& body, Scope& scope);
  Flow execute(const Statement& statement, Scope& scope);
  Flow branch(const Statement& statement, Scope& scope);
  Flow loop(const Statement& statement, Scope& scope);
  void bind(const std::vector<Target>& targets, const Value& value, Scope& scope);
  std::string captured(const Body& body, Scope& scope);
  void write(const std::string& text);

  Value evaluate(const Expression& expression, const Scope& scope);
  Value compute(const Expression& expression, const Scope& scope);
  Value look_up(const std::string& name, const Scope& scope);
  Value elements(const Expression& expression, const Scope& scope);
  Value dict(const Expression& expression, const Scope& scope);
  Value slice(const Expression& expression, const Scope& scope);
  Value call(const Expression& expression, const Scope& scope);
  Value call_macro(const Statement& macro, Arguments arguments);
  Value comparison(const Expression& expression, const Scope& scope);
  Value concatenation(const Expression& expression, const Scope& scope);
  Arguments arguments(const Expression& expression, const Scope& scope);

  Machine machine_{};
  std::string out_{};
  Scope root_{};
  int depth_ = 0;
};

}  // namespace flywheel::jinja
