#include "actors/model_line.hpp"

#include <caf/actor_system.hpp>

#include "runtime/base/hash.hpp"
#include "runtime/base/random.hpp"
#include "runtime/system/request.hpp"

namespace flywheel {
namespace {

Result<std::string> ask_sampler(caf::actor_system& system, const RunContext& context,
                                const Sampler& sampler, const ModelQuestion& question) {
  Generate generate;
  auto& request = generate.request;
  request.sampling = context.spec.sampling;
  const Hash128 words = hash_text(question.question);
  request.key = derive_key({context.spec.seed, words.high, words.low});
  FLYWHEEL_TRY(const auto spans, context.turn_tokens->opening({}, question.question));
  for (const Span& span : spans)
    request.prompt.insert(request.prompt.end(), span.tokens.begin(), span.tokens.end());
  if (request.prompt.size() + request.sampling.tokens_max > context.spec.model.context_length)
    return fail(Failure::invalid_argument, "the question does not fit model.context_length");
  FLYWHEEL_TRY(const auto answer,
               ask_and_wait<Generated>(system, *context.waits, sampler,
                                       {"an answer for the tool `model`",
                                        "Sampler: the answer's last token", question.wait_max},
                                       std::move(generate)));
  return context.turn_tokens->text_of(answer.generation.tokens);
}

}  // namespace

void ModelLine::connect(caf::actor_system& system, RunContextPtr context, const Sampler& sampler) {
  const std::lock_guard lock{mutex_};
  ask_ = [&system, context = std::move(context), sampler](const ModelQuestion& question) {
    return ask_sampler(system, *context, sampler, question);
  };
}

void ModelLine::disconnect() {
  const std::lock_guard lock{mutex_};
  ask_ = {};
}

Result<std::string> ModelLine::ask(const ModelQuestion& question) {
  AskModel ask;
  {
    const std::lock_guard lock{mutex_};
    ask = ask_;
  }
  if (!ask) return fail(Failure::unavailable, "its sampler does not run");
  return ask(question);
}

}  // namespace flywheel
