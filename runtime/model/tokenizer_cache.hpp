// WordCache remembers the tokens of words seen lately, so that most words cost one look-up.
//
// Guarantees: fixed size (2 MiB), a later word takes an earlier one's place; words or results that
//             do not fit an entry are not kept.
// Threads:    any; entries are guarded by a row of locks.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/base/hash.hpp"
#include "runtime/base/transcript.hpp"

namespace flywheel {

class WordCache {
 public:
  // Appends the tokens of `word` to `tokens` and returns true, or returns false.
  bool find(std::string_view word, std::vector<Token>& tokens) const {
    if (word.size() > word_bytes_max) return false;
    const std::size_t slot = slot_of(word);
    const std::lock_guard lock{locks_[slot % lock_count]};
    const Entry& entry = entries_[slot];
    if (entry.word_size != word.size() || entry.token_count == 0 ||
        std::memcmp(entry.word.data(), word.data(), word.size()) != 0)
      return false;
    tokens.insert(tokens.end(), entry.tokens.begin(), entry.tokens.begin() + entry.token_count);
    return true;
  }

  void put(std::string_view word, std::span<const Token> tokens) {
    if (word.size() > word_bytes_max || tokens.empty() || tokens.size() > token_count_max) return;
    const std::size_t slot = slot_of(word);
    const std::lock_guard lock{locks_[slot % lock_count]};
    Entry& entry = entries_[slot];
    entry.word_size = static_cast<std::uint8_t>(word.size());
    entry.token_count = static_cast<std::uint8_t>(tokens.size());
    std::memcpy(entry.word.data(), word.data(), word.size());
    std::memcpy(entry.tokens.data(), tokens.data(), tokens.size_bytes());
  }

 private:
  static constexpr std::size_t entry_count = 1 << 15;
  static constexpr std::size_t lock_count = 64;
  static constexpr std::size_t word_bytes_max = 30;
  static constexpr std::size_t token_count_max = 8;

  struct Entry {
    std::uint8_t word_size = 0;
    std::uint8_t token_count = 0;
    std::array<char, word_bytes_max> word{};
    std::array<Token, token_count_max> tokens{};
  };

  static std::size_t slot_of(std::string_view word) {
    return static_cast<std::size_t>(hash_text(word).low) % entry_count;
  }

  mutable std::array<std::mutex, lock_count> locks_{};
  std::vector<Entry> entries_ = std::vector<Entry>(entry_count);
};

}  // namespace flywheel
