#include "runtime/model/jinja_evaluator.hpp"

#include <algorithm>

namespace flywheel::jinja {
namespace {

constexpr int evaluation_depth_max = 900;

}  // namespace

// Counts nested evaluations: a macro that calls itself must run out of this before it runs out of
// stack.
class Evaluator::Depth {
 public:
  explicit Depth(int& depth) : depth_(depth) {
    if (++depth_ > evaluation_depth_max) {
      --depth_;
      throw Problem{"the template recurses too deep"};
    }
  }
  ~Depth() { --depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  int& depth_;
};

const Value* Evaluator::Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer)
    for (const auto& [known, value] : scope->names)
      if (known == name) return &value;
  return nullptr;
}

void Evaluator::Scope::set(const std::string& name, Value value) {
  for (auto& [known, held] : names) {
    if (known != name) continue;
    held = std::move(value);
    return;
  }
  names.emplace_back(name, std::move(value));
}

Evaluator::Evaluator(std::vector<std::pair<std::string, Value>> variables) {
  root_.names = std::move(variables);
}

std::string Evaluator::run(const Body& body) {
  execute(body, root_);
  return std::move(out_);
}

void Evaluator::write(const std::string& text) {
  machine_.charge_text(text.size());
  out_ += text;
}

Evaluator::Flow Evaluator::execute(const Body& body, Scope& scope) {
  for (const auto& statement : body) {
    try {
      const Flow flow = execute(*statement, scope);
      if (flow != Flow::next) return flow;
    } catch (Problem& problem) {
      if (problem.line == 0) problem.line = statement->line;
      throw;
    }
  }
  return Flow::next;
}

Evaluator::Flow Evaluator::execute(const Statement& statement, Scope& scope) {
  const Depth depth{depth_};
  machine_.charge(1);
  switch (statement.kind) {
    case StatementKind::text:
      write(statement.name);
      return Flow::next;
    case StatementKind::output: {
      const Value value = evaluate(*statement.expressions[0], scope);
      machine_.charge(weight_of(value));
      write(to_text(value));
      return Flow::next;
    }
    case StatementKind::branch:
      return branch(statement, scope);
    case StatementKind::loop:
      return loop(statement, scope);
    case StatementKind::assign:
      bind(statement.targets, evaluate(*statement.expressions[0], scope), scope);
      return Flow::next;
    case StatementKind::capture:
      bind(statement.targets, machine_.text(captured(statement.bodies[0], scope)), scope);
      return Flow::next;
    case StatementKind::macro:
      scope.set(
          statement.name,
          Value{std::make_shared<const Callable>(Callable{statement.name, {}, false, &statement})});
      return Flow::next;
    case StatementKind::block: {
      Scope inner{&scope, {}};
      return execute(statement.bodies[0], inner);
    }
    case StatementKind::break_loop:
      return Flow::break_loop;
    case StatementKind::continue_loop:
      return Flow::continue_loop;
  }
  return Flow::next;
}

Evaluator::Flow Evaluator::branch(const Statement& statement, Scope& scope) {
  for (std::size_t i = 0; i < statement.expressions.size(); ++i)
    if (is_true(evaluate(*statement.expressions[i], scope)))
      return execute(statement.bodies[i], scope);
  if (statement.bodies.size() > statement.expressions.size())
    return execute(statement.bodies.back(), scope);
  return Flow::next;
}

Evaluator::Flow Evaluator::loop(const Statement& statement, Scope& scope) {
  std::vector<Value> items = items_of(machine_, evaluate(*statement.expressions[0], scope));
  if (statement.expressions[1]) {
    std::vector<Value> kept;
    for (Value& item : items) {
      Scope test{&scope, {}};
      bind(statement.targets, item, test);
      if (is_true(evaluate(*statement.expressions[1], test))) kept.push_back(std::move(item));
    }
    items = std::move(kept);
  }
  if (items.empty() && statement.bodies.size() > 1) {
    Scope inner{&scope, {}};
    return execute(statement.bodies[1], inner);
  }
  const Value sequence = machine_.list(std::move(items));
  for (std::size_t i = 0; i < sequence.sequence()->items.size(); ++i) {
    Scope inner{&scope, {}};
    inner.set("loop", Value{std::make_shared<const Loop>(Loop{sequence, i})});
    bind(statement.targets, sequence.sequence()->items[i], inner);
    if (execute(statement.bodies[0], inner) == Flow::break_loop) break;
  }
  return Flow::next;
}

void Evaluator::bind(const std::vector<Target>& targets, const Value& value, Scope& scope) {
  if (targets.size() > 1) {
    const auto items = items_of(machine_, value);
    if (items.size() != targets.size())
      throw Problem{"can't unpack " + std::to_string(items.size()) + " values into " +
                    std::to_string(targets.size()) + " names"};
    for (std::size_t i = 0; i < items.size(); ++i) bind({targets[i]}, items[i], scope);
    return;
  }
  const Target& target = targets.front();
  if (target.attribute.empty()) return scope.set(target.name, value);
  const Value* holder = scope.find(target.name);
  const auto* held = holder == nullptr ? nullptr : holder->get<std::shared_ptr<Namespace>>();
  if (held == nullptr) throw Problem{"'" + target.name + "' is not a namespace"};
  machine_.charge((*held)->members.size() / 8 + 1);
  for (auto& [name, member] : (*held)->members) {
    if (name != target.attribute) continue;
    member = value;
    return;
  }
  (*held)->members.emplace_back(target.attribute, value);
}

std::string Evaluator::captured(const Body& body, Scope& scope) {
  std::string outside = std::move(out_);
  out_.clear();
  Scope inner{&scope, {}};
  execute(body, inner);
  std::string text = std::move(out_);
  out_ = std::move(outside);
  return text;
}

Value Evaluator::evaluate(const Expression& expression, const Scope& scope) {
  const Depth depth{depth_};
  machine_.charge(1);
  try {
    return compute(expression, scope);
  } catch (Problem& problem) {
    if (problem.line == 0) problem.line = expression.line;
    throw;
  }
}

Value Evaluator::compute(const Expression& expression, const Scope& scope) {
  const auto operand = [&](std::size_t i) { return evaluate(*expression.operands[i], scope); };
  switch (expression.kind) {
    case ExpressionKind::literal:
      return expression.value;
    case ExpressionKind::name:
      return look_up(expression.name, scope);
    case ExpressionKind::list:
    case ExpressionKind::tuple:
      return elements(expression, scope);
    case ExpressionKind::dict:
      return dict(expression, scope);
    case ExpressionKind::attribute:
      return attribute_of(machine_, operand(0), expression.name);
    case ExpressionKind::item: {
      const Value value = operand(0);
      return item_of(machine_, value, operand(1));
    }
    case ExpressionKind::slice:
      return slice(expression, scope);
    case ExpressionKind::call:
      return call(expression, scope);
    case ExpressionKind::filter: {
      const Value value = operand(0);
      return apply_filter(machine_, expression.name, value, arguments(expression, scope));
    }
    case ExpressionKind::test: {
      const Value value = operand(0);
      return Value{apply_test(machine_, expression.name, value, arguments(expression, scope))};
    }
    case ExpressionKind::negate:
      return arithmetic(machine_, "*", Value{std::int64_t{-1}}, operand(0));
    case ExpressionKind::plus:
      return arithmetic(machine_, "*", Value{std::int64_t{1}}, operand(0));
    case ExpressionKind::logical_not:
      return Value{!is_true(operand(0))};
    case ExpressionKind::logical_and: {
      Value left = operand(0);
      return is_true(left) ? operand(1) : left;
    }
    case ExpressionKind::logical_or: {
      Value left = operand(0);
      return is_true(left) ? left : operand(1);
    }
    case ExpressionKind::compare:
      return comparison(expression, scope);
    case ExpressionKind::arithmetic: {
      const Value left = operand(0);
      return arithmetic(machine_, expression.name, left, operand(1));
    }
    case ExpressionKind::concatenate:
      return concatenation(expression, scope);
    case ExpressionKind::condition:
      if (is_true(operand(0))) return operand(1);
      return expression.operands[2] ? operand(2) : Value{Undefined{"the missing else"}};
  }
  return {};
}

Value Evaluator::look_up(const std::string& name, const Scope& scope) {
  if (const Value* found = scope.find(name)) return *found;
  if (auto global = global_named(name)) return std::move(*global);
  return Value{Undefined{name}};
}

Value Evaluator::elements(const Expression& expression, const Scope& scope) {
  std::vector<Value> items;
  items.reserve(expression.operands.size());
  for (const auto& operand : expression.operands) items.push_back(evaluate(*operand, scope));
  return machine_.list(std::move(items), expression.kind == ExpressionKind::tuple);
}

Value Evaluator::dict(const Expression& expression, const Scope& scope) {
  std::vector<std::pair<std::string, Value>> members;
  for (std::size_t i = 0; i < expression.operands.size(); i += 2) {
    const Value key = evaluate(*expression.operands[i], scope);
    if (key.string() == nullptr)
      throw Problem{std::string{"a dict's key is a "} + type_name(key) +
                    "; only strings are supported"};
    Value value = evaluate(*expression.operands[i + 1], scope);
    const auto found = std::find_if(members.begin(), members.end(), [&](const auto& member) {
      return member.first == *key.string();
    });
    if (found == members.end())
      members.emplace_back(*key.string(), std::move(value));
    else
      found->second = std::move(value);
  }
  return machine_.dict(std::move(members));
}

Value Evaluator::slice(const Expression& expression, const Scope& scope) {
  const auto bound = [&](std::size_t i) {
    return expression.operands[i] ? evaluate(*expression.operands[i], scope) : Value{None{}};
  };
  const Value value = bound(0);
  const Value start = bound(1);
  const Value stop = bound(2);
  return slice_of(machine_, value, start, stop, bound(3));
}

Arguments Evaluator::arguments(const Expression& expression, const Scope& scope) {
  Arguments made;
  for (std::size_t i = 1; i < expression.operands.size(); ++i)
    made.positional.push_back(evaluate(*expression.operands[i], scope));
  for (const auto& [name, operand] : expression.named)
    made.named.emplace_back(name, evaluate(*operand, scope));
  return made;
}

Value Evaluator::call(const Expression& expression, const Scope& scope) {
  const Value callee = evaluate(*expression.operands[0], scope);
  const auto* callable = callee.get<std::shared_ptr<const Callable>>();
  if (callable == nullptr) {
    const std::string name = expression.operands[0]->name;
    throw Problem{"'" + name + "' is " +
                  (callee.is_undefined() ? "undefined" : std::string{"a "} + type_name(callee)) +
                  ", not a function"};
  }
  Arguments given = arguments(expression, scope);
  if ((*callable)->macro != nullptr) return call_macro(*(*callable)->macro, std::move(given));
  if ((*callable)->is_method)
    return call_method(machine_, (*callable)->receiver, (*callable)->name, std::move(given));
  return call_global(machine_, (*callable)->name, std::move(given));
}

Value Evaluator::call_macro(const Statement& macro, Arguments given) {
  Scope scope{&root_, {}};
  for (const auto& [name, fallback] : macro.parameters) {
    auto value = given.take(name);
    if (!value && fallback) value = evaluate(*fallback, scope);
    scope.set(name, value ? std::move(*value) : Value{Undefined{name}});
  }
  given.finish();
  return machine_.text(captured(macro.bodies[0], scope));
}

Value Evaluator::comparison(const Expression& expression, const Scope& scope) {
  Value left = evaluate(*expression.operands[0], scope);
  for (std::size_t i = 0; i < expression.operators.size(); ++i) {
    Value right = evaluate(*expression.operands[i + 1], scope);
    if (!compares(machine_, expression.operators[i], left, right)) return Value{false};
    left = std::move(right);
  }
  return Value{true};
}

Value Evaluator::concatenation(const Expression& expression, const Scope& scope) {
  std::string text;
  for (const auto& operand : expression.operands) text += machine_.show(evaluate(*operand, scope));
  return machine_.text(std::move(text));
}

}  // namespace flywheel::jinja
