#include "runtime/tools/plain_text.hpp"

#include "runtime/base/json.hpp"

namespace flywheel {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_control(unsigned char byte) {
  return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
}

}  // namespace

std::string as_utf8(std::string_view bytes) {
  // JSON's writer replaces what is none.
  return Json::parse(dump_json(Json(std::string{bytes}))).get<std::string>();
}

std::string plain_text(std::string_view bytes) {
  if (bytes.starts_with(byte_order_mark)) bytes.remove_prefix(byte_order_mark.size());
  const std::string utf8 = as_utf8(bytes);
  std::string plain;
  plain.reserve(utf8.size());
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    const auto next = static_cast<unsigned char>(i + 1 < utf8.size() ? utf8[i + 1] : 0);
    if (byte == '\r') {
      if (next != '\n') plain += '\n';
    } else if (byte == 0xC2 && next < 0xA0) {  // U+0080 to U+009F
      plain += replacement;
      ++i;
    } else if (is_control(byte)) {
      plain += replacement;
    } else {
      plain += utf8[i];
    }
  }
  return plain;
}

}  // namespace flywheel
