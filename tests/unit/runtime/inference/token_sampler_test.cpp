// What a draw does where the logits are no distribution: finite weights can overflow.
#include "runtime/inference/token_sampler.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

using namespace flywheel;

namespace {

constexpr std::int64_t vocabulary = 61;  // padded to 64
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<float> plain_logits() {
  std::vector<float> logits(64, -infinity);
  for (std::size_t i = 0; i < vocabulary; ++i) logits[i] = static_cast<float>(i % 7) - 3.0F;
  return logits;
}

std::vector<float> logits_with(std::size_t at, float value) {
  auto logits = plain_logits();
  logits[at] = value;
  return logits;
}

// Draws in every way, on every set of instructions that this CPU runs.
template <class Check>
void for_each_draw(const std::vector<float>& logits, Check check) {
  for (int set = 0; set <= static_cast<int>(best_instruction_set()); ++set)
    for (const SamplingParameters& sampling :
         {SamplingParameters{}, SamplingParameters{.temperature = 0.0},
          SamplingParameters{.temperature = 0.7}, SamplingParameters{.top_k = 5},
          SamplingParameters{.top_p = 0.9}, SamplingParameters{.top_k = 5, .top_p = 0.9}})
      for (const double unit : {0.0, 0.5, 0.999999}) {
        CAPTURE(set);
        CAPTURE(sampling.temperature);
        CAPTURE(sampling.top_k);
        CAPTURE(sampling.top_p);
        CAPTURE(unit);
        TokenSampler sampler;
        const auto& kernels = kernels_of(static_cast<InstructionSet>(set), Precision::float32);
        check(sampler.draw(kernels, logits.data(), vocabulary, sampling, unit));
      }
}

void check_refused(const std::vector<float>& logits) {
  for_each_draw(logits, [](const TokenChoice& choice) {
    CHECK(choice.token == no_token);
    CHECK(choice.log_probability == 0.0F);
  });
}

}  // namespace

TEST_SUITE("runtime/inference/token_sampler") {
  TEST_CASE("nothing is drawn from logits that are all NaN") {
    check_refused(std::vector<float>(64, not_a_number));
  }

  TEST_CASE("one NaN among finite logits is found wherever it stands") {
    for (const std::size_t at : {0, 1, 15, 16, 33, 60}) {
      CAPTURE(at);
      check_refused(logits_with(at, not_a_number));
      check_refused(logits_with(at, -not_a_number));
    }
  }

  TEST_CASE("nothing is drawn where a logit is infinite, or none is finite") {
    check_refused(logits_with(20, infinity));
    check_refused(std::vector<float>(64, -infinity));
    check_refused(std::vector<float>(64, infinity));
  }

  TEST_CASE("a token of logit -infinity is never drawn, the others are") {
    for_each_draw(logits_with(6, -infinity), [](const TokenChoice& choice) {
      CHECK(choice.token >= 0);
      CHECK(choice.token < vocabulary);
      CHECK(choice.token != 6);
      CHECK(std::isfinite(choice.log_probability));
    });
  }
}
