#include "runtime/tools/tool.hpp"

#include <fmt/format.h>

#include "runtime/tools/plain_text.hpp"

namespace flywheel {
namespace {

bool continues_a_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

}  // namespace

const char* to_string(ToolStatus status) {
  switch (status) {
    case ToolStatus::done:
      return "done";
    case ToolStatus::failed:
      return "failed";
    case ToolStatus::refused:
      return "refused";
    case ToolStatus::timeout:
      return "timeout";
    case ToolStatus::unavailable:
      return "unavailable";
  }
  return "unknown";
}

std::string clip_text(std::string_view text, std::size_t bytes_max) {
  std::string whole = as_utf8(text);
  if (whole.size() <= bytes_max) return whole;
  const auto note = [](std::size_t bytes) {
    return fmt::format("\n[... {} bytes left out ...]\n", bytes);
  };
  const std::size_t note_bytes = note(whole.size()).size();
  const std::size_t kept = bytes_max > note_bytes ? bytes_max - note_bytes : 0;
  std::size_t head = kept - kept / 4;
  std::size_t tail = whole.size() - kept / 4;
  while (head > 0 && continues_a_character(whole[head])) --head;
  while (tail < whole.size() && continues_a_character(whole[tail])) ++tail;
  std::string clipped = whole.substr(0, head) + note(tail - head) + whole.substr(tail);
  if (clipped.size() > bytes_max) clipped.resize(bytes_max);  // a bound smaller than the note
  return clipped;
}

}  // namespace flywheel
