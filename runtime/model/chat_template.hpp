// ChatTemplate renders a conversation into the text a model was trained on: a Jinja subset that covers
// ChatML, Llama-3 and Qwen templates. What it can't render it refuses when it is loaded or rendered,
// with the construct's name and line; it never guesses.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"

namespace flywheel {

// One message as `transformers` takes it: {"role": ..., "content": ..., "tool_calls": ...}.
class ChatTemplate {
 public:
  virtual ~ChatTemplate() = default;

  // `variables` are further names the template may read: tools, bos_token, eos_token, enable_thinking...
  virtual Result<std::string> render(const Json& messages, bool add_generation_prompt,
                                     const Json& variables = Json::object()) const = 0;

  virtual const std::string& source() const = 0;
};

Result<std::shared_ptr<const ChatTemplate>> parse_chat_template(std::string source,
                                                                const std::string& where);

}  // namespace flywheel
