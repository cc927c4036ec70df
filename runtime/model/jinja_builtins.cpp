// The budget, arguments and global functions.
#include "runtime/model/jinja_builtins.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "runtime/base/clock.hpp"
#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel::jinja {
namespace {

constexpr std::int64_t range_max = 100'000;  // as in Jinja's sandbox

constexpr std::array<std::string_view, 5> global_names{"range", "namespace", "dict",
                                                       "raise_exception", "strftime_now"};

Value range(Machine& machine, Arguments arguments) {
  const auto integer = [](const Value& value) {
    if (!value.is_integer()) throw Problem{"range() takes whole numbers"};
    return value.integer();
  };
  const Value first = arguments.require("start");
  const auto second = arguments.take("stop");
  const auto third = arguments.take("step");
  arguments.finish();
  const std::int64_t start = second ? integer(first) : 0;
  const std::int64_t stop = second ? integer(*second) : integer(first);
  const std::int64_t step = third ? integer(*third) : 1;
  if (step == 0) throw Problem{"range() takes no step of zero"};
  std::vector<Value> items;
  for (__int128 at = start; step > 0 ? at < stop : at > stop; at += step) {
    if (static_cast<std::int64_t>(items.size()) >= range_max)
      throw Problem{"range() of more than " + std::to_string(range_max) + " numbers"};
    items.emplace_back(static_cast<std::int64_t>(at));
  }
  return machine.list(std::move(items));
}

// namespace(a=1), namespace({'a': 1}), dict(...) likewise.
std::vector<std::pair<std::string, Value>> members_from(Arguments arguments) {
  std::vector<std::pair<std::string, Value>> members;
  if (arguments.positional.size() > 1) throw Problem{"one mapping at most is taken"};
  if (!arguments.positional.empty()) {
    const Dict* dict = arguments.positional.front().dict();
    if (dict == nullptr) throw Problem{"the positional argument is not a mapping"};
    members = dict->members;
  }
  for (auto& [name, value] : arguments.named) {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [&](const auto& member) { return member.first == name; });
    if (found == members.end())
      members.emplace_back(name, std::move(value));
    else
      found->second = std::move(value);
  }
  return members;
}

// The local time, as datetime.now().strftime() gives it.
std::string strftime_now(const std::string& format) {
  if (format.empty()) return "";
  const std::time_t now = WallTime::clock::to_time_t(system_clock().now());
  std::tm local{};
  localtime_r(&now, &local);
  std::string text(format.size() * 16 + 64, '\0');
  const std::size_t size = std::strftime(text.data(), text.size(), format.c_str(), &local);
  if (size == 0) throw Problem{"strftime_now can't format '" + format + "'"};
  text.resize(size);
  return text;
}

}  // namespace

// A namespace may hold itself, or a chain of others too long to destroy by recursion.
Machine::~Machine() {
  for (const auto& held : namespaces_) held->members.clear();
}

void Machine::charge(std::size_t units) {
  units_ += units;
  if (units_ > units_max) throw Problem{"rendering takes too much work or memory"};
}

Value Machine::text(std::string text) {
  charge_text(text.size());
  return Value{std::move(text)};
}

std::string Machine::show(const Value& value) {
  charge(weight_of(value));
  return to_text(value);
}

Value Machine::list(std::vector<Value> items, bool is_tuple) {
  charge(items.size() + 1);
  return make_list(std::move(items), is_tuple);
}

Value Machine::dict(std::vector<std::pair<std::string, Value>> members) {
  charge(members.size() + 1);
  return make_dict(std::move(members));
}

Value Machine::name_space(std::vector<std::pair<std::string, Value>> members) {
  charge(members.size() + 1);
  for (const auto& [name, value] : members)
    if (name.starts_with('_'))
      throw Problem{"a namespace can't hold '" + name + "': it starts with an underscore"};
  namespaces_.push_back(std::make_shared<Namespace>(Namespace{std::move(members)}));
  return Value{namespaces_.back()};
}

std::optional<Value> Arguments::take(std::string_view name) {
  if (taken_ < positional.size()) return positional[taken_++];
  const auto found = std::find_if(named.begin(), named.end(),
                                  [&](const auto& argument) { return argument.first == name; });
  if (found == named.end()) return std::nullopt;
  Value value = std::move(found->second);
  named.erase(found);
  return value;
}

Value Arguments::require(std::string_view name) {
  auto value = take(name);
  if (!value) throw Problem{"the argument '" + std::string{name} + "' is missing"};
  return std::move(*value);
}

std::string Arguments::text(std::string_view name) {
  const Value value = require(name);
  if (value.string() == nullptr)
    throw Problem{"the argument '" + std::string{name} + "' is a " + type_name(value) +
                  ", not a string"};
  return *value.string();
}

bool Arguments::flag(std::string_view name, bool fallback) {
  const auto value = take(name);
  return value ? is_true(*value) : fallback;
}

std::int64_t Arguments::integer(std::string_view name, std::int64_t fallback) {
  const auto value = take(name);
  if (!value) return fallback;
  if (!value->is_integer())
    throw Problem{"the argument '" + std::string{name} + "' is a " + type_name(*value) +
                  ", not a whole number"};
  return value->integer();
}

void Arguments::finish() const {
  if (taken_ < positional.size()) throw Problem{"too many arguments"};
  if (!named.empty()) throw Problem{"the argument '" + named.front().first + "' is not supported"};
}

std::optional<Value> global_named(std::string_view name) {
  if (std::find(global_names.begin(), global_names.end(), name) == global_names.end())
    return std::nullopt;
  return Value{std::make_shared<const Callable>(Callable{std::string{name}, {}, false, nullptr})};
}

Value call_global(Machine& machine, std::string_view name, Arguments arguments) {
  if (name == "range") return range(machine, std::move(arguments));
  if (name == "namespace") return machine.name_space(members_from(std::move(arguments)));
  if (name == "dict") return machine.dict(members_from(std::move(arguments)));
  if (name == "strftime_now") {
    const std::string format = arguments.text("format");
    arguments.finish();
    return machine.text(strftime_now(format));
  }
  const Value message = arguments.require("message");  // of raise_exception
  throw Problem{"the template refuses this conversation: " + to_text(message)};
}

std::vector<Value> items_of(Machine& machine, const Value& value) {
  std::vector<Value> items;
  if (value.is_undefined()) return items;
  if (const Sequence* sequence = value.sequence()) {
    items = sequence->items;
  } else if (const Dict* dict = value.dict()) {
    for (const auto& member : dict->members) items.emplace_back(member.first);
  } else if (const std::string* text = value.string()) {
    machine.charge(text->size());
    for (std::size_t at = 0; at < text->size(); at += utf8::size_at(*text, at))
      items.emplace_back(text->substr(at, utf8::size_at(*text, at)));
  } else {
    throw Problem{std::string{"a "} + type_name(value) + " can't be looped over"};
  }
  machine.charge(items.size());
  return items;
}

}  // namespace flywheel::jinja
