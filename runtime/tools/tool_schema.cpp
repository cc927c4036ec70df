#include "runtime/tools/tool_schema.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace flywheel {
namespace {

constexpr std::array<std::string_view, 13> known_words = {"type",
                                                          "properties",
                                                          "required",
                                                          "items",
                                                          "enum",
                                                          "minimum",
                                                          "maximum",
                                                          "default",
                                                          "minLength",
                                                          "maxItems",
                                                          "maxLength",
                                                          "description",
                                                          "additionalProperties"};

bool is_of_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  return type == "boolean" && value.is_boolean();
}

// "argument 'code'", or "the arguments" at the top.
std::string name_of(const std::string& path) {
  return path.empty() ? std::string{"the arguments"} : "argument '" + path + "'";
}

tl::unexpected<Error> refuse(const std::string& path, const std::string& what) {
  return fail(Failure::invalid_input, name_of(path) + " " + what);
}

Result<> check_bounds(const Json& value, const Json& schema, const std::string& path) {
  if (value.is_number()) {
    const double number = value.get<double>();
    if (schema.contains("minimum") && number < schema["minimum"].get<double>())
      return refuse(path, "must be at least " + dump_json(schema["minimum"]));
    if (schema.contains("maximum") && number > schema["maximum"].get<double>())
      return refuse(path, "must be at most " + dump_json(schema["maximum"]));
  }
  if (value.is_string()) {
    const auto size = value.get_ref<const std::string&>().size();
    if (size < schema.value("minLength", std::size_t{0})) return refuse(path, "is empty");
    if (const auto most = schema.value("maxLength", std::size_t{0}); most > 0 && size > most)
      return refuse(path, fmt::format("has {} bytes, at most {} are taken", size, most));
  }
  if (value.is_array()) {
    const auto most = schema.value("maxItems", std::size_t{0});
    if (most > 0 && value.size() > most)
      return refuse(path, fmt::format("has {} items, at most {} are taken", value.size(), most));
  }
  return {};
}

Result<> check_value(const Json& value, const Json& schema, const std::string& path);

Result<> check_properties(const Json& value, const Json& schema, const std::string& path) {
  const Json properties = schema.value("properties", Json::object());
  const auto inner = [&](const std::string& name) {
    return path.empty() ? name : path + "." + name;
  };
  for (const auto& [name, property] : value.items()) {
    if (!properties.contains(name)) {
      std::string known;
      for (const auto& [other, ignored] : properties.items())
        known += (known.empty() ? "" : ", ") + other;
      return refuse(inner(name), "is not known; there are: " + (known.empty() ? "none" : known));
    }
    FLYWHEEL_TRY_VOID(check_value(property, properties.at(name), inner(name)));
  }
  for (const Json& name : schema.value("required", Json::array()))
    if (!value.contains(name.get<std::string>()))
      return refuse(inner(name.get<std::string>()), "is missing");
  return {};
}

Result<> check_value(const Json& value, const Json& schema, const std::string& path) {
  const std::string type = schema.value("type", "object");
  if (!is_of_type(value, type))
    return refuse(path,
                  fmt::format("must be {} {}, not {}",
                              type == "object" || type == "array" || type == "integer" ? "an" : "a",
                              type, value.type_name()));
  if (schema.contains("enum") &&
      std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
    return refuse(path, "must be one of " + dump_json(schema["enum"]));
  FLYWHEEL_TRY_VOID(check_bounds(value, schema, path));
  if (value.is_object()) return check_properties(value, schema, path);
  if (value.is_array() && schema.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i)
      FLYWHEEL_TRY_VOID(check_value(value[i], schema["items"], fmt::format("{}[{}]", path, i)));
  return {};
}

}  // namespace

Result<> check_arguments(const Json& arguments, const Json& schema) {
  return check_value(arguments, schema, "");
}

Result<> check_schema(const Json& schema) {
  for (const auto& [word, value] : schema.items())
    if (std::find(known_words.begin(), known_words.end(), word) == known_words.end())
      return fail(Failure::invalid_argument, "'" + word + "' is not of the schema subset");
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, property] : properties.items()) FLYWHEEL_TRY_VOID(check_schema(property));
  for (const Json& name : schema.value("required", Json::array()))
    if (!properties.contains(name.get<std::string>()))
      return fail(Failure::invalid_argument,
                  "required '" + name.get<std::string>() + "' is not a property");
  if (schema.contains("items")) FLYWHEEL_TRY_VOID(check_schema(schema["items"]));
  return {};
}

}  // namespace flywheel
