#include "runtime/net/event_reader.hpp"

#include <utility>

namespace flywheel {

std::vector<ServerEvent> EventReader::add(std::string_view bytes) {
  std::vector<ServerEvent> events;
  for (const char c : bytes) {
    const bool follows_return = std::exchange(after_return_, c == '\r');
    if (c == '\n' && follows_return) continue;
    if (c == '\n' || c == '\r')
      end_line(events);
    else
      line_ += c;
  }
  return events;
}

void EventReader::end_line(std::vector<ServerEvent>& events) {
  std::string line = std::exchange(line_, {});
  if (std::exchange(is_first_line_, false) && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
  if (line.empty()) {
    if (has_data_) events.push_back(event_);
    event_.data.clear();
    event_.type.clear();
    has_data_ = false;
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view name = std::string_view{line}.substr(0, colon);
  std::string_view value =
      colon == std::string::npos ? std::string_view{} : std::string_view{line}.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (name == "event") {
    event_.type = value;
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    event_.id = value;
  }
}

}  // namespace flywheel
