#include "runtime/grading/pattern.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "runtime/base/check.hpp"

namespace flywheel {

struct Pattern::Compiled {
  pcre2_code* code = nullptr;
  pcre2_match_context* limits = nullptr;

  ~Compiled() {
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
  }
};

Pattern::Pattern(std::string_view expression) : compiled_(std::make_unique<Compiled>()) {
  int error = 0;
  PCRE2_SIZE error_at = 0;
  compiled_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()),
                                  expression.size(), PCRE2_UTF, &error, &error_at, nullptr);
  FLYWHEEL_CHECK(compiled_->code != nullptr);
  compiled_->limits = pcre2_match_context_create(nullptr);
  FLYWHEEL_CHECK(compiled_->limits != nullptr);
  pcre2_set_match_limit(compiled_->limits, step_count_max);
}

Pattern::~Pattern() = default;

Pattern::Match Pattern::run(std::string_view text) const {
  struct FreeData {
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  };
  // Patterns are shared between threads; what one match needs is its own.
  const std::unique_ptr<pcre2_match_data, FreeData> data{
      pcre2_match_data_create_from_pattern(compiled_->code, nullptr)};
  if (!data) return {PatternMatch::undecided};
  const int found = pcre2_match(compiled_->code, reinterpret_cast<PCRE2_SPTR>(text.data()),
                                text.size(), 0, 0, data.get(), compiled_->limits);
  if (found == PCRE2_ERROR_NOMATCH) return {};
  if (found < 0) return {PatternMatch::undecided};
  return {PatternMatch::yes, pcre2_get_ovector_pointer(data.get())[1]};
}

PatternMatch Pattern::search(std::string_view text) const {
  return run(text).outcome;
}

std::size_t Pattern::end_of_match(std::string_view text) const {
  return run(text).end;
}

}  // namespace flywheel
