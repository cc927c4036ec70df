// The filter tojson, as `transformers` defines it for chat templates: Python's json.dumps.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "runtime/model/jinja_builtins.hpp"
#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel::jinja {
namespace {

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent{};  // of one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

class Writer {
 public:
  Writer(Machine& machine, const JsonStyle& style) : machine_(machine), style_(style) {}

  void write(const Value& value, std::size_t level) {
    machine_.charge(1);
    if (value.string() != nullptr) return write(*value.string());
    if (value.sequence() != nullptr) return write(*value.sequence(), level);
    if (value.dict() != nullptr) return write(*value.dict(), level);
    if (value.is_none()) {
      out_ += "null";
    } else if (const auto* boolean = value.get<bool>()) {
      out_ += *boolean ? "true" : "false";
    } else if (value.is_integer()) {
      out_ += std::to_string(value.integer());
    } else if (value.is_number()) {
      out_ += number(value.number(), value);
    } else {
      throw Problem{std::string{"a value of type "} + type_name(value) + " can't become JSON"};
    }
  }

  std::string take() { return std::move(out_); }

 private:
  static std::string number(double number, const Value& value) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
    return to_repr(value);
  }

  void escape(char32_t unit) {
    std::array<char, 16> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "\\u%04x", static_cast<unsigned>(unit));
    out_ += buffer.data();
  }

  void write(const std::string& text) {
    static constexpr std::string_view plain = "\"\\\n\r\t\f\b";
    static constexpr std::string_view letters = "\"\\nrtfb";
    machine_.charge_text(text.size());
    out_ += '"';
    for (const char32_t c : utf8::code_points_of(text)) {
      const auto found = c < 0x80 ? plain.find(static_cast<char>(c)) : plain.npos;
      if (found != plain.npos) {
        out_ += '\\';
        out_ += letters[found];
      } else if (c < 0x20 || (style_.ensure_ascii && c > 0x7e && c < 0x10000)) {
        escape(c);
      } else if (style_.ensure_ascii && c >= 0x10000) {
        escape(0xd800 + ((c - 0x10000) >> 10));
        escape(0xdc00 + ((c - 0x10000) & 0x3ff));
      } else {
        utf8::append(out_, c);
      }
    }
    out_ += '"';
  }

  void new_line(std::size_t level) {
    if (!style_.indent) return;
    machine_.charge_text(level * style_.indent->size());
    out_ += '\n';
    for (std::size_t i = 0; i < level; ++i) out_ += *style_.indent;
  }

  void write(const Sequence& sequence, std::size_t level) {
    if (sequence.items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    for (std::size_t i = 0; i < sequence.items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line(level + 1);
      write(sequence.items[i], level + 1);
    }
    new_line(level);
    out_ += ']';
  }

  void write(const Dict& dict, std::size_t level) {
    if (dict.members.empty()) {
      out_ += "{}";
      return;
    }
    std::vector<const std::pair<std::string, Value>*> members;
    members.reserve(dict.members.size());
    for (const auto& member : dict.members) members.push_back(&member);
    if (style_.sort_keys)
      std::stable_sort(members.begin(), members.end(),
                       [](const auto* a, const auto* b) { return a->first < b->first; });
    out_ += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line(level + 1);
      write(members[i]->first);
      out_ += style_.key_separator;
      write(members[i]->second, level + 1);
    }
    new_line(level);
    out_ += '}';
  }

  Machine& machine_;
  const JsonStyle& style_;
  std::string out_{};
};

}  // namespace

std::string to_json(Machine& machine, const Value& value, Arguments arguments) {
  JsonStyle style;
  style.ensure_ascii = arguments.flag("ensure_ascii", false);
  const auto indent = arguments.take("indent");
  const auto separators = arguments.take("separators");
  style.sort_keys = arguments.flag("sort_keys", false);
  arguments.finish();
  if (indent && !indent->is_none()) {
    if (indent->string() != nullptr)
      style.indent = *indent->string();
    else if (indent->is_integer() && indent->integer() < 100)
      style.indent =
          std::string(static_cast<std::size_t>(std::max<std::int64_t>(indent->integer(), 0)), ' ');
    else
      throw Problem{"tojson takes an indent below 100 or a string"};
    style.item_separator.assign(1, ',');
  }
  if (separators && !separators->is_none()) {
    const Sequence* pair = separators->sequence();
    if (pair == nullptr || pair->items.size() != 2 || pair->items[0].string() == nullptr ||
        pair->items[1].string() == nullptr)
      throw Problem{"tojson takes two strings as separators"};
    style.item_separator = *pair->items[0].string();
    style.key_separator = *pair->items[1].string();
  }
  Writer writer{machine, style};
  writer.write(value, 0);
  return writer.take();
}

}  // namespace flywheel::jinja
