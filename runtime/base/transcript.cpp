#include "runtime/base/transcript.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace flywheel {

const char* to_string(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
    case Role::tool:
      return "tool";
  }
  return "unknown";
}

const char* to_string(PartKind kind) {
  switch (kind) {
    case PartKind::text:
      return "text";
    case PartKind::reasoning:
      return "reasoning";
    case PartKind::tool_call:
      return "tool_call";
    case PartKind::tool_result:
      return "tool_result";
    case PartKind::file:
      return "file";
  }
  return "unknown";
}

const char* to_string(TokenOrigin origin) {
  switch (origin) {
    case TokenOrigin::policy:
      return "policy";
    case TokenOrigin::chat_template:
      return "template";
    case TokenOrigin::user:
      return "user";
    case TokenOrigin::tool:
      return "tool";
  }
  return "unknown";
}

const char* to_string(RecordOrigin origin) {
  switch (origin) {
    case RecordOrigin::human:
      return "human";
    case RecordOrigin::simulated:
      return "simulated";
    case RecordOrigin::synthetic:
      return "synthetic";
  }
  return "unknown";
}

const char* to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::none:
      return "none";
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string text_of(const Turn& turn) {
  std::string text;
  for (const Part& part : turn.parts)
    if (part.kind == PartKind::text) text += part.text;
  return text;
}

std::vector<std::int32_t> path_to(const Transcript& transcript, std::int32_t leaf) {
  std::vector<std::int32_t> path;
  for (std::int32_t i = leaf; i != Turn::no_parent;) {
    FLYWHEEL_CHECK(i >= 0 && static_cast<std::size_t>(i) < transcript.turns.size());
    path.push_back(i);
    const std::int32_t parent = transcript.turns[static_cast<std::size_t>(i)].parent;
    FLYWHEEL_CHECK(parent < i);  // parents come first, so there is no cycle
    i = parent;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<Token> tokens_to(const Transcript& transcript, std::int32_t leaf) {
  std::vector<Token> tokens;
  for (const std::int32_t i : path_to(transcript, leaf))
    for (const Span& span : transcript.turns[static_cast<std::size_t>(i)].spans)
      tokens.insert(tokens.end(), span.tokens.begin(), span.tokens.end());
  return tokens;
}

}  // namespace flywheel
