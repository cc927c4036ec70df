#include "runtime/model/pre_tokenizer.hpp"

#include <utility>

namespace flywheel {
namespace {

// The pattern that ByteLevel cuts with (Radford et al. 2019).
constexpr std::string_view gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Rust's char::is_numeric, which Digits asks, also counts digits that Oniguruma's tables lack.
constexpr std::string_view one_digit = R"([\p{N}\x{11de0}-\x{11de9}\x{16ff4}-\x{16ff6}])";
constexpr std::string_view digit_row = R"([\p{N}\x{11de0}-\x{11de9}\x{16ff4}-\x{16ff6}]+)";

struct Piece {
  std::size_t start;
  std::size_t end;
  bool is_match;
};

std::string escaped(std::string_view literal) {
  std::string pattern;
  for (const char c : literal) {
    const bool special = (c >= '!' && c <= '/') || (c >= ':' && c <= '@') ||
                         (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    if (special) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

Result<SplitBehavior> behavior_of(const Json& json, const std::string& where) {
  FLYWHEEL_TRY(const auto name, json_field<std::string>(json, "behavior", where));
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  return fail(Failure::invalid_input, where + ": split behavior '" + name + "' is not known");
}

// Joins pieces as the behavior says; `pieces` alternate as the matches came.
std::vector<Piece> joined(const std::vector<Piece>& pieces, SplitBehavior behavior) {
  std::vector<Piece> out;
  if (behavior == SplitBehavior::merged_with_next) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const bool follows_match = i > 0 && pieces[i - 1].is_match;
      if (follows_match && !pieces[i].is_match)
        out.back().end = pieces[i].end;
      else
        out.push_back(pieces[i]);
    }
    return out;
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool joins = i > 0 && (behavior == SplitBehavior::contiguous
                                     ? pieces[i].is_match == pieces[i - 1].is_match
                                     : pieces[i].is_match && !pieces[i - 1].is_match);
    if (joins)
      out.back().end = pieces[i].end;
    else
      out.push_back(pieces[i]);
  }
  return out;
}

}  // namespace

Result<PreTokenizer> PreTokenizer::from_json(const Json& json, const std::string& where) {
  PreTokenizer made;
  FLYWHEEL_TRY_VOID(made.add(json, where));
  if (!made.has_byte_level_)
    return fail(
        Failure::invalid_input,
        where + ": the pre-tokenizer has no ByteLevel step; only byte-level BPE is supported");
  return made;
}

Result<> PreTokenizer::add(const Json& json, const std::string& where) {
  if (json.is_null()) return fail(Failure::invalid_input, where + ": pre_tokenizer is null");
  if (has_byte_level_)
    return fail(Failure::invalid_input,
                where + ": a pre-tokenizer after ByteLevel is not supported");
  FLYWHEEL_TRY(const auto type, json_field<std::string>(json, "type", where));
  if (type == "ByteLevel") return add_byte_level(json, where);
  if (type == "Digits") return add_digits(json, where);
  if (type == "Split") return add_split(json, where);
  if (type == "Sequence") {
    FLYWHEEL_TRY(const auto parts, json_field<std::vector<Json>>(json, "pretokenizers", where));
    for (const Json& part : parts) FLYWHEEL_TRY_VOID(add(part, where));
    return {};
  }
  return fail(Failure::invalid_input, where + ": pre-tokenizer '" + type +
                                          "' is not supported (known: Sequence, ByteLevel, "
                                          "Digits, Split)");
}

Result<> PreTokenizer::add_byte_level(const Json& json, const std::string& where) {
  Step step;
  FLYWHEEL_TRY(step.add_prefix_space, json_field<bool>(json, "add_prefix_space", where));
  bool use_regex = true;  // as in files from before the field
  if (json.contains("use_regex")) {
    FLYWHEEL_TRY(use_regex, json_field<bool>(json, "use_regex", where));
  }
  if (use_regex) {
    FLYWHEEL_TRY(step.regex, SplitRegex::make(gpt2_pattern));
  }
  if (step.regex || step.add_prefix_space) steps_.push_back(std::move(step));
  has_byte_level_ = true;
  return {};
}

Result<> PreTokenizer::add_digits(const Json& json, const std::string& where) {
  FLYWHEEL_TRY(const bool individual, json_field<bool>(json, "individual_digits", where));
  Step step;
  FLYWHEEL_TRY(step.regex, SplitRegex::make(individual ? one_digit : digit_row));
  steps_.push_back(std::move(step));
  return {};
}

Result<> PreTokenizer::add_split(const Json& json, const std::string& where) {
  FLYWHEEL_TRY(const auto pattern, json_field<Json>(json, "pattern", where));
  Step step;
  FLYWHEEL_TRY(step.behavior, behavior_of(json, where));
  FLYWHEEL_TRY(step.invert, json_field<bool>(json, "invert", where));
  std::string source;
  if (pattern.contains("Regex")) {
    FLYWHEEL_TRY(source, json_field<std::string>(pattern, "Regex", where));
  } else {
    FLYWHEEL_TRY(source, json_field<std::string>(pattern, "String", where));
    source = escaped(source);
  }
  auto regex = SplitRegex::make(source);
  if (!regex) return fail(regex.error().failure, where + ": " + regex.error().message);
  step.regex = std::move(*regex);
  steps_.push_back(std::move(step));
  return {};
}

void PreTokenizer::split(std::string_view valid_text, const Sink& sink) const {
  SplitRegex::Scratch scratch;
  run(0, valid_text, scratch, sink);
}

void PreTokenizer::run(std::size_t step, std::string_view text, SplitRegex::Scratch& scratch,
                       const Sink& sink) const {
  if (text.empty()) return;
  if (step == steps_.size()) return sink(text);
  std::string prefixed;
  if (steps_[step].add_prefix_space && !text.starts_with(' ')) {
    prefixed = " " + std::string{text};
    text = prefixed;
  }
  if (!steps_[step].regex) return run(step + 1, text, scratch, sink);
  if (step + 1 == steps_.size()) return cut(steps_[step], text, scratch, sink);
  cut(steps_[step], text, scratch,
      [&](std::string_view piece) { run(step + 1, piece, scratch, sink); });
}

void PreTokenizer::cut(const Step& step, std::string_view text, SplitRegex::Scratch& scratch,
                       const Sink& sink) const {
  const bool is_plain = step.behavior == SplitBehavior::isolated;
  std::vector<Piece> pieces;
  const auto take = [&](std::size_t start, std::size_t end, bool is_match) {
    if (start == end) return;
    if (is_plain)
      sink(text.substr(start, end - start));
    else
      pieces.push_back({start, end, is_match != step.invert});
  };
  std::size_t done = 0;
  std::size_t from = 0;
  SplitRegex::Match match;
  while (from < text.size() && step.regex->find(text, from, scratch, match)) {
    take(done, match.start, false);
    take(match.start, match.end, true);
    done = match.end;
    from = match.end > match.start ? match.end : match.end + 1;
    while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xc0) == 0x80) ++from;
  }
  take(done, text.size(), false);
  if (is_plain) return;
  if (step.behavior == SplitBehavior::removed)
    std::erase_if(pieces, [](const Piece& piece) { return piece.is_match; });
  else
    pieces = joined(pieces, step.behavior);
  for (const Piece& piece : pieces) sink(text.substr(piece.start, piece.end - piece.start));
}

}  // namespace flywheel
