#include "runtime/model/jinja_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel::jinja {
namespace {

int depth_of(const Value& value) {
  if (value.sequence() != nullptr) return value.sequence()->depth;
  if (value.dict() != nullptr) return value.dict()->depth;
  if (const auto* callable = value.get<std::shared_ptr<const Callable>>())
    return depth_of((*callable)->receiver) + 1;
  if (const auto* loop = value.get<std::shared_ptr<const Loop>>())
    return depth_of((*loop)->items) + 1;
  return 0;
}

constexpr std::size_t weight_max = std::size_t{1} << 40;

int checked_depth(int deepest) {
  if (deepest >= depth_max)
    throw Problem{"values are nested more than " + std::to_string(depth_max) + " deep"};
  return deepest + 1;
}

// Python's repr of a float: the shortest digits that read back, in fixed notation from 1e-4 to
// 1e16.
std::string repr_of(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  std::array<char, 40> buffer{};
  const auto scientific = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                        std::chars_format::scientific);
  std::string text{buffer.data(), scientific.ptr};
  const std::size_t e = text.find('e');
  const int exponent = std::stoi(text.substr(e + 1));
  if (exponent < -4 || exponent >= 16) return text;
  std::array<char, 400> fixed{};
  const auto end =
      std::to_chars(fixed.data(), fixed.data() + fixed.size(), number, std::chars_format::fixed);
  std::string plain{fixed.data(), end.ptr};
  return plain.find('.') == plain.npos ? plain + ".0" : plain;
}

void append_hex(std::string& text, char32_t code_point) {
  std::array<char, 12> buffer{};
  const char* format = code_point < 0x100     ? "\\x%02x"
                       : code_point < 0x10000 ? "\\u%04x"
                                              : "\\U%08x";
  // NOLINTNEXTLINE: each format takes one unsigned number
  std::snprintf(buffer.data(), buffer.size(), format, static_cast<unsigned>(code_point));
  text += buffer.data();
}

std::string repr_of(const std::string& string) {
  const bool has_single = string.find('\'') != string.npos;
  const char quote = has_single && string.find('"') == string.npos ? '"' : '\'';
  std::string text{quote};
  for (const char32_t c : utf8::code_points_of(string)) {
    if (c == static_cast<char32_t>(quote) || c == U'\\') {
      text += '\\';
      text += static_cast<char>(c);
    } else if (c == U'\n') {
      text += "\\n";
    } else if (c == U'\r') {
      text += "\\r";
    } else if (c == U'\t') {
      text += "\\t";
    } else if (!utf8::is_printable(c)) {
      append_hex(text, c);
    } else {
      utf8::append(text, c);
    }
  }
  return text + quote;
}

std::string repr_of(const Sequence& sequence) {
  std::string text{sequence.is_tuple ? '(' : '['};
  for (const Value& item : sequence.items) {
    if (text.size() > 1) text += ", ";
    text += to_repr(item);
  }
  if (sequence.is_tuple) return text + (sequence.items.size() == 1 ? ",)" : ")");
  return text + ']';
}

std::string repr_of(const Dict& dict) {
  std::string text{'{'};
  for (const auto& [name, value] : dict.members) {
    if (text.size() > 1) text += ", ";
    text += repr_of(name) + ": " + to_repr(value);
  }
  return text + '}';
}

bool equal_dicts(const Dict& left, const Dict& right) {
  return left.members.size() == right.members.size() &&
         std::all_of(left.members.begin(), left.members.end(), [&](const auto& member) {
           const Value* other = right.find(member.first);
           return other != nullptr && are_equal(member.second, *other);
         });
}

}  // namespace

const std::string* Value::string() const {
  const auto* text = get<std::shared_ptr<const std::string>>();
  return text == nullptr ? nullptr : text->get();
}

const Sequence* Value::sequence() const {
  const auto* sequence = get<std::shared_ptr<const Sequence>>();
  return sequence == nullptr ? nullptr : sequence->get();
}

const Dict* Value::dict() const {
  const auto* dict = get<std::shared_ptr<const Dict>>();
  return dict == nullptr ? nullptr : dict->get();
}

std::int64_t Value::integer() const {
  if (const auto* boolean = get<bool>()) return *boolean ? 1 : 0;
  return *get<std::int64_t>();
}

double Value::number() const {
  return is_integer() ? static_cast<double>(integer()) : *get<double>();
}

const Value* Dict::find(std::string_view name) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const auto& member) { return member.first == name; });
  return found == members.end() ? nullptr : &found->second;
}

Value make_list(std::vector<Value> items, bool is_tuple) {
  Sequence made;
  int deepest = 0;
  for (const Value& item : items) {
    deepest = std::max(deepest, depth_of(item));
    made.weight = std::min(weight_max, made.weight + weight_of(item));
  }
  made.depth = checked_depth(deepest);
  made.items = std::move(items);
  made.is_tuple = is_tuple;
  return Value{std::make_shared<const Sequence>(std::move(made))};
}

Value make_dict(std::vector<std::pair<std::string, Value>> members) {
  Dict made;
  int deepest = 0;
  made.weight += members.size() * members.size() / 128;  // members are looked up one after another
  for (const auto& [name, value] : members) {
    deepest = std::max(deepest, depth_of(value));
    made.weight = std::min(weight_max, made.weight + weight_of(value) + name.size() / 16 + 1);
  }
  made.depth = checked_depth(deepest);
  made.members = std::move(members);
  return Value{std::make_shared<const Dict>(std::move(made))};
}

std::size_t weight_of(const Value& value) {
  if (value.string() != nullptr) return value.string()->size() / 16 + 1;
  if (value.sequence() != nullptr) return value.sequence()->weight;
  if (value.dict() != nullptr) return value.dict()->weight;
  return 1;
}

Value from_json(const OrderedJson& json) {
  switch (json.type()) {
    case OrderedJson::value_t::null:
      return Value{None{}};
    case OrderedJson::value_t::boolean:
      return Value{json.get<bool>()};
    case OrderedJson::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > std::uint64_t{INT64_MAX})
        throw Problem{"the number " + json.dump() + " is too large"};
      [[fallthrough]];
    case OrderedJson::value_t::number_integer:
      return Value{json.get<std::int64_t>()};
    case OrderedJson::value_t::number_float:
      return Value{json.get<double>()};
    case OrderedJson::value_t::string:
      return Value{utf8::replace_invalid(json.get_ref<const std::string&>())};
    case OrderedJson::value_t::array: {
      std::vector<Value> items;
      for (const auto& item : json) items.push_back(from_json(item));
      return make_list(std::move(items));
    }
    case OrderedJson::value_t::object: {
      std::vector<std::pair<std::string, Value>> members;
      for (const auto& [name, value] : json.items()) members.emplace_back(name, from_json(value));
      return make_dict(std::move(members));
    }
    default:
      throw Problem{"a value is neither text, number, list nor object"};
  }
}

bool is_true(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (value.is_number()) return value.number() != 0.0;
  if (value.string() != nullptr) return !value.string()->empty();
  if (value.sequence() != nullptr) return !value.sequence()->items.empty();
  if (value.dict() != nullptr) return !value.dict()->members.empty();
  return true;
}

bool are_equal(const Value& left, const Value& right) {
  if (left.is_integer() && right.is_integer()) return left.integer() == right.integer();
  if (left.is_number() && right.is_number()) return left.number() == right.number();
  if (left.is_undefined() || right.is_undefined())
    return left.is_undefined() && right.is_undefined();
  if (left.is_none() || right.is_none()) return left.is_none() && right.is_none();
  if (left.string() != nullptr && right.string() != nullptr)
    return *left.string() == *right.string();
  if (left.sequence() != nullptr && right.sequence() != nullptr) {
    const auto& a = *left.sequence();
    const auto& b = *right.sequence();
    return a.is_tuple == b.is_tuple &&
           std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), are_equal);
  }
  if (left.dict() != nullptr && right.dict() != nullptr)
    return equal_dicts(*left.dict(), *right.dict());
  const auto* one = left.get<std::shared_ptr<Namespace>>();
  const auto* other = right.get<std::shared_ptr<Namespace>>();
  return one != nullptr && other != nullptr && *one == *other;
}

const char* type_name(const Value& value) {
  if (value.is_undefined()) return "Undefined";
  if (value.is_none()) return "NoneType";
  if (value.get<bool>() != nullptr) return "bool";
  if (value.is_integer()) return "int";
  if (value.is_number()) return "float";
  if (value.string() != nullptr) return "str";
  if (value.sequence() != nullptr) return value.sequence()->is_tuple ? "tuple" : "list";
  if (value.dict() != nullptr) return "dict";
  if (value.get<std::shared_ptr<Namespace>>() != nullptr) return "namespace";
  if (value.get<std::shared_ptr<const Loop>>() != nullptr) return "loop";
  return "function";
}

std::string to_text(const Value& value) {
  if (value.string() != nullptr) return *value.string();
  if (value.is_undefined()) return "";
  return to_repr(value);
}

std::string to_repr(const Value& value) {
  if (value.is_undefined()) return "Undefined";
  if (value.is_none()) return "None";
  if (const auto* boolean = value.get<bool>()) return *boolean ? "True" : "False";
  if (value.is_integer()) return std::to_string(value.integer());
  if (value.is_number()) return repr_of(value.number());
  if (value.string() != nullptr) return repr_of(*value.string());
  if (value.sequence() != nullptr) return repr_of(*value.sequence());
  if (value.dict() != nullptr) return repr_of(*value.dict());
  throw Problem{std::string{"a "} + type_name(value) + " has no text"};
}

}  // namespace flywheel::jinja
