#include "actors/simulated_user.hpp"

#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "runtime/base/random.hpp"
#include "runtime/system/caf_failure.hpp"
#include "runtime/system/request.hpp"
#include "runtime/tools/shown_pages.hpp"
#include "runtime/tools/tool_parts.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr auto generate_deadline = 10min;  // a turn waits for a place in the batch, too
constexpr auto grade_deadline = 3min;      // code graders wait for a worker, then for a sandbox
constexpr auto tools_deadline = 10min;     // calls wait for a worker, too
constexpr auto store_deadline = 2min;
constexpr int grade_attempts_max = 3;

struct State {
  static inline const char* name = "simulated_user";

  RunContextPtr context;
  ConversationConfig config;
  std::uint32_t tokens_sampled = 0;
  std::uint64_t turn_number = 0;  // assistant turns so far
  TaskSetting setting{};
  OrderedJson tool_schemas = OrderedJson::array();
  std::uint32_t calls_run = 0;  // since the user's last words
  ShownPages shown_pages{};     // what the model may cite
  bool has_used_tools = false;  // the tool host has a session of this conversation
  int grade_attempts = 0;
  bool was_discarded = false;

  Transcript& transcript() { return config.rollout.transcript; }
  Turn& add_turn(Role role);
  std::optional<Generate> next_request() const;
  std::vector<ToolCall> append_answer(const Generation& generation);
  Result<> append_tool_turn(const std::vector<ToolCall>& calls,
                            const std::vector<ToolResult>& results);
  Result<> prepare_setting();
  Result<std::vector<Span>> user_spans(const std::string& text) const;
};

// Of a turn of the model's, whose spans are all its own so far; -1 where it sampled nothing.
Token last_sampled(const Turn& turn) {
  return turn.spans.empty() ? -1 : turn.spans.back().tokens.back();
}

Turn& State::add_turn(Role role) {
  auto& turns = transcript().turns;
  Turn turn;
  turn.id = derive_id<TurnId>(config.rollout.id, turns.size());
  turn.parent = static_cast<std::int32_t>(turns.size()) - 1;
  turn.role = role;
  return turns.emplace_back(std::move(turn));
}

// What to have sampled next; nothing where the conversation has filled the context.
std::optional<Generate> State::next_request() const {
  const auto& rollout = config.rollout;
  Generate generate;
  auto& request = generate.request;
  request.sampling = config.sampling;
  request.prompt =
      tokens_to(rollout.transcript, static_cast<std::int32_t>(rollout.transcript.turns.size()) - 1);
  request.key = derive_key({config.seed, rollout.task.id.high, rollout.task.id.low,
                            rollout.group_index, rollout.sample_index, turn_number});
  if (request.prompt.size() + request.sampling.tokens_max > context->spec.model.context_length)
    return std::nullopt;
  return generate;
}

// What the task needs around it; its tools' schemas, and the system text that states them where the
// chat template does not.
Result<> State::prepare_setting() {
  FLYWHEEL_TRY(setting, context->family->setting(config.rollout.task));
  if (setting.tools.empty()) return {};
  if (!context->toolbox || !config.tools)
    return fail(Failure::unavailable, "the task has tools and the run has none");
  if (!setting.states_tools) return {};
  FLYWHEEL_TRY(auto schemas, context->toolbox->schemas(setting.tools));
  FLYWHEEL_TRY(const bool is_placed, context->turn_tokens->places_tools(schemas));
  if (is_placed)
    tool_schemas = std::move(schemas);
  else
    setting.system = tools_system_text(setting.system, schemas);
  return {};
}

Result<std::vector<Span>> State::user_spans(const std::string& text) const {
  const auto& turns = config.rollout.transcript.turns;
  return turns.empty() ? context->turn_tokens->opening(setting.system, text, tool_schemas)
                       : context->turn_tokens->continuation(last_sampled(turns.back()), text);
}

// The model's turn with its parts; the tool calls in it, to be run.
std::vector<ToolCall> State::append_answer(const Generation& generation) {
  Turn& turn = add_turn(Role::assistant);
  turn.finish = generation.finish;
  std::size_t at = 0;
  for (const auto& [version, count] : generation.versions) {
    Span span{.origin = TokenOrigin::policy, .carries_loss = true, .policy_version = version};
    const auto tokens = generation.tokens.begin() + static_cast<std::ptrdiff_t>(at);
    const auto log_probabilities =
        generation.log_probabilities.begin() + static_cast<std::ptrdiff_t>(at);
    span.tokens.assign(tokens, tokens + count);
    span.log_probabilities.assign(log_probabilities, log_probabilities + count);
    turn.spans.push_back(std::move(span));
    at += count;
  }
  tokens_sampled += static_cast<std::uint32_t>(generation.tokens.size());
  ++turn_number;
  const std::string text = context->turn_tokens->text_of(generation.tokens);
  if (setting.tools.empty()) {
    turn.parts.push_back({.text = text});
    return {};
  }
  auto parsed = parse_tool_calls(text, "call_" + std::to_string(turn_number));
  add_answer_parts(turn.parts, parsed.text, *context->toolbox, shown_pages);
  add_call_parts(turn.parts, parsed.calls);
  return std::move(parsed.calls);
}

Result<> State::append_tool_turn(const std::vector<ToolCall>& calls,
                                 const std::vector<ToolResult>& results) {
  std::vector<std::string> texts;
  texts.reserve(results.size());
  for (const ToolResult& result : results) texts.push_back(result.text);
  const Token last = last_sampled(transcript().turns.back());
  FLYWHEEL_TRY(auto spans, context->turn_tokens->tool_continuation(last, texts));
  Turn& turn = add_turn(Role::tool);
  turn.spans = std::move(spans);
  add_result_parts(turn.parts, calls, results);
  for (const ToolResult& result : results) shown_pages.add(result);
  return {};
}

using Self = SimulatedUser::stateful_pointer<State>;

void end(Self self, const std::string& failure);
void take_turn(Self self);
void sample(Self self);
void run_tools(Self self, const std::vector<ToolCall>& calls);
void grade(Self self);

std::string label(Self self) {
  return "rollout " + std::to_string(self->state.config.rollout.index);
}

void end_tool_session(Self self) {
  const auto& state = self->state;
  if (state.has_used_tools)
    self->send(*state.config.tools, EndToolSession{state.config.rollout.id});
}

void end(Self self, const std::string& failure) {
  auto& state = self->state;
  ConversationEnded ended{.index = state.config.rollout.index,
                          .failure = failure,
                          .was_discarded = state.was_discarded,
                          .tokens_sampled = state.tokens_sampled};
  end_tool_session(self);
  if (!state.config.ledger) ended.rollout = std::move(state.config.rollout);
  self->send(state.config.observer, std::move(ended));
  self->quit();
}

auto end_on_error(Self self, const char* doing) {
  return [self, doing](const Error& error) {
    end(self, label(self) + ", " + doing + ": " + to_string(error));
  };
}

// A change of the rollout's state; `next` runs once it is durable, or at once without a ledger.
template <class Change, class Next>
void record(Self self, const char* what, Change change, Next next) {
  auto& state = self->state;
  if (!state.config.ledger) return next();
  ask<Stored>(
      self, *state.context->waits, *state.config.ledger,
      {label(self) + ": its " + what + " stored", "Ledger: a synced write", store_deadline},
      std::move(change), [next](Stored&) { next(); }, end_on_error(self, "storing"));
}

void discard(Self self, const std::string& reason) {
  self->state.was_discarded = true;
  record(self, "discarding", DiscardRollouts{{self->state.config.rollout.id}, reason},
         [self] { end(self, {}); });
}

void on_verdict(Self self, Verdict verdict) {
  auto& state = self->state;
  if (verdict.status == VerdictStatus::infra_error) {
    if (state.grade_attempts < grade_attempts_max) return grade(self);
    if (state.config.ledger) return discard(self, "infra_error: " + verdict.note);
  }
  state.config.rollout.verdict = verdict;
  record(self, "verdict", GradeRollout{state.config.rollout.id, std::move(verdict)},
         [self] { end(self, {}); });
}

void grade(Self self) {
  auto& state = self->state;
  ++state.grade_attempts;
  const auto& rollout = state.config.rollout;
  ask<Verdict>(
      self, *state.context->waits, state.config.grader,
      {label(self) + ": a verdict", "GraderActor: judging the transcript", grade_deadline},
      GradeTranscript{rollout.task, rollout.transcript},
      [self](Verdict& verdict) { on_verdict(self, std::move(verdict)); },
      [self](const Error& error) {
        on_verdict(self, Verdict{.status = VerdictStatus::infra_error, .note = to_string(error)});
      });
}

void finish(Self self) {
  auto& rollout = self->state.config.rollout;
  auto& last = rollout.transcript.turns.back();
  auto closing = self->state.context->turn_tokens->closing(last.finish);
  if (!closing) return end(self, to_string(closing.error()));
  for (auto& span : *closing) last.spans.push_back(std::move(span));
  record(self, "transcript", FinishRollout{rollout.id, rollout.transcript},
         [self] { grade(self); });
}

void on_answer(Self self, const Generation& generation) {
  if (generation.finish == FinishReason::cancelled)
    return end(self, label(self) + ": its turn was cancelled");
  const auto calls = self->state.append_answer(generation);
  // A turn that was cut is taken as it is: its last call may be half a call.
  if (calls.empty() || generation.finish != FinishReason::stop) return take_turn(self);
  run_tools(self, calls);
}

void on_tools_ran(Self self, const std::vector<ToolCall>& calls,
                  const std::vector<ToolResult>& results) {
  if (results.size() != calls.size())
    return end(self, label(self) + ": the tool host answered other calls than were asked");
  if (auto appended = self->state.append_tool_turn(calls, results); !appended)
    return end(self, to_string(appended.error()));
  sample(self);
}

// Past the bound the model is told so once; if it goes on calling, its turn is taken as its answer.
void run_tools(Self self, const std::vector<ToolCall>& calls) {
  auto& state = self->state;
  const auto calls_max = state.context->spec.tools.calls_max;
  if (state.calls_run > calls_max) return take_turn(self);
  state.calls_run += static_cast<std::uint32_t>(calls.size());
  if (state.calls_run > calls_max) {
    state.calls_run = calls_max + 1;
    const ToolResult refusal{.status = ToolStatus::refused,
                             .text = "no more tool calls can be made: answer now"};
    return on_tools_ran(self, calls, std::vector<ToolResult>(calls.size(), refusal));
  }
  state.has_used_tools = true;
  RunTools request{state.config.rollout.id, state.config.rollout.task, calls};
  ask<ToolsRan>(
      self, *state.context->waits, *state.config.tools,
      {label(self) + ": " + std::to_string(calls.size()) + " tool calls run",
       "ToolHost: a worker, then the sandbox", tools_deadline},
      std::move(request), [self, calls](ToolsRan& ran) { on_tools_ran(self, calls, ran.results); },
      end_on_error(self, "running tools"));
}

// The request for the model's next turn. Where it has no room in the context, the conversation ends
// with what the model has said.
void sample(Self self) {
  auto& state = self->state;
  auto& transcript = state.transcript();
  auto request = state.next_request();
  if (!request && state.turn_number == 0)
    return end(self, label(self) + ": the opening message does not fit model.context_length");
  if (!request) {
    transcript.turns.pop_back();
    return finish(self);
  }
  ask<Generated>(
      self, *state.context->waits, state.config.sampler,
      {label(self) + ": turn " + std::to_string(state.turn_number + 1) + " sampled",
       "Sampler: the turn's last token", generate_deadline},
      std::move(*request), [self](Generated& answer) { on_answer(self, answer.generation); },
      end_on_error(self, "sampling"));
}

// The user's next words.
void take_turn(Self self) {
  auto& state = self->state;
  auto& transcript = state.transcript();
  const auto move = next_user_move(*state.context->family, state.config.rollout.task, transcript);
  if (!move) return end(self, to_string(move.error()));
  if (move->ends) return finish(self);
  auto spans = state.user_spans(move->text);
  if (!spans) return end(self, to_string(spans.error()));
  Turn& turn = state.add_turn(Role::user);
  turn.parts.push_back({.text = move->text});
  turn.spans = std::move(*spans);
  state.calls_run = 0;
  sample(self);
}

SimulatedUser::behavior_type behavior(Self self, RunContextPtr context,
                                      const std::shared_ptr<ConversationConfig>& config) {
  self->state.context = std::move(context);
  self->state.config = std::move(*config);
  self->set_exception_handler([self](std::exception_ptr& thrown) -> caf::error {
    end_tool_session(self);
    return to_caf(thrown);
  });
  return {
      [self](NextTurn) {
        auto& state = self->state;
        if (state.config.rollout.state == RolloutState::finished) return grade(self);
        state.transcript() = {};
        state.transcript().owner = "simulated_user";
        state.transcript().consent = true;
        if (auto prepared = state.prepare_setting(); !prepared)
          return end(self, label(self) + ": " + to_string(prepared.error()));
        take_turn(self);
      },
  };
}

}  // namespace

ConversationEnded broken_conversation(std::uint64_t index, const caf::error& reason) {
  return {.index = index,
          .failure = "rollout " + std::to_string(index) +
                     ": its simulated user died: " + describe(reason)};
}

SimulatedUser spawn_simulated_user(caf::actor_system& system, RunContextPtr context,
                                   ConversationConfig config) {
  return system.spawn<caf::lazy_init>(behavior, std::move(context),
                                      std::make_shared<ConversationConfig>(std::move(config)));
}

}  // namespace flywheel
