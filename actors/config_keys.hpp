// The one table of an experiment spec's keys: name, unit, meaning, bounds and the field behind it.
// The loader, the writer and the help text all walk it, so none can know a key that another does
// not.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/config.hpp"

namespace flywheel {

// A field that holds one of a list of names; the value is the name's index.
struct NamedSlot {
  std::uint8_t* value = nullptr;
  std::span<const std::string_view> names{};
};

using KeySlot =
    std::variant<bool*, std::uint32_t*, std::uint64_t*, double*, std::string*, Json*, NamedSlot>;

enum class KeyUse : std::uint8_t {
  plain,
  path,        // a relative path is taken from the spec's folder
  model_path,  // the same, but a name of named_models() stays as it is
};

struct KeyBounds {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool above_least = false;  // `least` itself is refused
};

struct KeyRow {
  std::string_view path;
  std::string_view unit;
  std::string_view meaning;
  KeyBounds bounds;
  KeySlot (*slot)(ExperimentSpec&);
  KeyUse use = KeyUse::plain;
};

std::span<const KeyRow> key_rows();  // in the order in which a spec is written
const KeyRow* find_key_row(std::string_view path);

std::string type_text(const KeySlot& slot);
std::string bounds_text(const KeyBounds& bounds);
std::string value_text(const KeySlot& slot);  // as YAML on one line

// A row of the table of keys, for help and documentation.
struct SpecKey {
  std::string path{};  // for example "task.tasks_per_step"
  std::string type{};  // "whole number", "number", "text", "yes or no", a list of names, ...
  std::string unit{};
  std::string meaning{};
  std::string fallback{};  // the default as YAML
  std::string bounds{};    // for example "at least 1"; empty = any
};
std::vector<SpecKey> experiment_keys();
std::string experiment_keys_text();  // the table for a terminal
Json experiment_keys_json();         // {"keys": [{"path", "type", ...}, ...]}

}  // namespace flywheel
