#include "runtime/model/pre_tokenizer_regex.hpp"

#include <array>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace flywheel {
namespace {

// White_Space; PCRE2's own \s also takes U+180E.
constexpr std::string_view space_ranges =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a})"
    R"(\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

// What Unicode 15 and 16 added to each class; Debian 12's PCRE2 knows Unicode 14.
struct UnicodeClass {
  std::string_view name;
  std::string_view later_ranges;
};
constexpr std::array unicode_classes{
    UnicodeClass{"L",
                 R"(\x{1c89}\x{1c8a}\x{a7cb}-\x{a7cd}\x{a7da}-\x{a7dc}\x{105c0}-\x{105f3})"
                 R"(\x{10d4a}-\x{10d65}\x{10d6f}-\x{10d85}\x{10ec2}-\x{10ec4}\x{1123f}\x{11240})"
                 R"(\x{11380}-\x{11389}\x{1138b}\x{1138e}\x{11390}-\x{113b5}\x{113b7}\x{113d1})"
                 R"(\x{113d3}\x{11bc0}-\x{11be0}\x{11f02}\x{11f04}-\x{11f10}\x{11f12}-\x{11f33})"
                 R"(\x{1342f}\x{13441}-\x{13446}\x{13460}-\x{143fa}\x{16100}-\x{1611d})"
                 R"(\x{16d40}-\x{16d6c}\x{18cff}\x{1b132}\x{1b155}\x{1df25}-\x{1df2a})"
                 R"(\x{1e030}-\x{1e06d}\x{1e4d0}-\x{1e4eb}\x{1e5d0}-\x{1e5ed}\x{1e5f0}\x{2b739})"
                 R"(\x{2ebf0}-\x{2ee5d}\x{31350}-\x{323af})"},
    UnicodeClass{"N",
                 R"(\x{10d40}-\x{10d49}\x{116d0}-\x{116e3}\x{11bf0}-\x{11bf9}\x{11f50}-\x{11f59})"
                 R"(\x{16130}-\x{16139}\x{16d70}-\x{16d79}\x{1ccf0}-\x{1ccf9}\x{1d2c0}-\x{1d2d3})"
                 R"(\x{1e4f0}-\x{1e4f9}\x{1e5f1}-\x{1e5fa})"},
    UnicodeClass{"Nd",
                 R"(\x{10d40}-\x{10d49}\x{116d0}-\x{116e3}\x{11bf0}-\x{11bf9}\x{11f50}-\x{11f59})"
                 R"(\x{16130}-\x{16139}\x{16d70}-\x{16d79}\x{1ccf0}-\x{1ccf9}\x{1e4f0}-\x{1e4f9})"
                 R"(\x{1e5f1}-\x{1e5fa})"},
    UnicodeClass{"M",
                 R"(\x{897}\x{cf3}\x{ece}\x{10d69}-\x{10d6d}\x{10efc}-\x{10eff}\x{11241})"
                 R"(\x{113b8}-\x{113c0}\x{113c2}\x{113c5}\x{113c7}-\x{113ca}\x{113cc}-\x{113d0})"
                 R"(\x{113d2}\x{113e1}\x{113e2}\x{11f00}\x{11f01}\x{11f03}\x{11f34}-\x{11f3a})"
                 R"(\x{11f3e}-\x{11f42}\x{11f5a}\x{13440}\x{13447}-\x{13455}\x{1611e}-\x{1612f})"
                 R"(\x{1e08f}\x{1e4ec}-\x{1e4ef}\x{1e5ee}\x{1e5ef})"},
    UnicodeClass{"P",
                 R"(\x{1b4e}\x{1b4f}\x{1b7f}\x{10d6e}\x{113d4}\x{113d5}\x{113d7}\x{113d8})"
                 R"(\x{11b00}-\x{11b09}\x{11be1}\x{11f43}-\x{11f4f}\x{16d6d}-\x{16d6f}\x{1e5ff})"},
};

// Rewrites one pattern, left to right.
class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  Result<std::string> run() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        FLYWHEEL_TRY_VOID(escape(false));
      } else if (c == '[') {
        FLYWHEEL_TRY_VOID(char_class());
      } else if (c == '(') {
        FLYWHEEL_TRY_VOID(group());
      } else if (c == '^' || c == '$' || c == '.' || c == ']' || c == '#') {
        return refuse(std::string{"'"} + c + "'");
      } else if (c == '{') {
        FLYWHEEL_TRY_VOID(repetition());
      } else {
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  tl::unexpected<Error> refuse(const std::string& what) const {
    return fail(Failure::invalid_input, "pattern '" + std::string{pattern_} + "': " + what +
                                            " at byte " + std::to_string(at_) +
                                            " is not supported");
  }

  bool starts(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }

  // What a group may open with; its inside is rewritten as the rest is.
  Result<> group() {
    for (const std::string_view opening : {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!"}) {
      if (!starts(opening)) continue;
      out_ += opening;
      at_ += opening.size();
      return {};
    }
    if (starts("(?") || starts("(*")) return refuse("this group");
    out_ += "(?:";  // nothing reads captures
    ++at_;
    return {};
  }

  Result<> repetition() {
    const std::size_t end = pattern_.find('}', at_);
    const auto digits = pattern_.substr(at_ + 1, end == pattern_.npos ? 0 : end - at_ - 1);
    const bool counted = !digits.empty() && digits.front() != ',' &&
                         digits.find_first_not_of("0123456789,") == digits.npos;
    if (!counted) return refuse("'{' that opens no count");
    out_ += pattern_.substr(at_, end + 1 - at_);
    at_ = end + 1;
    if (at_ < pattern_.size() && pattern_[at_] == '+') return refuse("'+' after a count");
    return {};
  }

  void ranges(std::string_view base, std::string_view later, bool negated, bool in_class) {
    if (!in_class) out_ += negated ? "[^" : "[";
    out_ += base;
    out_ += later;
    if (!in_class) out_ += ']';
  }

  Result<> property(bool negated, bool in_class) {
    const std::size_t end = pattern_.find('}', at_);
    if (pattern_.substr(at_ + 2, 1) != "{" || end == pattern_.npos) return refuse("this property");
    const auto name = pattern_.substr(at_ + 3, end - at_ - 3);
    for (const auto& known : unicode_classes) {
      if (known.name != name) continue;
      if (negated && in_class) return refuse("a negated property inside a class");
      ranges("\\p{" + std::string{name} + "}", known.later_ranges, negated, in_class);
      at_ = end + 1;
      return {};
    }
    return refuse("property '" + std::string{name} + "'");
  }

  Result<> code_point() {
    const std::size_t end = pattern_.find('}', at_);
    if (pattern_.substr(at_ + 2, 1) != "{" || end == pattern_.npos)
      return refuse("'\\x' without '{'");
    out_ += pattern_.substr(at_, end + 1 - at_);
    at_ = end + 1;
    return {};
  }

  Result<> escape(bool in_class) {
    const char c = at_ + 1 < pattern_.size() ? pattern_[at_ + 1] : '\0';
    const bool negated = c == 'S' || c == 'P' || c == 'D';
    if (c == 'p' || c == 'P') return property(negated, in_class);
    if (negated && in_class) return refuse("a negated escape inside a class");
    if (c == 'x') return code_point();
    if (c == 's' || c == 'S') {
      ranges("", space_ranges, negated, in_class);
    } else if (c == 'd' || c == 'D') {
      ranges("\\p{Nd}", unicode_classes[2].later_ranges, negated, in_class);
    } else if (c == 'r' || c == 'n' || c == 't' || (c >= '!' && c <= '/') ||
               (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~')) {
      out_ += '\\';
      out_ += c;
    } else {
      return refuse(std::string{"escape '\\"} + c + "'");
    }
    at_ += 2;
    return {};
  }

  Result<> char_class() {
    out_ += '[';
    ++at_;
    if (starts("^")) {
      out_ += '^';
      ++at_;
    }
    if (starts("]")) return refuse("']' that opens a class");
    while (!starts("]")) {
      if (at_ >= pattern_.size()) return refuse("a class without end");
      if (starts("[") || starts("&&")) return refuse("set arithmetic in a class");
      if (starts("\\")) {
        FLYWHEEL_TRY_VOID(escape(true));
      } else {
        out_ += pattern_[at_++];
      }
    }
    out_ += ']';
    ++at_;
    return {};
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  std::string out_{};
};

constexpr std::uint32_t match_options = PCRE2_NO_UTF_CHECK;

}  // namespace

Result<std::string> translate_pattern(std::string_view pattern) {
  return Translator{pattern}.run();
}

SplitRegex::Scratch::Scratch() : match_data_(pcre2_match_data_create(1, nullptr)) {
  FLYWHEEL_CHECK(match_data_ != nullptr);
}

SplitRegex::Scratch::~Scratch() {
  pcre2_match_data_free(static_cast<pcre2_match_data*>(match_data_));
}

Result<std::shared_ptr<const SplitRegex>> SplitRegex::make(std::string_view pattern) {
  FLYWHEEL_TRY(const std::string translated, translate_pattern(pattern));
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                             PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr);
  if (code == nullptr) {
    std::array<PCRE2_UCHAR, 256> text{};
    pcre2_get_error_message(error, text.data(), text.size());
    return fail(Failure::invalid_input, "pattern '" + std::string{pattern} +
                                            "': " + reinterpret_cast<const char*>(text.data()));
  }
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // without it the interpreter gives the same matches
  return std::shared_ptr<const SplitRegex>{new SplitRegex{code}};
}

SplitRegex::~SplitRegex() {
  pcre2_code_free(static_cast<pcre2_code*>(code_));
}

bool SplitRegex::find(std::string_view valid_text, std::size_t from, Scratch& scratch,
                      Match& match) const {
  const auto* code = static_cast<const pcre2_code*>(code_);
  auto* data = static_cast<pcre2_match_data*>(scratch.match_data_);
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(valid_text.data());
  int found = pcre2_match(code, subject, valid_text.size(), from, match_options, data, nullptr);
  if (found == PCRE2_ERROR_JIT_STACKLIMIT)
    found = pcre2_match(code, subject, valid_text.size(), from, match_options | PCRE2_NO_JIT, data,
                        nullptr);
  if (found < 0) {
    if (found != PCRE2_ERROR_NOMATCH)
      log_error("pre-tokenizer: a match was given up after {} bytes (PCRE2 error {})",
                valid_text.size(), found);
    return false;
  }
  const auto* bounds = pcre2_get_ovector_pointer(data);
  match = {bounds[0], bounds[1]};
  return true;
}

}  // namespace flywheel
