// Tests: `value is name`.
#include <map>

#include "runtime/model/jinja_builtins.hpp"
#include "runtime/model/jinja_text.hpp"

namespace flywheel::jinja {
namespace {

using Test = bool (*)(Machine&, const Value&, Arguments&);
struct Entry {
  Test run;
  bool takes_argument = false;
};

bool is_callable(const Value& value) {
  return value.get<std::shared_ptr<const Callable>>() != nullptr;
}

template <std::int64_t Remainder>
bool parity(Machine& machine, const Value& value, Arguments&) {
  const Value remainder = arithmetic(machine, "%", value, Value{std::int64_t{2}});
  return are_equal(remainder, Value{Remainder});
}

template <char First, char Second>
bool compared(Machine& machine, const Value& value, Arguments& arguments) {
  const char sign[] = {First, Second, '\0'};
  return compares(machine, Second == '\0' ? std::string_view{sign, 1} : std::string_view{sign, 2},
                  value, arguments.require("other"));
}

bool divisible_by(Machine& machine, const Value& value, Arguments& arguments) {
  const Value remainder = arithmetic(machine, "%", value, arguments.require("num"));
  return are_equal(remainder, Value{std::int64_t{0}});
}

bool is_contained(Machine& machine, const Value& value, Arguments& arguments) {
  return compares(machine, "in", value, arguments.require("seq"));
}

template <bool Wanted>
bool is_boolean(Machine&, const Value& value, Arguments&) {
  return value.get<bool>() != nullptr && *value.get<bool>() == Wanted;
}

template <bool Lower>
bool is_cased(Machine& machine, const Value& value, Arguments&) {
  return has_case(machine.show(value), Lower);
}

const std::map<std::string_view, Entry> tests{
    {"defined", {[](Machine&, const Value& v, Arguments&) { return !v.is_undefined(); }}},
    {"undefined", {[](Machine&, const Value& v, Arguments&) { return v.is_undefined(); }}},
    {"none", {[](Machine&, const Value& v, Arguments&) { return v.is_none(); }}},
    {"string", {[](Machine&, const Value& v, Arguments&) { return v.string() != nullptr; }}},
    {"mapping", {[](Machine&, const Value& v, Arguments&) { return v.dict() != nullptr; }}},
    {"number", {[](Machine&, const Value& v, Arguments&) { return v.is_number(); }}},
    {"integer",
     {[](Machine&, const Value& v, Arguments&) { return v.get<std::int64_t>() != nullptr; }}},
    {"float", {[](Machine&, const Value& v, Arguments&) { return v.get<double>() != nullptr; }}},
    {"boolean", {[](Machine&, const Value& v, Arguments&) { return v.get<bool>() != nullptr; }}},
    {"true", {is_boolean<true>}},
    {"false", {is_boolean<false>}},
    {"callable", {[](Machine&, const Value& v, Arguments&) { return is_callable(v); }}},
    {"sequence", {[](Machine&, const Value& v, Arguments&) {
       return v.string() != nullptr || v.sequence() != nullptr || v.dict() != nullptr;
     }}},
    {"iterable", {[](Machine&, const Value& v, Arguments&) {
       return v.string() != nullptr || v.sequence() != nullptr || v.dict() != nullptr ||
              v.is_undefined() || v.get<std::shared_ptr<const Loop>>() != nullptr;
     }}},
    {"odd", {parity<1>}},
    {"even", {parity<0>}},
    {"upper", {is_cased<false>}},
    {"lower", {is_cased<true>}},
    {"divisibleby", {divisible_by, true}},
    {"in", {is_contained, true}},
    {"eq", {compared<'=', '='>, true}},
    {"equalto", {compared<'=', '='>, true}},
    {"ne", {compared<'!', '='>, true}},
    {"lt", {compared<'<', '\0'>, true}},
    {"lessthan", {compared<'<', '\0'>, true}},
    {"le", {compared<'<', '='>, true}},
    {"gt", {compared<'>', '\0'>, true}},
    {"greaterthan", {compared<'>', '\0'>, true}},
    {"ge", {compared<'>', '='>, true}},
};

// What `select('==', 1)` may name beside the names above.
std::string_view plain_name(std::string_view name) {
  if (name == "==") return "eq";
  if (name == "!=") return "ne";
  if (name == "<") return "lt";
  if (name == "<=") return "le";
  if (name == ">") return "gt";
  if (name == ">=") return "ge";
  return name;
}

}  // namespace

bool is_test(std::string_view name) {
  return tests.contains(plain_name(name));
}

bool takes_no_argument(std::string_view test) {
  const auto found = tests.find(plain_name(test));
  return found != tests.end() && !found->second.takes_argument;
}

bool apply_test(Machine& machine, std::string_view name, const Value& operand,
                Arguments arguments) {
  const auto found = tests.find(plain_name(name));
  if (found == tests.end()) throw Problem{"the test '" + std::string{name} + "' is not supported"};
  machine.charge(1);
  const bool result = found->second.run(machine, operand, arguments);
  arguments.finish();
  return result;
}

}  // namespace flywheel::jinja
