// JSON as nlohmann has it, with errors as Results.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "runtime/base/result.hpp"

namespace flywheel {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // keeps the order of insertion: for people's eyes

// Copying and writing JSON recurse once a level: what nests deeper is refused before it is parsed.
inline constexpr int json_depth_max = 256;
bool nests_too_deep(std::string_view text);

// `where` names the file or the body in the error.
Result<Json> parse_json(std::string_view text, std::string_view where);

// The field, or the error that names the field, what was expected and where.
template <class T>
Result<T> json_field(const Json& object, std::string_view name, std::string_view where) {
  const auto refuse = [&](std::string_view what) {
    return fail(Failure::invalid_input,
                std::string{where} + ": field '" + std::string{name} + "' " + std::string{what});
  };
  if (!object.is_object() || !object.contains(name)) return refuse("is missing");
  try {
    return object.at(std::string{name}).template get<T>();
  } catch (const nlohmann::json::exception&) {
    return refuse("has the wrong type");
  }
}

// Text for a reader that may meet bytes that are not UTF-8 (a model wrote them): they are replaced.
std::string dump_json(const Json& json, int indent = -1);

}  // namespace flywheel
