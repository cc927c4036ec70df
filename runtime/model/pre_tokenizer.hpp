// PreTokenizer cuts text into the words between which byte-pair merges never reach, as the
// `pre_tokenizer` of a tokenizer.json says.
//
//   text ─▶ Digits ─▶ Split ─▶ ... ─▶ ByteLevel ─▶ words      (each step cuts what the one before
//   left)
//
// Guarantees: ByteLevel is the last step; what is not known exactly is refused when it is loaded.
// Threads:    const after construction.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"
#include "runtime/model/pre_tokenizer_regex.hpp"

namespace flywheel {

enum class SplitBehavior : std::uint8_t {
  isolated,
  removed,
  merged_with_previous,
  merged_with_next,
  contiguous,
};

class PreTokenizer {
 public:
  using Sink = std::function<void(std::string_view word)>;

  // `json` is the value of "pre_tokenizer"; `where` names the file.
  static Result<PreTokenizer> from_json(const Json& json, const std::string& where);

  // Calls `sink` with each word of `valid_text`, in order; words live until the call returns.
  void split(std::string_view valid_text, const Sink& sink) const;

 private:
  struct Step {
    std::shared_ptr<const SplitRegex> regex{};  // absent: the whole piece is one word
    SplitBehavior behavior = SplitBehavior::isolated;
    bool invert = false;            // pieces between the matches count as the matches
    bool add_prefix_space = false;  // a piece that starts with no space gets one
  };

  Result<> add(const Json& json, const std::string& where);
  Result<> add_byte_level(const Json& json, const std::string& where);
  Result<> add_digits(const Json& json, const std::string& where);
  Result<> add_split(const Json& json, const std::string& where);
  void run(std::size_t step, std::string_view text, SplitRegex::Scratch& scratch,
           const Sink& sink) const;
  void cut(const Step& step, std::string_view text, SplitRegex::Scratch& scratch,
           const Sink& sink) const;

  std::vector<Step> steps_{};
  bool has_byte_level_ = false;
};

}  // namespace flywheel
