// TurnTokens turns messages into the token spans of a transcript, so that a conversation grows by
// whole spans and nothing is tokenised twice.
//
//   opening(messages)      ─▶ spans up to where the assistant starts to write
//   assistant's own tokens ─▶ a policy span, as sampled
//   continuation(...)      ─▶ what closes the turn, the user's next words, and the next start
//   tool_continuation(...) ─▶ the same with the results of the turn's tool calls
//
// Guarantees: the spans of opening() are the ids that `transformers` gives for the rendered chat,
//             where a template trims what it is given, too; what a user types or a tool prints
//             can't forge a turn's border: special tokens spelled in it stay plain text.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/transcript.hpp"
#include "runtime/model/chat_template.hpp"
#include "runtime/model/tokenizer.hpp"

namespace flywheel {

class TurnTokens {
 public:
  TurnTokens(std::shared_ptr<const Tokenizer> tokenizer,
             std::shared_ptr<const ChatTemplate> chat_template);

  // A first user turn, after the system text if there is one; ends where the assistant starts.
  // `tools` go where the template has a place for them (places_tools).
  Result<std::vector<Span>> opening(const std::string& system, const std::string& user,
                                    const OrderedJson& tools = OrderedJson::array()) const;

  // Whether the template states these tools by itself; where it does not, the system text must.
  Result<bool> places_tools(const OrderedJson& tools) const;

  // After an assistant turn whose last token is `last_sampled`: the masked tokens that close it
  // (the end token too if that is another: the turn was cut, or ended by a stop of another kind),
  // the user's turn, and the assistant's next start.
  Result<std::vector<Span>> continuation(Token last_sampled, const std::string& user) const;

  // After an assistant turn that called tools: what closes it, one message of role "tool" a result,
  // of origin `tool`, and the assistant's next start. All of it is masked.
  Result<std::vector<Span>> tool_continuation(Token last_sampled,
                                              const std::vector<std::string>& results) const;

  // What closes an assistant turn that was cut at the token limit; empty if it ended by itself.
  Result<std::vector<Span>> closing(FinishReason finish) const;

  // The assistant's words as a person reads them: special tokens dropped.
  std::string text_of(const std::vector<Token>& sampled) const;

 private:
  // What stands in a rendered text as `mark`, and whose words they are.
  struct Words {
    std::string mark{};
    std::string text{};
    TokenOrigin origin = TokenOrigin::user;
  };

  Result<std::string> render(const OrderedJson& messages, bool add_generation_prompt,
                             const OrderedJson& tools = OrderedJson::array()) const;
  // Renders the messages with these contents in the words' places.
  using RenderWith = std::function<Result<std::string>(const std::vector<std::string>& contents)>;

  Result<std::vector<Span>> spans_around(const RenderWith& render_with,
                                         std::vector<Words> words) const;
  Result<std::vector<Span>> spans_of(const std::string& text,
                                     const std::vector<Words>& words) const;
  Result<std::string> after_assistant(OrderedJson later) const;
  Result<std::vector<Span>> extension(Token last_sampled, const char* role,
                                      std::vector<Words> words) const;

  std::shared_ptr<const Tokenizer> tokenizer_;
  std::shared_ptr<const ChatTemplate> chat_template_;
};

}  // namespace flywheel
