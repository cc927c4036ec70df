// Transcript is a conversation as a tree of turns: the one type that serves rollouts, chat,
// feedback, annotation and export.
//
//   Transcript ─▶ Turn (role, parent) ─▶ Part  (what a person sees: text, reasoning, tool call,
//   ...)
//                                    └─▶ Span  (what the model saw: tokens, who wrote them, loss
//                                    mask)
//
// Guarantees: a next turn extends the earlier tokens exactly, nothing is tokenised twice; only what
//             the policy sampled carries loss; a turn cut at the token limit is closed with masked
//             template tokens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/id.hpp"

namespace flywheel {

using PolicyVersion = std::uint64_t;
using Token = std::int32_t;

enum class Role : std::uint8_t { system = 0, user = 1, assistant = 2, tool = 3 };
enum class PartKind : std::uint8_t {
  text = 0,
  reasoning = 1,
  tool_call = 2,
  tool_result = 3,
  file = 4
};
enum class TokenOrigin : std::uint8_t { policy = 0, chat_template = 1, user = 2, tool = 3 };
enum class RecordOrigin : std::uint8_t { human = 0, simulated = 1, synthetic = 2 };
enum class FinishReason : std::uint8_t { none = 0, stop = 1, length = 2, cancelled = 3 };

struct Part {
  PartKind kind = PartKind::text;
  std::string text{};     // text, reasoning, a tool's output, or a call's arguments as JSON
  std::string name{};     // tool or file name, or the url that a text cites
  std::string call_id{};  // joins a tool result to its call
};

// Tokens of one author, one origin and one policy version, in order.
struct Span {
  TokenOrigin origin = TokenOrigin::chat_template;
  bool carries_loss = false;         // true only where origin is policy
  PolicyVersion policy_version = 0;  // the version that sampled them; 0 = base weights
  std::vector<Token> tokens{};
  std::vector<float>
      log_probabilities{};  // the sampler's, one a token; only where origin is policy
};

struct Turn {
  static constexpr std::int32_t no_parent = -1;

  TurnId id{};
  std::int32_t parent = no_parent;  // index into Transcript::turns
  Role role = Role::user;
  FinishReason finish = FinishReason::none;
  std::vector<Part> parts{};
  std::vector<Span> spans{};
};

struct Transcript {
  std::string owner{};  // a person's id, or the actor that made it
  RecordOrigin origin = RecordOrigin::simulated;
  bool consent = false;  // the owner allows training on it
  bool deleted = false;  // a tombstone: the parts and spans are gone
  std::vector<Turn> turns{};
};

const char* to_string(Role role);
const char* to_string(PartKind kind);
const char* to_string(TokenOrigin origin);
const char* to_string(RecordOrigin origin);
const char* to_string(FinishReason reason);

// The text parts of a turn, joined.
std::string text_of(const Turn& turn);

// Indices of the turns from the root to `leaf`.
std::vector<std::int32_t> path_to(const Transcript& transcript, std::int32_t leaf);

// All tokens from the root to `leaf`, in order: what the model has seen.
std::vector<Token> tokens_to(const Transcript& transcript, std::int32_t leaf);

}  // namespace flywheel
