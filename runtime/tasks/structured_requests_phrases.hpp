// What the simulated users of structured_requests say: topics, personas and phrasings by split.
//
// Guarantee: no topic and no phrasing is in both splits (a test proves it). "{n}" stands for the
// number as a digit, "{number}" for it as a word, "{t}" for the topic; in later turns "{first}" and
// "{last}" stand for an item of the answer before.
#pragma once

#include <span>
#include <string_view>

#include "runtime/tasks/structured_requests.hpp"

namespace flywheel {

struct OpeningPhrase {
  std::string_view persona{};
  std::string_view text{};
  ListStyle style = ListStyle::any;
};

struct LaterPhrase {
  ListAsk ask = ListAsk::keep;
  std::string_view persona{};
  std::string_view text{};
};

// Everything that one split draws from.
struct PhraseBook {
  std::span<const std::string_view> topics{};
  std::span<const OpeningPhrase> openings{};
  std::span<const LaterPhrase> later{};  // every ask of every persona has at least one
  std::span<const std::string_view> goals{};
};

const PhraseBook& training_phrases();
const PhraseBook& held_out_phrases();

}  // namespace flywheel
