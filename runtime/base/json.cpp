#include "runtime/base/json.hpp"

namespace flywheel {

Result<Json> parse_json(std::string_view text, std::string_view where) {
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
