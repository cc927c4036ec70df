#include "runtime/model/chat_template.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/model/jinja_evaluator.hpp"
#include "runtime/model/jinja_parser.hpp"

namespace flywheel {
namespace {

// `transformers` gives a message's reasoning under each name that templates read it by.
OrderedJson with_reasoning_names(const OrderedJson& message) {
  if (!message.is_object()) return message;
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    if (!message.contains(name) || message.at(name).is_null()) continue;
    OrderedJson named = OrderedJson::object();
    named["thinking"] = message.at(name);
    for (const auto& [key, value] : message.items()) named[key] = value;
    named["reasoning_content"] = message.at(name);
    return named;
  }
  return message;
}

OrderedJson with_reasoning_names_in_all(const OrderedJson& messages) {
  OrderedJson named = OrderedJson::array();
  for (const auto& message : messages) named.push_back(with_reasoning_names(message));
  return named;
}

class JinjaTemplate final : public ChatTemplate {
 public:
  JinjaTemplate(std::string source, std::string where, jinja::Body body)
      : source_(std::move(source)), where_(std::move(where)), body_(std::move(body)) {}

  Result<std::string> render(const OrderedJson& messages, bool add_generation_prompt,
                             const OrderedJson& variables) const override {
    if (!messages.is_array())
      return fail(Failure::invalid_argument, where_ + ": the messages are not a list");
    if (!variables.is_object())
      return fail(Failure::invalid_argument, where_ + ": the variables are not an object");
    try {
      std::vector<std::pair<std::string, jinja::Value>> names;
      names.emplace_back("messages", jinja::from_json(with_reasoning_names_in_all(messages)));
      names.emplace_back("add_generation_prompt", jinja::Value{add_generation_prompt});
      for (const char* name : {"tools", "documents"})
        if (!variables.contains(name)) names.emplace_back(name, jinja::Value{jinja::None{}});
      for (const auto& [name, value] : variables.items())
        names.emplace_back(name, jinja::from_json(value));
      return jinja::Evaluator{std::move(names)}.run(body_);
    } catch (const jinja::Problem& problem) {
      return fail(Failure::invalid_argument, where_ + ": chat template, line " +
                                                 std::to_string(std::max(problem.line, 1)) + ": " +
                                                 problem.message);
    }
  }

  const std::string& source() const override { return source_; }

 private:
  std::string source_;
  std::string where_;
  jinja::Body body_;
};

}  // namespace

Result<std::shared_ptr<const ChatTemplate>> parse_chat_template(std::string source,
                                                                const std::string& where) {
  try {
    jinja::Body body = jinja::parse(source);
    return std::make_shared<const JinjaTemplate>(std::move(source), where, std::move(body));
  } catch (const jinja::Problem& problem) {
    return fail(Failure::invalid_input, where + ": chat template, line " +
                                            std::to_string(std::max(problem.line, 1)) + ": " +
                                            problem.message);
  }
}

}  // namespace flywheel
