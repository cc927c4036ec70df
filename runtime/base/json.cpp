#include "runtime/base/json.hpp"

namespace flywheel {

bool nests_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char character = text[i];
    if (in_string) {
      if (character == '\\')
        ++i;
      else if (character == '"')
        in_string = false;
    } else if (character == '"') {
      in_string = true;
    } else if (character == '[' || character == '{') {
      if (++depth > json_depth_max) return true;
    } else if (character == ']' || character == '}') {
      --depth;
    }
  }
  return false;
}

Result<Json> parse_json(std::string_view text, std::string_view where) {
  if (nests_too_deep(text))
    return fail(Failure::invalid_input, std::string{where} +
                                            ": not JSON that can be used: it nests deeper than " +
                                            std::to_string(json_depth_max) + " levels");
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return fail(Failure::invalid_input, std::string{where} + ": not JSON: " + error.what());
  }
}

std::string dump_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace flywheel
