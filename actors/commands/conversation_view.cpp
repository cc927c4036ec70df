#include "actors/commands/conversation_view.hpp"

#include <utility>

namespace flywheel {
namespace {

// {"code": "1 + 1"} is its code; other arguments stay JSON.
std::string arguments_text(const std::string& text) {
  const Json arguments = Json::parse(text, nullptr, false);
  if (arguments.is_object() && arguments.size() == 1 && arguments.begin()->is_string())
    return arguments.begin()->get<std::string>();
  return text;
}

TranscriptMessage message_of(const std::string& role, const Json& part) {
  const auto kind = part["kind"].get<std::string>();
  const auto text = part["text"].get<std::string>();
  const auto name = part.value("name", "");
  if (kind == "tool_call")
    return {role + " calls " + (name.empty() ? "?" : name), arguments_text(text)};
  if (kind == "tool_result") return {role + " " + name, text};
  if (kind == "file" && text.starts_with("data:image/")) return {"picture " + name, "", text};
  if (kind == "file") return {"file " + name, text};
  return {role, text};
}

}  // namespace

std::vector<TranscriptMessage> messages_of(const Json& conversation) {
  std::vector<TranscriptMessage> messages;
  for (const Json& turn : conversation["turns"]) {
    const auto role = turn["role"].get<std::string>();
    std::string cited;  // the words that a page says letter for letter, and which
    TranscriptMessage words{role, ""};
    std::vector<TranscriptMessage> others;
    for (const Json& part : turn["parts"]) {
      if (part["kind"] != "text") {
        others.push_back(message_of(role, part));
        continue;
      }
      words.text += part["text"].get<std::string>();
      if (const auto url = part.value("name", ""); !url.empty())
        cited += "\n[cites " + url + ": \"" + part["text"].get<std::string>() + "\"]";
    }
    words.text += cited;
    if (!words.text.empty() || others.empty()) messages.push_back(std::move(words));
    for (auto& other : others) messages.push_back(std::move(other));
  }
  return messages;
}

}  // namespace flywheel
