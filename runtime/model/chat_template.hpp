// ChatTemplate renders a conversation into the text a model was trained on: a Jinja subset that
// covers ChatML, Llama-3 and Qwen templates. What it can't render it refuses when it is loaded or
// rendered, with the construct's name and line; it never guesses.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"

namespace flywheel {

class ChatTemplate {
 public:
  virtual ~ChatTemplate() = default;

  // `messages` is a list of {"role": ..., "content": ..., "tool_calls": ...}, as
  // apply_chat_template of `transformers` takes it, and the text is what that gives. The order of
  // keys is kept, since templates print tools as they stand; plain Json (whose keys are sorted)
  // converts. `variables` are further names the template may read: tools, bos_token, eos_token,
  // enable_thinking...
  virtual Result<std::string> render(
      const OrderedJson& messages, bool add_generation_prompt,
      const OrderedJson& variables = OrderedJson::object()) const = 0;

  virtual const std::string& source() const = 0;
};

Result<std::shared_ptr<const ChatTemplate>> parse_chat_template(std::string source,
                                                                const std::string& where);

}  // namespace flywheel
