// Filters on text and numbers, and the table of all filters.
#include "runtime/model/jinja_filters.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/model/jinja_text.hpp"
#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel::jinja {
namespace {

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

Value string(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  return machine.text(machine.show(value));
}

// Python's int() of text takes spaces around, a sign and underscores; of what it can't read, the
// default.
Value integer(Machine& machine, const Value& value, Arguments& arguments) {
  const auto other = arguments.take("default");
  arguments.finish();
  Value otherwise = other ? *other : Value{std::int64_t{0}};
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
  Value otherwise = other ? *other : Value{0.0};
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

Value safe(Machine& machine, const Value& value, Arguments& arguments) {
  arguments.finish();
  Value marked = machine.text(machine.show(value));
  marked.mark_safe();
  return marked;
}

const FilterTable& filters() {
  static const FilterTable table{
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
      {"string", string},
      {"int", integer},
      {"float", real},
      {"abs", absolute},
      {"reverse", reverse},
      {"indent", indent},
      {"safe", safe},
  };
  return table;
}

}  // namespace

bool is_filter(std::string_view name) {
  return filters().contains(name) || list_filters().contains(name);
}

Value apply_filter(Machine& machine, std::string_view name, const Value& operand,
                   Arguments&& arguments) {
  const FilterTable& table = filters().contains(name) ? filters() : list_filters();
  const auto found = table.find(name);
  if (found == table.end())
    throw Problem{"the filter '" + std::string{name} + "' is not supported"};
  const bool keeps_markup = name == "safe" || name == "length" || name == "default" || name == "d";
  if (operand.is_markup() && !keeps_markup)
    throw Problem{"text marked safe can't go through the filter '" + std::string{name} + "'"};
  machine.charge(1);
  return found->second(machine, operand, arguments);
}

}  // namespace flywheel::jinja
