// EventReader turns the bytes of a text/event-stream into events, as the HTML standard reads them
// (https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6). Internal to
// runtime/net.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/net/http_message.hpp"

namespace flywheel {

class EventReader {
 public:
  // The events that these bytes complete; an event may be split anywhere.
  std::vector<ServerEvent> add(std::string_view bytes);

  std::size_t waiting_bytes() const { return line_.size() + event_.data.size(); }

 private:
  void end_line(std::vector<ServerEvent>& events);

  std::string line_;
  ServerEvent event_;  // `id` stays until another one comes
  bool has_data_ = false;
  bool after_return_ = false;  // a \n that follows belongs to the line end before
  bool is_first_line_ = true;
};

}  // namespace flywheel
