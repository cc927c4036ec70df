// Arithmetic, comparison, attributes, items and slices.
#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/model/jinja_builtins.hpp"
#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel::jinja {
namespace {

[[noreturn]] void refuse(std::string_view sign, const Value& left, const Value& right) {
  for (const Value* side : {&left, &right})
    if (const auto* undefined = side->get<Undefined>())
      throw Problem{"'" + undefined->name + "' is undefined"};
  throw Problem{"'" + std::string{sign} + "' is not defined between " + type_name(left) + " and " +
                type_name(right)};
}

using WholeOperation = bool (*)(std::int64_t, std::int64_t, std::int64_t*);  // true = overflowed

std::int64_t checked(WholeOperation operation, std::int64_t left, std::int64_t right) {
  std::int64_t result = 0;
  if (operation(left, right, &result)) throw Problem{"a number is too large"};
  return result;
}

bool add(std::int64_t left, std::int64_t right, std::int64_t* result) {
  return __builtin_add_overflow(left, right, result);
}
bool subtract(std::int64_t left, std::int64_t right, std::int64_t* result) {
  return __builtin_sub_overflow(left, right, result);
}
bool multiply(std::int64_t left, std::int64_t right, std::int64_t* result) {
  return __builtin_mul_overflow(left, right, result);
}

// Python rounds a quotient down, and a remainder has its divisor's sign.
Value whole_quotient(std::int64_t left, std::int64_t right, bool want_remainder) {
  if (right == 0) throw Problem{"division by zero"};
  if (right == -1) return Value{want_remainder ? std::int64_t{0} : checked(subtract, 0, left)};
  std::int64_t quotient = left / right;
  std::int64_t remainder = left % right;
  if (remainder != 0 && (remainder < 0) != (right < 0)) {
    --quotient;
    remainder += right;
  }
  return Value{want_remainder ? remainder : quotient};
}

Value whole_arithmetic(std::string_view sign, std::int64_t left, std::int64_t right) {
  if (sign == "+") return Value{checked(add, left, right)};
  if (sign == "-") return Value{checked(subtract, left, right)};
  if (sign == "*") return Value{checked(multiply, left, right)};
  if (sign == "//" || sign == "%") return whole_quotient(left, right, sign == "%");
  if (right < 0) return Value{std::pow(static_cast<double>(left), static_cast<double>(right))};
  std::int64_t power = 1;  // left ** right
  if (left == 0 || left == 1) return Value{right == 0 ? std::int64_t{1} : left};
  if (left == -1) return Value{right % 2 == 0 ? std::int64_t{1} : std::int64_t{-1}};
  for (std::int64_t i = 0; i < right; ++i) power = checked(multiply, power, left);
  return Value{power};
}

Value real_arithmetic(std::string_view sign, double left, double right) {
  if (sign == "+") return Value{left + right};
  if (sign == "-") return Value{left - right};
  if (sign == "*") return Value{left * right};
  if (sign == "**") return Value{std::pow(left, right)};
  if (right == 0.0) throw Problem{"division by zero"};
  if (sign == "/") return Value{left / right};
  const double remainder = std::fmod(left, right);
  const bool shifts = remainder != 0.0 && (remainder < 0.0) != (right < 0.0);
  if (sign == "%") return Value{shifts ? remainder + right : remainder};
  return Value{std::floor(left / right)};
}

Value repeated(Machine& machine, const Value& value, std::int64_t count) {
  const auto times = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
  const std::size_t size =
      value.string() != nullptr ? value.string()->size() : value.sequence()->items.size();
  if (size > 0 && times > (std::size_t{1} << 32) / size) machine.charge(times);
  machine.charge(size * times / (value.string() != nullptr ? 16 : 1));
  if (value.string() != nullptr) {
    std::string text;
    for (std::size_t i = 0; i < times && size > 0; ++i) text += *value.string();
    return Value{std::move(text)};
  }
  std::vector<Value> items;
  for (std::size_t i = 0; i < times && size > 0; ++i)
    items.insert(items.end(), value.sequence()->items.begin(), value.sequence()->items.end());
  return make_list(std::move(items), value.sequence()->is_tuple);
}

bool contains(Machine& machine, const Value& container, const Value& value) {
  if (const std::string* text = container.string()) {
    if (value.string() == nullptr) refuse("in", value, container);
    machine.charge_text(text->size());
    return text->find(*value.string()) != text->npos;
  }
  if (const Dict* dict = container.dict()) {
    machine.charge(dict->members.size() / 8 + 1);
    return value.string() != nullptr && dict->find(*value.string()) != nullptr;
  }
  if (container.is_undefined()) return false;
  if (container.sequence() == nullptr) refuse("in", value, container);
  const auto& items = container.sequence()->items;
  machine.charge(container.sequence()->weight);
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& item) { return are_equal(item, value); });
}

Value loop_attribute(const Loop& loop, const std::string& name) {
  const auto& items = loop.items.sequence()->items;
  const auto index0 = static_cast<std::int64_t>(loop.index0);
  const auto size = static_cast<std::int64_t>(items.size());
  if (name == "index") return Value{index0 + 1};
  if (name == "index0") return Value{index0};
  if (name == "revindex") return Value{size - index0};
  if (name == "revindex0") return Value{size - index0 - 1};
  if (name == "first") return Value{index0 == 0};
  if (name == "last") return Value{index0 + 1 == size};
  if (name == "length") return Value{size};
  // Depth counts the rounds of recursive loops, which this subset does not have.
  if (name == "depth") return Value{std::int64_t{1}};
  if (name == "depth0") return Value{std::int64_t{0}};
  if (name == "previtem")
    return index0 == 0 ? Value{Undefined{"previtem"}} : items[loop.index0 - 1];
  if (name == "nextitem")
    return index0 + 1 == size ? Value{Undefined{"nextitem"}} : items[loop.index0 + 1];
  throw Problem{"'loop." + name + "' is not supported"};
}

// Bounds of a slice as Python's slice.indices() gives them.
struct Bounds {
  std::int64_t start;
  std::int64_t stop;
  std::int64_t step;
};

Bounds bounds_of(const Value& start, const Value& stop, const Value& step, std::int64_t size) {
  const auto given = [](const Value& value) {
    if (value.is_undefined()) throw Problem{"a slice's bound is undefined"};
    if (!value.is_none() && !value.is_integer())
      throw Problem{"a slice's bounds are whole numbers"};
    return !value.is_none();
  };
  const std::int64_t stride = given(step) ? step.integer() : 1;
  if (stride == 0) throw Problem{"a slice takes no step of zero"};
  const std::int64_t lowest = stride < 0 ? -1 : 0;
  const std::int64_t highest = stride < 0 ? size - 1 : size;
  const auto place = [&](const Value& bound, std::int64_t fallback) {
    if (!given(bound)) return fallback;
    std::int64_t at = bound.integer();
    if (at < 0) at = at < -size ? lowest : at + size;
    return std::clamp(at, lowest, highest);
  };
  return {place(start, stride < 0 ? highest : lowest), place(stop, stride < 0 ? lowest : highest),
          stride};
}

}  // namespace

Value arithmetic(Machine& machine, std::string_view sign, const Value& left, const Value& right) {
  if (left.is_markup() || right.is_markup())
    throw Problem{"text marked safe can't be used with '" + std::string{sign} + "'"};
  if (left.is_number() && right.is_number()) {
    if (left.is_integer() && right.is_integer() && sign != "/")
      return whole_arithmetic(sign, left.integer(), right.integer());
    return real_arithmetic(sign, left.number(), right.number());
  }
  if (sign == "+" && left.string() != nullptr && right.string() != nullptr)
    return machine.text(*left.string() + *right.string());
  if (sign == "+" && left.sequence() != nullptr && right.sequence() != nullptr &&
      left.sequence()->is_tuple == right.sequence()->is_tuple) {
    auto items = left.sequence()->items;
    items.insert(items.end(), right.sequence()->items.begin(), right.sequence()->items.end());
    return machine.list(std::move(items), left.sequence()->is_tuple);
  }
  const auto repeats = [](const Value& value) {
    return value.string() != nullptr || value.sequence() != nullptr;
  };
  if (sign == "*" && repeats(left) && right.is_integer())
    return repeated(machine, left, right.integer());
  if (sign == "*" && left.is_integer() && repeats(right))
    return repeated(machine, right, left.integer());
  if (sign == "%" && left.string() != nullptr)
    throw Problem{"formatting text with '%' is not supported"};
  refuse(sign, left, right);
}

bool is_less(const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) {
    if (left.is_integer() && right.is_integer()) return left.integer() < right.integer();
    return left.number() < right.number();
  }
  if (left.string() != nullptr && right.string() != nullptr)
    return *left.string() < *right.string();  // bytes of UTF-8 sort as code points do
  const bool lists = left.sequence() != nullptr && right.sequence() != nullptr &&
                     left.sequence()->is_tuple == right.sequence()->is_tuple;
  if (!lists) refuse("<", left, right);
  const auto& a = left.sequence()->items;
  const auto& b = right.sequence()->items;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (!are_equal(a[i], b[i])) return is_less(a[i], b[i]);
  return a.size() < b.size();
}

bool compares(Machine& machine, std::string_view sign, const Value& left, const Value& right) {
  machine.charge(std::min(weight_of(left), weight_of(right)));
  if (sign == "==") return are_equal(left, right);
  if (sign == "!=") return !are_equal(left, right);
  if (sign == "in") return contains(machine, right, left);
  if (sign == "not in") return !contains(machine, right, left);
  const bool has_nan = (left.get<double>() != nullptr && std::isnan(left.number())) ||
                       (right.get<double>() != nullptr && std::isnan(right.number()));
  if (has_nan) return false;
  if (sign == "<") return is_less(left, right);
  if (sign == ">") return is_less(right, left);
  if (sign == "<=") return !is_less(right, left);
  return !is_less(left, right);  // ">="
}

Value attribute_of(Machine& machine, const Value& value, const std::string& name) {
  machine.charge(1);
  if (const auto* undefined = value.get<Undefined>())
    throw Problem{"'" + undefined->name + "' is undefined, so it has no '" + name + "'"};
  if (name.starts_with('_')) return Value{Undefined{name}};  // out of bounds in the sandbox
  if (const auto* held = value.get<std::shared_ptr<Namespace>>()) {
    for (const auto& member : (*held)->members)
      if (member.first == name) return member.second;
    return Value{Undefined{name}};
  }
  if (has_method(value, name))
    return Value{std::make_shared<const Callable>(Callable{name, value, true, nullptr})};
  if (const auto* loop = value.get<std::shared_ptr<const Loop>>())
    return loop_attribute(**loop, name);
  if (const Dict* dict = value.dict()) {
    machine.charge(dict->members.size() / 8);
    if (const Value* found = dict->find(name)) return *found;
  }
  return Value{Undefined{name}};
}

Value item_of(Machine& machine, const Value& value, const Value& key) {
  machine.charge(1);
  if (const auto* undefined = value.get<Undefined>())
    throw Problem{"'" + undefined->name + "' is undefined, so it has no items"};
  if (const std::string* name = key.string()) {
    if (const Dict* dict = value.dict()) {
      machine.charge(dict->members.size() / 8);
      if (const Value* found = dict->find(*name)) return *found;
    }
    return attribute_of(machine, value, *name);
  }
  if (!key.is_integer()) return Value{Undefined{to_text(key)}};
  const auto at_place = [&](std::int64_t size) {
    return key.integer() < 0 ? key.integer() + size : key.integer();
  };
  if (const Sequence* sequence = value.sequence()) {
    const auto size = static_cast<std::int64_t>(sequence->items.size());
    const std::int64_t at = at_place(size);
    if (at >= 0 && at < size) return sequence->items[static_cast<std::size_t>(at)];
  } else if (const std::string* text = value.string()) {
    machine.charge_text(text->size());
    const auto code_points = utf8::code_points_of(*text);
    const auto size = static_cast<std::int64_t>(code_points.size());
    const std::int64_t at = at_place(size);
    if (at >= 0 && at < size) {
      std::string one;
      utf8::append(one, code_points[static_cast<std::size_t>(at)]);
      return Value{std::move(one)};
    }
  }
  return Value{Undefined{to_text(key)}};
}

Value slice_of(Machine& machine, const Value& value, const Value& start, const Value& stop,
               const Value& step) {
  if (const auto* undefined = value.get<Undefined>())
    throw Problem{"'" + undefined->name + "' is undefined, so it can't be sliced"};
  const bool is_text = value.string() != nullptr;
  if (!is_text && value.sequence() == nullptr) return Value{Undefined{"slice"}};
  std::vector<char32_t> code_points;
  if (is_text) {
    machine.charge_text(value.string()->size());
    code_points = utf8::code_points_of(*value.string());
  }
  const std::size_t size = is_text ? code_points.size() : value.sequence()->items.size();
  const Bounds bounds = bounds_of(start, stop, step, static_cast<std::int64_t>(size));
  std::string text;
  std::vector<Value> items;
  __int128 at = bounds.start;
  for (; bounds.step > 0 ? at < bounds.stop : at > bounds.stop; at += bounds.step) {
    const auto i = static_cast<std::size_t>(at);
    if (is_text)
      utf8::append(text, code_points[i]);
    else
      items.push_back(value.sequence()->items[i]);
  }
  if (is_text) return machine.text(std::move(text));
  return machine.list(std::move(items), value.sequence()->is_tuple);
}

}  // namespace flywheel::jinja
