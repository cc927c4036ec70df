// SplitRegex finds the matches of a pre-tokenizer's pattern, written for Oniguruma, through PCRE2.
//
// Guarantees: a pattern means what it means to `tokenizers`: character classes are spelled out
// where
//             the engines or their Unicode versions differ. A construct that is not known to mean
//             the same is refused with its place in the pattern.
// Threads:    const after construction; each thread brings its own Scratch.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace flywheel {

// The pattern as PCRE2 has to read it.
Result<std::string> translate_pattern(std::string_view pattern);

class SplitRegex {
 public:
  class Scratch {
   public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

   private:
    friend class SplitRegex;
    void* match_data_;
  };

  struct Match {
    std::size_t start = 0;
    std::size_t end = 0;
  };

  static Result<std::shared_ptr<const SplitRegex>> make(std::string_view pattern);
  ~SplitRegex();
  SplitRegex(const SplitRegex&) = delete;
  SplitRegex& operator=(const SplitRegex&) = delete;

  // The first match in `valid_text` that starts at `from` or later; false if there is none.
  bool find(std::string_view valid_text, std::size_t from, Scratch& scratch, Match& match) const;

 private:
  explicit SplitRegex(void* code) : code_(code) {}

  void* code_;
};

}  // namespace flywheel
