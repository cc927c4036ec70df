// Filters on the items of lists and mappings.
#include <algorithm>

#include "runtime/model/jinja_filters.hpp"
#include "runtime/model/jinja_text.hpp"

namespace flywheel::jinja {
namespace {

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
  items.reserve(keyed.size());
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
  items.reserve(keyed.size());
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
      const Value found = dotted(machine, item, attribute);
      out.push_back(found.is_undefined() && otherwise ? *otherwise : found);
    }
    return machine.list(std::move(out));
  }
  const std::string name = arguments.text("filter");
  Arguments rest;
  if (arguments.positional.size() > 1)
    rest.positional.assign(arguments.positional.begin() + 1, arguments.positional.end());
  rest.named = arguments.named;
  for (const Value& item : items_of(machine, value))
    out.push_back(apply_filter(machine, name, item, Arguments{rest}));
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

}  // namespace

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

const FilterTable& list_filters() {
  static const FilterTable table{
      {"first", end_item<false>},
      {"last", end_item<true>},
      {"list", list},
      {"sort", sort},
      {"dictsort", dictsort},
      {"unique", unique},
      {"items", members},
      {"sum", sum},
      {"min", extreme<false>},
      {"max", extreme<true>},
      {"map", map},
      {"select", chosen<true, false>},
      {"reject", chosen<false, false>},
      {"selectattr", chosen<true, true>},
      {"rejectattr", chosen<false, true>},
  };
  return table;
}

}  // namespace flywheel::jinja
