// Tool calls as models write them, in the form of Hermes and Qwen, which SmolLM2 shares:
//
//   I will count them.
//   <tool_call>
//   {"name": "python", "arguments": {"code": "len('strawberry')"}}
//   </tool_call>
//
// One object between the tags, or (SmolLM2) a list of such objects.
//
// Guarantees: strict and bounded. What is not exactly that becomes an attempt with an error for the
//             model to read, never a guess at what was meant: bad JSON, a key twice, a missing or
//             an unknown key, arguments that are no object, a tag that is not closed, too many
//             calls.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/json.hpp"

namespace flywheel {

inline constexpr std::size_t tool_calls_max = 8;               // in one turn of the model
inline constexpr std::size_t tool_call_bytes_max = 16 * 1024;  // between two tags
inline constexpr std::size_t tool_name_bytes_max = 64;
inline constexpr int tool_call_depth_max = 32;

struct ToolCall {
  std::string id{};  // joins the result to the call
  std::string name{};
  Json arguments = Json::object();
  std::string error{};   // not empty: it can't be run, and this says why
  std::string source{};  // what the model wrote between the tags
};

struct ParsedTurn {
  std::string text{};  // the words outside the tags
  std::vector<ToolCall> calls{};
};

// `id_prefix` makes the calls' ids: "call_3" gives "call_3_0", "call_3_1"...
ParsedTurn parse_tool_calls(std::string_view turn, std::string_view id_prefix);

// A call as the model would write it: the inverse of parse_tool_calls.
std::string tool_call_text(std::string_view name, const OrderedJson& arguments);

}  // namespace flywheel
