// Methods of Python's str, dict, list and of the loop.
#include <algorithm>
#include <array>
#include <map>

#include "runtime/model/jinja_builtins.hpp"
#include "runtime/model/jinja_text.hpp"
#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel::jinja {
namespace {

using Method = Value (*)(Machine&, const Value&, Arguments&);

// Every name that Python finds on the type; what is not in the tables below can be asked for, not
// called.
constexpr std::array<std::string_view, 47> str_names{
    "capitalize",   "casefold",    "center",    "count",      "encode",       "endswith",
    "expandtabs",   "find",        "format",    "format_map", "index",        "isalnum",
    "isalpha",      "isascii",     "isdecimal", "isdigit",    "isidentifier", "islower",
    "isnumeric",    "isprintable", "isspace",   "istitle",    "isupper",      "join",
    "ljust",        "lower",       "lstrip",    "maketrans",  "partition",    "removeprefix",
    "removesuffix", "replace",     "rfind",     "rindex",     "rjust",        "rpartition",
    "rsplit",       "rstrip",      "split",     "splitlines", "startswith",   "strip",
    "swapcase",     "title",       "translate", "upper",      "zfill"};
constexpr std::array<std::string_view, 6> dict_names{"copy",  "fromkeys", "get",
                                                     "items", "keys",     "values"};
constexpr std::array<std::string_view, 3> list_names{"copy", "count", "index"};

std::optional<std::string> optional_text(Arguments& arguments, std::string_view name) {
  const auto value = arguments.take(name);
  if (!value || value->is_none()) return std::nullopt;
  if (value->string() == nullptr)
    throw Problem{"the argument '" + std::string{name} + "' is not a string"};
  return *value->string();
}

template <bool Left, bool Right>
Value strip(Machine& machine, const Value& self, Arguments& arguments) {
  const auto chars = optional_text(arguments, "chars");
  arguments.finish();
  return machine.text(stripped(*self.string(), chars, Left, Right));
}

template <bool FromRight>
Value split(Machine& machine, const Value& self, Arguments& arguments) {
  const auto separator = optional_text(arguments, "sep");
  const std::int64_t count_max = arguments.integer("maxsplit", -1);
  arguments.finish();
  if (separator && separator->empty()) throw Problem{"split() takes no empty separator"};
  std::vector<Value> items;
  for (std::string& part : split_text(*self.string(), separator, count_max, FromRight))
    items.push_back(machine.text(std::move(part)));
  return machine.list(std::move(items));
}

template <bool AtStart>
Value has_affix(Machine& machine, const Value& self, Arguments& arguments) {
  const Value affix = arguments.require("affix");
  arguments.finish();
  const auto fits = [&](const Value& one) {
    if (one.string() == nullptr) throw Problem{"startswith() and endswith() take strings"};
    machine.charge_text(one.string()->size());
    return AtStart ? self.string()->starts_with(*one.string())
                   : self.string()->ends_with(*one.string());
  };
  if (affix.sequence() == nullptr || !affix.sequence()->is_tuple) return Value{fits(affix)};
  const auto& items = affix.sequence()->items;
  return Value{std::any_of(items.begin(), items.end(), fits)};
}

template <bool AtStart>
Value without_affix(Machine& machine, const Value& self, Arguments& arguments) {
  const std::string affix = arguments.text("affix");
  arguments.finish();
  const std::string& text = *self.string();
  const bool fits = AtStart ? text.starts_with(affix) : text.ends_with(affix);
  if (!fits) return self;
  return machine.text(AtStart ? text.substr(affix.size())
                              : text.substr(0, text.size() - affix.size()));
}

template <std::string (*Change)(std::string_view)>
Value changed(Machine& machine, const Value& self, Arguments& arguments) {
  arguments.finish();
  return machine.text(Change(*self.string()));
}

Value splitlines(Machine& machine, const Value& self, Arguments& arguments) {
  const bool keep_ends = arguments.flag("keepends", false);
  arguments.finish();
  std::vector<Value> items;
  for (std::string& line : split_lines(*self.string(), keep_ends))
    items.push_back(machine.text(std::move(line)));
  return machine.list(std::move(items));
}

Value replace(Machine& machine, const Value& self, Arguments& arguments) {
  const std::string from = arguments.text("old");
  const std::string to = arguments.text("new");
  const std::int64_t count_max = arguments.integer("count", -1);
  arguments.finish();
  return replaced(machine, *self.string(), from, to, count_max);
}

// Places are counted in code points.
template <bool Last, bool MustBe>
Value find(Machine& machine, const Value& self, Arguments& arguments) {
  const std::string part = arguments.text("sub");
  arguments.finish();
  const std::string& text = *self.string();
  machine.charge_text(text.size());
  const std::size_t at = Last ? text.rfind(part) : text.find(part);
  if (at == text.npos && MustBe) throw Problem{"substring not found"};
  if (at == text.npos) return Value{std::int64_t{-1}};
  return Value{
      static_cast<std::int64_t>(utf8::count_code_points(std::string_view{text}.substr(0, at)))};
}

Value count(Machine& machine, const Value& self, Arguments& arguments) {
  const std::string part = arguments.text("sub");
  arguments.finish();
  const std::string& text = *self.string();
  machine.charge_text(text.size());
  std::int64_t found = 0;
  if (part.empty()) return Value{static_cast<std::int64_t>(utf8::count_code_points(text)) + 1};
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
    ++found;
  return Value{found};
}

Value join(Machine& machine, const Value& self, Arguments& arguments) {
  const Value items = arguments.require("iterable");
  arguments.finish();
  std::string text;
  bool is_first = true;
  for (const Value& item : items_of(machine, items)) {
    if (item.string() == nullptr)
      throw Problem{std::string{"join() takes strings, not a "} + type_name(item)};
    machine.charge_text(item.string()->size() + self.string()->size());
    if (!is_first) text += *self.string();
    text += *item.string();
    is_first = false;
  }
  return machine.text(std::move(text));
}

template <bool (*Fits)(char32_t)>
Value all_fit(Machine& machine, const Value& self, Arguments& arguments) {
  arguments.finish();
  machine.charge_text(self.string()->size());
  const auto code_points = utf8::code_points_of(*self.string());
  return Value{!code_points.empty() && std::all_of(code_points.begin(), code_points.end(), Fits)};
}

template <bool Lower>
Value is_cased(Machine& machine, const Value& self, Arguments& arguments) {
  arguments.finish();
  machine.charge_text(self.string()->size());
  return Value{has_case(*self.string(), Lower)};
}

Value get(Machine& machine, const Value& self, Arguments& arguments) {
  const Value key = arguments.require("key");
  const auto fallback = arguments.take("default");
  arguments.finish();
  machine.charge(self.dict()->members.size() / 8 + 1);
  const Value* found = key.string() == nullptr ? nullptr : self.dict()->find(*key.string());
  if (found != nullptr) return *found;
  return fallback ? *fallback : Value{None{}};
}

template <bool Keys, bool Values>
Value members(Machine& machine, const Value& self, Arguments& arguments) {
  arguments.finish();
  std::vector<Value> items;
  for (const auto& [name, value] : self.dict()->members) {
    machine.charge_text(name.size());
    if (Keys && Values)
      items.push_back(machine.list({Value{name}, value}, true));
    else
      items.push_back(Keys ? Value{name} : value);
  }
  return machine.list(std::move(items));
}

Value copy(Machine&, const Value& self, Arguments& arguments) {
  arguments.finish();
  return self;
}

template <bool Index>
Value look_up(Machine& machine, const Value& self, Arguments& arguments) {
  const Value wanted = arguments.require("value");
  arguments.finish();
  machine.charge(weight_of(self));
  const auto& items = self.sequence()->items;
  const auto fits = [&](const Value& item) { return are_equal(item, wanted); };
  if (!Index)
    return Value{static_cast<std::int64_t>(std::count_if(items.begin(), items.end(), fits))};
  const auto found = std::find_if(items.begin(), items.end(), fits);
  if (found == items.end()) throw Problem{"index(): the value is not in the list"};
  return Value{static_cast<std::int64_t>(found - items.begin())};
}

Value cycle(Machine&, const Value& self, Arguments& arguments) {
  const auto& loop = **self.get<std::shared_ptr<const Loop>>();
  if (arguments.positional.empty()) throw Problem{"loop.cycle() takes at least one value"};
  return arguments.positional[loop.index0 % arguments.positional.size()];
}

const std::map<std::string_view, Method> str_methods{
    {"strip", strip<true, true>},
    {"lstrip", strip<true, false>},
    {"rstrip", strip<false, true>},
    {"split", split<false>},
    {"rsplit", split<true>},
    {"splitlines", splitlines},
    {"startswith", has_affix<true>},
    {"endswith", has_affix<false>},
    {"removeprefix", without_affix<true>},
    {"removesuffix", without_affix<false>},
    {"upper", changed<upper>},
    {"lower", changed<lower>},
    {"title", changed<title>},
    {"capitalize", changed<capitalized>},
    {"replace", replace},
    {"find", find<false, false>},
    {"rfind", find<true, false>},
    {"index", find<false, true>},
    {"rindex", find<true, true>},
    {"count", count},
    {"join", join},
    {"isalpha", all_fit<utf8::is_letter>},
    {"isdecimal", all_fit<utf8::is_decimal_digit>},
    {"isspace", all_fit<utf8::is_python_space>},
    {"isupper", is_cased<false>},
    {"islower", is_cased<true>},
};
const std::map<std::string_view, Method> dict_methods{{"get", get},
                                                      {"items", members<true, true>},
                                                      {"keys", members<true, false>},
                                                      {"values", members<false, true>},
                                                      {"copy", copy}};
const std::map<std::string_view, Method> list_methods{
    {"index", look_up<true>}, {"count", look_up<false>}, {"copy", copy}};
const std::map<std::string_view, Method> loop_methods{{"cycle", cycle}};

const std::map<std::string_view, Method>* methods_of(const Value& value) {
  if (value.string() != nullptr) return &str_methods;
  if (value.dict() != nullptr) return &dict_methods;
  if (value.sequence() != nullptr) return &list_methods;
  if (value.get<std::shared_ptr<const Loop>>() != nullptr) return &loop_methods;
  return nullptr;
}

template <std::size_t Size>
bool is_among(const std::array<std::string_view, Size>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool is_method(std::string_view name) {
  return str_methods.contains(name) || dict_methods.contains(name) || list_methods.contains(name) ||
         loop_methods.contains(name);
}

bool has_method(const Value& value, std::string_view name) {
  if (value.string() != nullptr) return is_among(str_names, name);
  if (value.dict() != nullptr) return is_among(dict_names, name);
  if (value.sequence() != nullptr)
    return is_among(list_names, name) && !(value.sequence()->is_tuple && name == "copy");
  return value.get<std::shared_ptr<const Loop>>() != nullptr && name == "cycle";
}

Value call_method(Machine& machine, const Value& receiver, std::string_view name,
                  Arguments&& arguments) {
  if (receiver.is_markup()) throw Problem{"text marked safe has no supported methods"};
  for (const Value& argument : arguments.positional)
    if (argument.is_markup()) throw Problem{"text marked safe can't be an argument"};
  const auto* methods = methods_of(receiver);
  const auto found = methods == nullptr ? str_methods.end() : methods->find(name);
  if (methods == nullptr || found == methods->end())
    throw Problem{std::string{"the method '"} + std::string{name} + "' of a " +
                  type_name(receiver) + " is not supported"};
  machine.charge(1);
  return found->second(machine, receiver, arguments);
}

}  // namespace flywheel::jinja
