#include "runtime/model/turn_tokens.hpp"

#include <utility>

namespace flywheel {
namespace {

// Stand in for words in a rendered template, to find where they go; no template writes them.
const std::string user_mark = "\x01user\x01";
const std::string assistant_mark = "\x01assistant\x01";

std::string tool_mark(std::size_t index) {
  return "\x01tool " + std::to_string(index) + "\x01";
}

OrderedJson message(const char* role, const std::string& content) {
  return OrderedJson{{"role", role}, {"content", content}};
}

Error unusable(const std::string& what) {
  return {Failure::invalid_input,
          "chat template: " + what + "; its conversations can't be extended token by token"};
}

}  // namespace

TurnTokens::TurnTokens(std::shared_ptr<const Tokenizer> tokenizer,
                       std::shared_ptr<const ChatTemplate> chat_template)
    : tokenizer_(std::move(tokenizer)), chat_template_(std::move(chat_template)) {}

Result<std::string> TurnTokens::render(const OrderedJson& messages, bool add_generation_prompt,
                                       const OrderedJson& tools) const {
  const auto text_of_token = [&](Token token) {
    return token < 0 ? std::string{} : tokenizer_->bytes_of(token);
  };
  OrderedJson variables{{"bos_token", text_of_token(tokenizer_->begin_token())},
                        {"eos_token", text_of_token(tokenizer_->end_token())}};
  if (!tools.empty()) variables["tools"] = tools;
  return chat_template_->render(messages, add_generation_prompt, variables);
}

// The template's parts are tokenised with special tokens, others' words without, unless they spell
// none: then all at once, which is what `transformers` does.
Result<std::vector<Span>> TurnTokens::spans_of(const std::string& text,
                                               const std::vector<Words>& words) const {
  std::vector<Span> spans;
  std::vector<Token> in_parts;
  const auto add = [&](TokenOrigin origin, std::vector<Token> tokens) {
    in_parts.insert(in_parts.end(), tokens.begin(), tokens.end());
    if (tokens.empty()) return;
    Span span;
    span.origin = origin;
    span.tokens = std::move(tokens);
    spans.push_back(std::move(span));
  };
  std::string filled;
  std::size_t at = 0;
  bool spells_special = false;
  const auto add_template = [&](std::string_view part) {
    filled += part;
    add(TokenOrigin::chat_template, tokenizer_->encode(part, true));
  };
  for (const Words& own : words) {
    const auto mark = text.find(own.mark, at);
    if (mark == std::string::npos)
      return fail(unusable("it does not write the words of each role once, as they are"));
    add_template(std::string_view{text}.substr(at, mark - at));
    auto tokens = tokenizer_->encode(own.text, false);
    spells_special = spells_special || tokenizer_->encode(own.text, true) != tokens;
    filled += own.text;
    add(own.origin, std::move(tokens));
    at = mark + own.mark.size();
  }
  add_template(std::string_view{text}.substr(at));
  if (spells_special || words.empty()) return spans;
  auto whole = tokenizer_->encode(filled, true);
  if (whole == in_parts) return spans;
  // The words and the template merge at their border: the exact ids count as the author's.
  spans.clear();
  add(words.front().origin, std::move(whole));
  return spans;
}

Result<std::vector<Span>> TurnTokens::opening(const std::string& system, const std::string& user,
                                              const OrderedJson& tools) const {
  OrderedJson messages = OrderedJson::array();
  if (!system.empty()) messages.push_back(message("system", system));
  messages.push_back(message("user", user_mark));
  FLYWHEEL_TRY(const std::string text, render(messages, true, tools));
  return spans_of(text, {{user_mark, user, TokenOrigin::user}});
}

Result<bool> TurnTokens::places_tools(const OrderedJson& tools) const {
  const OrderedJson messages = OrderedJson::array({message("user", "x")});
  FLYWHEEL_TRY(const std::string without, render(messages, true));
  FLYWHEEL_TRY(const std::string with, render(messages, true, tools));
  return with != without;
}

// The rendered text after the assistant's words, with the messages that follow them.
Result<std::string> TurnTokens::after_assistant(OrderedJson later) const {
  OrderedJson messages =
      OrderedJson::array({message("user", "x"), message("assistant", assistant_mark)});
  const bool goes_on = !later.empty();
  for (auto& next : later) messages.push_back(std::move(next));
  FLYWHEEL_TRY(const std::string text, render(messages, goes_on));
  const auto mark = text.find(assistant_mark);
  if (mark == std::string::npos)
    return fail(unusable("it does not write the assistant's words as they are"));
  return text.substr(mark + assistant_mark.size());
}

Result<std::vector<Span>> TurnTokens::extension(FinishReason finish, const OrderedJson& later,
                                                const std::vector<Words>& words) const {
  FLYWHEEL_TRY(std::string text, after_assistant(later));
  const Token end = tokenizer_->end_token();
  const std::string end_text = end < 0 ? std::string{} : tokenizer_->bytes_of(end);
  if (!end_text.empty() && finish == FinishReason::stop && text.starts_with(end_text))
    text.erase(0, end_text.size());  // the policy sampled it
  return spans_of(text, words);
}

Result<std::vector<Span>> TurnTokens::continuation(FinishReason finish,
                                                   const std::string& user) const {
  return extension(finish, OrderedJson::array({message("user", user_mark)}),
                   {{user_mark, user, TokenOrigin::user}});
}

Result<std::vector<Span>> TurnTokens::tool_continuation(
    FinishReason finish, const std::vector<std::string>& results) const {
  OrderedJson later = OrderedJson::array();
  std::vector<Words> words;
  for (std::size_t i = 0; i < results.size(); ++i) {
    later.push_back(message("tool", tool_mark(i)));
    words.push_back({tool_mark(i), results[i], TokenOrigin::tool});
  }
  return extension(finish, later, words);
}

Result<std::vector<Span>> TurnTokens::closing(FinishReason finish) const {
  if (finish == FinishReason::stop) return std::vector<Span>{};
  FLYWHEEL_TRY(const std::string text, after_assistant(OrderedJson::array()));
  return spans_of(text, {});
}

std::string TurnTokens::text_of(const std::vector<Token>& sampled) const {
  return tokenizer_->decode(sampled, true);
}

}  // namespace flywheel
