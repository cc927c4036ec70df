// Filters: `value | name(...)`.
#include <algorithm>
#include <cmath>
#include <map>

#include "runtime/model/jinja_builtins.hpp"
#include "runtime/model/jinja_text.hpp"
#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel::jinja {
namespace {

using Filter = Value (*)(Machine&, const Value&, Arguments&);

Value trim(Machine& machine, const Value& value, Arguments& arguments) {
  const auto chars = arguments.take("chars");
  arguments.finish();
  std::optional<std::string> set;
  if (chars && !chars->is_none()) set = to_text(*chars);
  return machine.text(stripped(machine.show(value), set, true, true));
}

Value tojson(Machine& machine, const Value& value, Arguments& arguments) {
  return machine.text(to_json(machine, value, std::move(arguments)));
}

Value length(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  const auto counted = [](std::size_t size) { return Value{static_cast<std::int64_t>(size)}; };
  if (value.is_undefined()) return counted(0);
  if (value.sequence() != nullptr) return counted(value.sequence()->items.size());
  if (value.dict() != nullptr) return counted(value.dict()->members.size());
  if (value.string() == nullptr)
    throw Problem{std::string{"a "} + type_name(value) + " has no length"};
  machine.charge_text(value.string()->size());
  return counted(utf8::count_code_points(*value.string()));
}

Value fallback(Machine&, const Value& value, Arguments& arguments) {
  const auto other = arguments.take("default_value");
  const bool for_false = arguments.flag("boolean", false);
  arguments.finish();
  if (!value.is_undefined() && (!for_false || is_true(value))) return value;
  return other ? *other : Value{""};
}

template <std::string (*Change)(std::string_view)>
Value changed(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  return machine.text(Change(machine.show(value)));
}

// Words start after white space, hyphens and opening brackets; str.title() knows other starts.
Value title_words(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  const std::string text = machine.show(value);
  std::string changed_text;
  bool after_separator = true;
  for (std::size_t at = 0; at < text.size(); at += utf8::size_at(text, at)) {
    const auto one = std::string_view{text}.substr(at, utf8::size_at(text, at));
    const bool is_separator = std::string_view{"-({[<"}.find(one) != std::string_view::npos ||
                              utf8::is_python_space(utf8::code_point_at(text, at));
    changed_text += after_separator ? upper(one) : lower(one);
    after_separator = is_separator;
  }
  return machine.text(std::move(changed_text));
}

// "a.b.0" of each item, as map(attribute=...) and its like read it.
Value dotted(Machine& machine, Value value, const Value& path) {
  if (path.is_integer()) return item_of(machine, value, path);
  for (const std::string& part : split_text(to_text(path), ".", -1, false)) {
    const bool is_number =
        !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == part.npos;
    value = item_of(machine, value,
                    is_number ? Value{static_cast<std::int64_t>(std::stoll(part))} : Value{part});
  }
  return value;
}

Value join(Machine& machine, const Value& value, Arguments& arguments) {
  const auto separator = arguments.take("d");
  const auto attribute = arguments.take("attribute");
  arguments.finish();
  const std::string between = separator ? to_text(*separator) : "";
  std::string text;
  bool is_first = true;
  for (const Value& item : items_of(machine, value)) {
    if (item.is_markup()) throw Problem{"text marked safe can't be joined"};
    const std::string part = machine.show(attribute ? dotted(machine, item, *attribute) : item);
    machine.charge_text(between.size() + part.size());
    if (!is_first) text += between;
    text += part;
    is_first = false;
  }
  return machine.text(std::move(text));
}

Value replace(Machine& machine, const Value& value, Arguments& arguments) {
  const std::string from = to_text(arguments.require("old"));
  const std::string to = to_text(arguments.require("new"));
  const auto count = arguments.take("count");
  arguments.finish();
  const bool bounded = count && !count->is_none();
  if (bounded && !count->is_integer()) throw Problem{"replace() counts in whole numbers"};
  return replaced(machine, machine.show(value), from, to, bounded ? count->integer() : -1);
}

template <bool Last>
Value end_item(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  const auto items = items_of(machine, value);
  if (items.empty()) return Value{Undefined{Last ? "last item" : "first item"}};
  return Last ? items.back() : items.front();
}

Value list(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  return machine.list(items_of(machine, value));
}

Value string(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  return machine.text(machine.show(value));
}

// Python's int() of text takes spaces around, a sign and underscores; of what it can't read, the
// default.
Value integer(Machine& machine, const Value& value, Arguments& arguments) {
  const auto other = arguments.take("default");
  arguments.finish();
  const Value otherwise = other ? *other : Value{std::int64_t{0}};
  if (value.is_undefined()) throw Problem{"'" + value.get<Undefined>()->name + "' is undefined"};
  if (value.is_integer()) return Value{value.integer()};
  double number = 0.0;
  if (value.is_number()) {
    number = value.number();
  } else if (value.string() != nullptr) {
    const std::string text = stripped(machine.show(value), std::nullopt, true, true);
    const bool is_whole = !text.empty() && text.size() < 19 &&
                          text.find_first_not_of("0123456789", text[0] == '-') == text.npos &&
                          text != "-";
    if (is_whole) return Value{static_cast<std::int64_t>(std::stoll(text))};
    if (text.find_first_not_of("0123456789+-.eE") != text.npos || text.empty()) return otherwise;
    char* end = nullptr;
    number = std::strtod(text.c_str(), &end);
    if (*end != '\0') return otherwise;
  } else {
    return otherwise;
  }
  if (!(std::abs(number) < 9e18)) return otherwise;
  return Value{static_cast<std::int64_t>(number)};
}

Value real(Machine& machine, const Value& value, Arguments& arguments) {
  const auto other = arguments.take("default");
  arguments.finish();
  if (value.is_undefined()) throw Problem{"'" + value.get<Undefined>()->name + "' is undefined"};
  if (value.is_number()) return Value{value.number()};
  const Value otherwise = other ? *other : Value{0.0};
  if (value.string() == nullptr) return otherwise;
  const std::string text = stripped(machine.show(value), std::nullopt, true, true);
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != text.npos) return otherwise;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  return *end == '\0' ? Value{number} : otherwise;
}

Value absolute(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  if (!value.is_number()) throw Problem{std::string{"abs of a "} + type_name(value)};
  if (!value.is_integer()) return Value{std::abs(value.number())};
  return value.integer() < 0 ? arithmetic(machine, "-", Value{std::int64_t{0}}, value) : value;
}

Value reverse(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  if (value.string() != nullptr) {
    const Value none{None{}};
    return slice_of(machine, value, none, none, Value{std::int64_t{-1}});
  }
  auto items = items_of(machine, value);
  std::reverse(items.begin(), items.end());
  return machine.list(std::move(items));
}

// What sort() and its like compare by: text without case unless asked for.
Value sort_key(Machine& machine, const Value& value, bool case_sensitive) {
  return value.string() != nullptr && !case_sensitive ? machine.text(lower(*value.string()))
                                                      : value;
}

void sort_by_keys(Machine& machine, std::vector<std::pair<Value, Value>>& keyed, bool reversed) {
  std::size_t weight = 1;
  for (const auto& [key, item] : keyed) weight += weight_of(key);
  machine.charge(weight * 20);
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reversed ? is_less(b.first, a.first) : is_less(a.first, b.first);
  });
}

Value sort(Machine& machine, const Value& value, Arguments& arguments) {
  const bool reversed = arguments.flag("reverse", false);
  const bool case_sensitive = arguments.flag("case_sensitive", false);
  const auto attribute = arguments.take("attribute");
  arguments.finish();
  std::vector<std::pair<Value, Value>> keyed;
  for (Value& item : items_of(machine, value)) {
    const Value key = attribute ? dotted(machine, item, *attribute) : item;
    keyed.emplace_back(sort_key(machine, key, case_sensitive), std::move(item));
  }
  sort_by_keys(machine, keyed, reversed);
  std::vector<Value> items;
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return machine.list(std::move(items));
}

Value dictsort(Machine& machine, const Value& value, Arguments& arguments) {
  const bool case_sensitive = arguments.flag("case_sensitive", false);
  const auto by = arguments.take("by");
  const bool reversed = arguments.flag("reverse", false);
  arguments.finish();
  if (value.dict() == nullptr) throw Problem{"dictsort takes a mapping"};
  const bool by_value = by && to_text(*by) == "value";
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& [name, member] : value.dict()->members) {
    Value key = sort_key(machine, by_value ? member : Value{name}, case_sensitive);
    keyed.emplace_back(std::move(key), machine.list({Value{name}, member}, true));
  }
  sort_by_keys(machine, keyed, reversed);
  std::vector<Value> items;
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return machine.list(std::move(items));
}

Value unique(Machine& machine, const Value& value, Arguments& arguments) {
  const bool case_sensitive = arguments.flag("case_sensitive", false);
  const auto attribute = arguments.take("attribute");
  arguments.finish();
  std::vector<Value> keys;
  std::vector<Value> items;
  for (const Value& item : items_of(machine, value)) {
    const Value plain = attribute ? dotted(machine, item, *attribute) : item;
    Value key = sort_key(machine, plain, case_sensitive);
    machine.charge(keys.size() * weight_of(key));
    if (std::any_of(keys.begin(), keys.end(),
                    [&](const Value& other) { return are_equal(other, key); }))
      continue;
    keys.push_back(std::move(key));
    items.push_back(item);
  }
  return machine.list(std::move(items));
}

Value members(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  if (value.is_undefined()) return machine.list({});
  if (value.dict() == nullptr) throw Problem{"items takes a mapping"};
  return call_method(machine, value, "items", {});
}

Value sum(Machine& machine, const Value& value, Arguments& arguments) {
  const auto attribute = arguments.take("attribute");
  const auto start = arguments.take("start");
  arguments.finish();
  Value total = start ? *start : Value{std::int64_t{0}};
  for (const Value& item : items_of(machine, value)) {
    const Value addend =
        attribute && !attribute->is_none() ? dotted(machine, item, *attribute) : item;
    total = arithmetic(machine, "+", total, addend);
  }
  return total;
}

template <bool Greatest>
Value extreme(Machine& machine, const Value& value, Arguments& arguments) {
  const bool case_sensitive = arguments.flag("case_sensitive", false);
  const auto attribute = arguments.take("attribute");
  arguments.finish();
  std::optional<std::pair<Value, Value>> best;
  for (const Value& item : items_of(machine, value)) {
    const Value plain = attribute ? dotted(machine, item, *attribute) : item;
    Value key = sort_key(machine, plain, case_sensitive);
    machine.charge(weight_of(key));
    const bool is_better =
        !best || (Greatest ? is_less(best->first, key) : is_less(key, best->first));
    if (is_better) best = {std::move(key), item};
  }
  return best ? best->second : Value{Undefined{"an extreme of nothing"}};
}

// Python's str.indent of Jinja: every line but the first, and blank ones only if asked for.
Value indent(Machine& machine, const Value& value, Arguments& arguments) {
  const auto width = arguments.take("width");
  const bool first = arguments.flag("first", false);
  const bool blank = arguments.flag("blank", false);
  arguments.finish();
  std::string margin(4, ' ');
  if (width && width->string() != nullptr) {
    margin = *width->string();
  } else if (width) {
    if (!width->is_integer() || width->integer() > 1000)
      throw Problem{"indent takes a width of at most 1000 or a string"};
    margin.assign(static_cast<std::size_t>(std::max<std::int64_t>(width->integer(), 0)), ' ');
  }
  const std::string text = machine.show(value) + "\n";  // so that a last empty line counts
  std::string out = first ? margin : "";
  bool is_first = true;
  for (const std::string& line : split_lines(text, false)) {
    machine.charge_text(margin.size() + line.size());
    if (!is_first) {
      out += '\n';
      if (blank || !line.empty()) out += margin;
    }
    out += line;
    is_first = false;
  }
  return machine.text(std::move(out));
}

// map('filter', ...) and map(attribute='name', default=...).
Value map(Machine& machine, const Value& value, Arguments& arguments) {
  std::vector<Value> out;
  const bool by_attribute =
      arguments.positional.empty() && !arguments.named.empty() &&
      std::any_of(arguments.named.begin(), arguments.named.end(),
                  [](const auto& argument) { return argument.first == "attribute"; });
  if (by_attribute) {
    const Value attribute = arguments.require("attribute");
    const auto otherwise = arguments.take("default");
    arguments.finish();
    for (const Value& item : items_of(machine, value)) {
      Value found = dotted(machine, item, attribute);
      out.push_back(found.is_undefined() && otherwise ? *otherwise : std::move(found));
    }
    return machine.list(std::move(out));
  }
  const std::string name = arguments.text("filter");
  Arguments rest;
  if (arguments.positional.size() > 1)
    rest.positional.assign(arguments.positional.begin() + 1, arguments.positional.end());
  rest.named = arguments.named;
  for (const Value& item : items_of(machine, value))
    out.push_back(apply_filter(machine, name, item, rest));
  return machine.list(std::move(out));
}

// select, reject and, with the name of an attribute in front, selectattr and rejectattr.
template <bool Keep, bool ByAttribute>
Value chosen(Machine& machine, const Value& value, Arguments& arguments) {
  std::optional<Value> attribute;
  if (ByAttribute) attribute = arguments.require("attribute");
  const auto test = arguments.take("test");
  const std::ptrdiff_t used = (ByAttribute ? 1 : 0) + (test ? 1 : 0);
  Arguments rest;
  if (std::ssize(arguments.positional) > used)
    rest.positional.assign(arguments.positional.begin() + used, arguments.positional.end());
  rest.named = arguments.named;
  std::vector<Value> out;
  for (const Value& item : items_of(machine, value)) {
    const Value tested = attribute ? dotted(machine, item, *attribute) : item;
    const bool fits = test ? apply_test(machine, to_text(*test), tested, rest) : is_true(tested);
    if (fits == Keep) out.push_back(item);
  }
  return machine.list(std::move(out));
}

Value safe(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  Value marked = machine.text(machine.show(value));
  marked.mark_safe();
  return marked;
}

const std::map<std::string_view, Filter>& filters() {
  static const std::map<std::string_view, Filter> table{
      {"trim", trim},
      {"tojson", tojson},
      {"length", length},
      {"count", length},
      {"default", fallback},
      {"d", fallback},
      {"upper", changed<upper>},
      {"lower", changed<lower>},
      {"title", title_words},
      {"capitalize", changed<capitalized>},
      {"join", join},
      {"replace", replace},
      {"first", end_item<false>},
      {"last", end_item<true>},
      {"list", list},
      {"string", string},
      {"int", integer},
      {"float", real},
      {"abs", absolute},
      {"reverse", reverse},
      {"sort", sort},
      {"dictsort", dictsort},
      {"unique", unique},
      {"items", members},
      {"sum", sum},
      {"min", extreme<false>},
      {"max", extreme<true>},
      {"indent", indent},
      {"map", map},
      {"select", chosen<true, false>},
      {"reject", chosen<false, false>},
      {"selectattr", chosen<true, true>},
      {"rejectattr", chosen<false, true>},
      {"safe", safe},
  };
  return table;
}

}  // namespace

bool is_filter(std::string_view name) {
  return filters().contains(name);
}

Value apply_filter(Machine& machine, std::string_view name, const Value& operand,
                   Arguments arguments) {
  const auto found = filters().find(name);
  if (found == filters().end())
    throw Problem{"the filter '" + std::string{name} + "' is not supported"};
  const bool keeps_markup = name == "safe" || name == "length" || name == "default" || name == "d";
  if (operand.is_markup() && !keeps_markup)
    throw Problem{"text marked safe can't go through the filter '" + std::string{name} + "'"};
  machine.charge(1);
  return found->second(machine, operand, arguments);
}

}  // namespace flywheel::jinja
