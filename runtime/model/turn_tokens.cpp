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

Error without_mark() {
  return unusable("it does not write the words of each role once, as they are");
}

// `marked` with the texts in place of their marks.
Result<std::string> filled(const std::string& marked, const std::vector<std::string>& marks,
                           const std::vector<std::string>& texts) {
  std::string text;
  std::size_t at = 0;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const auto mark = marked.find(marks[i], at);
    if (mark == std::string::npos) return fail(without_mark());
    text.append(marked, at, mark - at).append(texts[i]);
    at = mark + marks[i].size();
  }
  return text.append(marked, at);
}

// What stands in `real` where `marked` has the mark; an error where they differ around it.
Result<std::string> written_words(const std::string& marked, const std::string& mark,
                                  const std::string& real) {
  const auto at = marked.find(mark);
  if (at == std::string::npos) return fail(without_mark());
  const std::string_view before = std::string_view{marked}.substr(0, at);
  const std::string_view after = std::string_view{marked}.substr(at + mark.size());
  if (real.size() < before.size() + after.size() || !real.starts_with(before) ||
      !real.ends_with(after))
    return fail(unusable("what it writes around a message depends on the message's words"));
  return real.substr(at, real.size() - before.size() - after.size());
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

// A template may change words, as one that trims them does: spans hold them as it writes them.
Result<std::vector<Span>> TurnTokens::spans_around(const RenderWith& render_with,
                                                   std::vector<Words> words) const {
  std::vector<std::string> marks, texts;
  marks.reserve(words.size());
  texts.reserve(words.size());
  for (const Words& own : words) {
    marks.push_back(own.mark);
    texts.push_back(own.text);
  }
  FLYWHEEL_TRY(const std::string marked, render_with(marks));
  FLYWHEEL_TRY(const std::string real, render_with(texts));
  FLYWHEEL_TRY(const std::string as_given, filled(marked, marks, texts));
  if (as_given == real) return spans_of(marked, words);
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto contents = marks;
    contents[i] = words[i].text;
    FLYWHEEL_TRY(const std::string with_one, render_with(contents));
    FLYWHEEL_TRY(texts[i], written_words(marked, marks[i], with_one));
    words[i].text = texts[i];
  }
  FLYWHEEL_TRY(const std::string as_written, filled(marked, marks, texts));
  if (as_written != real)
    return fail(unusable("what it writes for a message depends on another's words"));
  return spans_of(marked, words);
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
  std::string whole_text;
  std::size_t at = 0;
  bool spells_special = false;
  const auto add_template = [&](std::string_view part) {
    whole_text += part;
    add(TokenOrigin::chat_template, tokenizer_->encode(part, true));
  };
  for (const Words& own : words) {
    const auto mark = text.find(own.mark, at);
    if (mark == std::string::npos) return fail(without_mark());
    add_template(std::string_view{text}.substr(at, mark - at));
    auto tokens = tokenizer_->encode(own.text, false);
    spells_special = spells_special || tokenizer_->encode(own.text, true) != tokens;
    whole_text += own.text;
    add(own.origin, std::move(tokens));
    at = mark + own.mark.size();
  }
  add_template(std::string_view{text}.substr(at));
  if (spells_special || words.empty()) return spans;
  auto whole = tokenizer_->encode(whole_text, true);
  if (whole == in_parts) return spans;
  // The words and the template merge at their border: the exact ids count as the author's.
  spans.clear();
  add(words.front().origin, std::move(whole));
  return spans;
}

Result<std::vector<Span>> TurnTokens::opening(const std::string& system, const std::string& user,
                                              const OrderedJson& tools) const {
  const auto render_with = [&](const std::vector<std::string>& contents) {
    OrderedJson messages = OrderedJson::array();
    if (!system.empty()) messages.push_back(message("system", system));
    messages.push_back(message("user", contents.front()));
    return render(messages, true, tools);
  };
  return spans_around(render_with, {{user_mark, user, TokenOrigin::user}});
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

Result<std::vector<Span>> TurnTokens::extension(Token last_sampled, const char* role,
                                                std::vector<Words> words) const {
  const Token end = tokenizer_->end_token();
  const bool is_ended = end >= 0 && last_sampled == end;
  const std::string end_text = is_ended ? tokenizer_->bytes_of(end) : std::string{};
  const auto render_with = [&](const std::vector<std::string>& contents) -> Result<std::string> {
    OrderedJson later = OrderedJson::array();
    for (const std::string& content : contents) later.push_back(message(role, content));
    FLYWHEEL_TRY(std::string text, after_assistant(std::move(later)));
    if (text.starts_with(end_text)) text.erase(0, end_text.size());  // the policy sampled it
    return text;
  };
  return spans_around(render_with, std::move(words));
}

Result<std::vector<Span>> TurnTokens::continuation(Token last_sampled,
                                                   const std::string& user) const {
  return extension(last_sampled, "user", {{user_mark, user, TokenOrigin::user}});
}

Result<std::vector<Span>> TurnTokens::tool_continuation(
    Token last_sampled, const std::vector<std::string>& results) const {
  std::vector<Words> words;
  words.reserve(results.size());
  for (std::size_t i = 0; i < results.size(); ++i)
    words.push_back({tool_mark(i), results[i], TokenOrigin::tool});
  return extension(last_sampled, "tool", std::move(words));
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
