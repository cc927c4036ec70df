#include "actors/config_keys.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "runtime/base/check.hpp"

namespace flywheel {
namespace {

std::string number_text(double value) {
  std::array<char, 32> buffer{};
  const bool is_whole = std::abs(value) < 1e15 && std::trunc(value) == value;
  char* const last = buffer.data() + buffer.size();
  const auto end = is_whole
                       ? std::to_chars(buffer.data(), last, static_cast<std::int64_t>(value)).ptr
                       : std::to_chars(buffer.data(), last, value).ptr;  // reads back to the bit
  return {buffer.data(), end};
}

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace

std::string type_text(const KeySlot& slot) {
  return std::visit(Overloaded{[](bool*) -> std::string { return "true or false"; },
                               [](std::uint32_t*) -> std::string { return "whole number"; },
                               [](std::uint64_t*) -> std::string { return "whole number"; },
                               [](double*) -> std::string { return "number"; },
                               [](std::string*) -> std::string { return "text"; },
                               [](Json*) -> std::string { return "map"; },
                               [](const NamedSlot& slot_of_names) {
                                 std::string text = "one of ";
                                 for (const auto name : slot_of_names.names)
                                   text += (name == slot_of_names.names.front() ? "" : ", ") +
                                           std::string{name};
                                 return text;
                               }},
                    slot);
}

std::string bounds_text(const KeyBounds& bounds) {
  const bool has_least = std::isfinite(bounds.least), has_most = std::isfinite(bounds.most);
  std::string text;
  if (has_least) text = (bounds.above_least ? "above " : "at least ") + number_text(bounds.least);
  if (has_most) text += (has_least ? " and at most " : "at most ") + number_text(bounds.most);
  return text;
}

std::string value_text(const KeySlot& slot) {
  return std::visit(
      Overloaded{[](const bool* value) -> std::string { return *value ? "true" : "false"; },
                 [](const std::uint32_t* value) { return std::to_string(*value); },
                 [](const std::uint64_t* value) { return std::to_string(*value); },
                 [](const double* value) { return number_text(*value); },
                 [](const std::string* value) { return dump_json(Json(*value)); },
                 [](const Json* value) { return dump_json(*value); },
                 [](const NamedSlot& value) {
                   FLYWHEEL_CHECK(*value.value < value.names.size());
                   return std::string{value.names[*value.value]};
                 }},
      slot);
}

std::vector<SpecKey> experiment_keys() {
  ExperimentSpec defaults;
  std::vector<SpecKey> keys;
  for (const KeyRow& row : key_rows()) {
    const KeySlot slot = row.slot(defaults);
    keys.push_back({.path = std::string{row.path},
                    .type = type_text(slot),
                    .unit = std::string{row.unit},
                    .meaning = std::string{row.meaning},
                    .fallback = value_text(slot),
                    .bounds = bounds_text(row.bounds)});
  }
  return keys;
}

std::string experiment_keys_text() {
  std::string text;
  for (const SpecKey& key : experiment_keys()) {
    text += key.path + ": " + key.fallback + "\n    " + key.meaning + ".\n    " + key.type;
    if (!key.unit.empty()) text += ", in " + key.unit;
    if (!key.bounds.empty()) text += ", " + key.bounds;
    text += '\n';
  }
  return text;
}

Json experiment_keys_json() {
  Json keys = Json::array();
  for (const SpecKey& key : experiment_keys())
    keys.push_back({{"path", key.path},
                    {"type", key.type},
                    {"unit", key.unit},
                    {"meaning", key.meaning},
                    {"default", key.fallback},
                    {"bounds", key.bounds}});
  return Json{{"keys", std::move(keys)}};
}

}  // namespace flywheel
