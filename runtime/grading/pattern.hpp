// Pattern is a PCRE2 pattern over UTF-8 whose matching takes a bounded number of steps.
#pragma once

#include <memory>
#include <string_view>

namespace flywheel {

// undecided: the text is not UTF-8, or the match ran past its step limit.
enum class PatternMatch { no, yes, undecided };

class Pattern {
 public:
  static constexpr unsigned step_count_max = 100'000;

  // `expression` is part of the program: one that does not compile stops it.
  explicit Pattern(std::string_view expression);
  ~Pattern();
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  PatternMatch search(std::string_view text) const;
  bool found_in(std::string_view text) const { return search(text) == PatternMatch::yes; }

  // Where the first match ends, or npos.
  std::size_t end_of_match(std::string_view text) const;

 private:
  struct Match {
    PatternMatch outcome = PatternMatch::no;
    std::size_t end = std::string_view::npos;
  };
  Match run(std::string_view text) const;

  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace flywheel
