#include "runtime/tools/tool_call.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "runtime/base/result.hpp"

namespace flywheel {
namespace {

constexpr std::string_view open_tag = "<tool_call>";
constexpr std::string_view close_tag = "</tool_call>";
constexpr std::string_view blanks = " \t\r\n";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool nests_deeper(std::string_view text, int depth_max) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_text && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      in_text = !in_text;
    else if (!in_text && (text[i] == '{' || text[i] == '[') && ++depth > depth_max)
      return true;
    else if (!in_text && (text[i] == '}' || text[i] == ']'))
      --depth;
  }
  return false;
}

// JSON in which no object names a key twice: the parser would keep one of them, which is a guess.
Result<Json> parse_strictly(std::string_view text) {
  if (nests_deeper(text, tool_call_depth_max))
    return fail(Failure::invalid_input,
                fmt::format("its JSON nests deeper than {} levels", tool_call_depth_max));
  std::vector<std::set<std::string>> keys;
  std::string twice;
  const auto watch = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
      twice = value.get<std::string>();
    return true;
  };
  try {
    Json json = Json::parse(text, watch);
    if (!twice.empty())
      return fail(Failure::invalid_input, fmt::format("it has the key '{}' twice", twice));
    return json;
  } catch (const Json::parse_error& error) {
    return fail(Failure::invalid_input,
                fmt::format("it is not JSON: unexpected text at byte {}", error.byte));
  } catch (const Json::exception&) {
    return fail(Failure::invalid_input, "it is not JSON: a number that can't be held");
  }
}

Result<ToolCall> call_from(const Json& json) {
  if (!json.is_object())
    return fail(Failure::invalid_input, "it must be an object with 'name' and 'arguments'");
  for (const auto& [key, value] : json.items())
    if (key != "name" && key != "arguments")
      return fail(Failure::invalid_input,
                  fmt::format("it has an unknown key '{}'; there are: name, arguments", key));
  ToolCall call;
  if (!json.contains("name")) return fail(Failure::invalid_input, "it has no 'name'");
  if (!json["name"].is_string()) return fail(Failure::invalid_input, "its 'name' is no text");
  if (!json.contains("arguments"))
    return fail(Failure::invalid_input, "it has no 'arguments'; without any they are {}");
  if (!json["arguments"].is_object())
    return fail(Failure::invalid_input, fmt::format("its 'arguments' must be an object, not {}",
                                                    json["arguments"].type_name()));
  call.name = json["name"].get<std::string>();
  if (call.name.empty() || call.name.size() > tool_name_bytes_max)
    return fail(Failure::invalid_input,
                fmt::format("its 'name' must have 1 to {} bytes", tool_name_bytes_max));
  call.arguments = json["arguments"];
  return call;
}

ToolCall broken_call(std::string error, std::string_view source) {
  ToolCall call;
  call.error = "the tool call can't be read: " + std::move(error);
  call.source = source.substr(0, tool_call_bytes_max);
  return call;
}

// The calls between two tags: one, or each of a list.
std::vector<ToolCall> calls_between(std::string_view source) {
  if (source.size() > tool_call_bytes_max)
    return {broken_call(
        fmt::format("it has {} bytes, at most {} are taken", source.size(), tool_call_bytes_max),
        source)};
  if (source.empty()) return {broken_call("there is nothing between its tags", source)};
  const auto json = parse_strictly(source);
  if (!json) return {broken_call(json.error().message, source)};
  if (json->is_array() && json->empty()) return {broken_call("its list is empty", source)};
  std::vector<ToolCall> calls;
  const Json list = json->is_array() ? *json : Json::array({*json});
  for (const Json& entry : list) {
    if (calls.size() > tool_calls_max) break;  // one past the bound shows that there are too many
    auto call = call_from(entry);
    const std::string text = json->is_array() ? dump_json(entry) : std::string{source};
    if (call) call->source = text;
    calls.push_back(call ? std::move(*call) : broken_call(call.error().message, text));
  }
  return calls;
}

}  // namespace

ParsedTurn parse_tool_calls(std::string_view turn, std::string_view id_prefix) {
  ParsedTurn parsed;
  std::string_view rest = turn;
  while (parsed.calls.size() <= tool_calls_max) {
    const auto open = rest.find(open_tag);
    if (open == std::string_view::npos) break;
    parsed.text += rest.substr(0, open);
    rest.remove_prefix(open + open_tag.size());
    const auto close = rest.find(close_tag);
    if (close == std::string_view::npos) {
      parsed.calls.push_back(broken_call("it is not closed by </tool_call>", trim(rest)));
      rest = {};
      break;
    }
    for (ToolCall& call : calls_between(trim(rest.substr(0, close))))
      parsed.calls.push_back(std::move(call));
    rest.remove_prefix(close + close_tag.size());
  }
  parsed.text += rest;
  if (!parsed.calls.empty()) parsed.text = trim(parsed.text);
  if (parsed.calls.size() > tool_calls_max) {
    parsed.calls.resize(tool_calls_max);
    for (ToolCall& call : parsed.calls)
      call.error = fmt::format("there are more than {} tool calls in one turn; none was run",
                               tool_calls_max);
  }
  for (std::size_t i = 0; i < parsed.calls.size(); ++i)
    parsed.calls[i].id = fmt::format("{}_{}", id_prefix, i);
  return parsed;
}

std::string tool_call_text(std::string_view name, const OrderedJson& arguments) {
  OrderedJson call;
  call["name"] = std::string{name};
  call["arguments"] = arguments;
  return fmt::format("{}\n{}\n{}", open_tag, call.dump(), close_tag);
}

}  // namespace flywheel
