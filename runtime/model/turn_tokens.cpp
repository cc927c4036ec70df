#include "runtime/model/turn_tokens.hpp"

#include <utility>

namespace flywheel {
namespace {

// Stand in for words in a rendered template, to find where they go; no template writes them.
const std::string user_mark = "\x01user\x01";
const std::string assistant_mark = "\x01assistant\x01";

Json message(const char* role, const std::string& content) {
  return Json{{"role", role}, {"content", content}};
}

Error unusable(const std::string& what) {
  return {Failure::invalid_input,
          "chat template: " + what + "; its conversations can't be extended token by token"};
}

}  // namespace

TurnTokens::TurnTokens(std::shared_ptr<const Tokenizer> tokenizer,
                       std::shared_ptr<const ChatTemplate> chat_template)
    : tokenizer_(std::move(tokenizer)), chat_template_(std::move(chat_template)) {}

Result<std::string> TurnTokens::render(const Json& messages, bool add_generation_prompt) const {
  const auto text_of_token = [&](Token token) {
    return token < 0 ? std::string{} : tokenizer_->bytes_of(token);
  };
  return chat_template_->render(messages, add_generation_prompt,
                                Json{{"bos_token", text_of_token(tokenizer_->begin_token())},
                                     {"eos_token", text_of_token(tokenizer_->end_token())}});
}

// `text` holds user_mark once at most; the template's part before and after it is tokenised with
// special tokens, the user's words without, unless they spell none: then all at once, which is what
// `transformers` does.
std::vector<Span> TurnTokens::spans_of(const std::string& text, const std::string& user) const {
  std::vector<Span> spans;
  const auto add = [&](TokenOrigin origin, std::vector<Token> tokens) {
    if (tokens.empty()) return;
    Span span;
    span.origin = origin;
    span.tokens = std::move(tokens);
    spans.push_back(std::move(span));
  };
  const auto mark = text.find(user_mark);
  if (mark == std::string::npos) {
    add(TokenOrigin::chat_template, tokenizer_->encode(text, true));
    return spans;
  }
  const std::string before = text.substr(0, mark);
  const std::string after = text.substr(mark + user_mark.size());
  auto first = tokenizer_->encode(before, true);
  auto words = tokenizer_->encode(user, false);
  auto last = tokenizer_->encode(after, true);
  const auto whole = tokenizer_->encode(before + user + after, true);
  if (whole.size() != first.size() + words.size() + last.size() &&
      tokenizer_->encode(user, true) == words) {
    // The words and the template merge at their border: the exact ids count as the user's.
    add(TokenOrigin::user, whole);
    return spans;
  }
  add(TokenOrigin::chat_template, std::move(first));
  add(TokenOrigin::user, std::move(words));
  add(TokenOrigin::chat_template, std::move(last));
  return spans;
}

Result<std::vector<Span>> TurnTokens::opening(const std::string& system,
                                              const std::string& user) const {
  Json messages = Json::array();
  if (!system.empty()) messages.push_back(message("system", system));
  messages.push_back(message("user", user_mark));
  FLYWHEEL_TRY(const std::string text, render(messages, true));
  if (text.find(user_mark) == std::string::npos)
    return fail(unusable("it does not write the user's words as they are"));
  return spans_of(text, user);
}

// The rendered text after the assistant's words, the user's next words as user_mark.
Result<std::string> TurnTokens::after_assistant(const std::string& user, bool with_user) const {
  Json messages = Json::array({message("user", user), message("assistant", assistant_mark)});
  if (with_user) messages.push_back(message("user", user_mark));
  FLYWHEEL_TRY(const std::string text, render(messages, with_user));
  const auto mark = text.find(assistant_mark);
  if (mark == std::string::npos)
    return fail(unusable("it does not write the assistant's words as they are"));
  return text.substr(mark + assistant_mark.size());
}

Result<std::vector<Span>> TurnTokens::continuation(FinishReason finish,
                                                   const std::string& user) const {
  FLYWHEEL_TRY(std::string text, after_assistant("x", true));
  if (text.find(user_mark) == std::string::npos)
    return fail(unusable("it does not write a later user's words as they are"));
  const Token end = tokenizer_->end_token();
  const std::string end_text = end < 0 ? std::string{} : tokenizer_->bytes_of(end);
  if (!end_text.empty() && finish == FinishReason::stop && text.starts_with(end_text))
    text.erase(0, end_text.size());  // the policy sampled it
  return spans_of(text, user);
}

Result<std::vector<Span>> TurnTokens::closing(FinishReason finish) const {
  if (finish == FinishReason::stop) return std::vector<Span>{};
  FLYWHEEL_TRY(const std::string text, after_assistant("x", false));
  return spans_of(text, {});
}

std::string TurnTokens::text_of(const std::vector<Token>& sampled) const {
  return tokenizer_->decode(sampled, true);
}

}  // namespace flywheel
