// Bpe turns one word (bytes between two cuts of the pre-tokenizer) into token ids by byte-pair
// merges.
//
// Guarantees: the merge with the lowest rank goes first, the leftmost first among equals (Sennrich
// et
//             al. 2016, as `tokenizers` does it). Short words quadratically, long ones with a heap
//             in O(n log n); repeated words come from a cache of fixed size.
// Threads:    const after construction; the cache locks within.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/transcript.hpp"

namespace flywheel {

class WordCache;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};
using TokenMap = std::unordered_map<std::string, Token, TextHash, std::equal_to<>>;

struct Merge {
  Token left = -1;
  Token right = -1;
  Token merged = -1;
};

struct BpeOptions {
  Token unknown_token = -1;   // stands for a byte that the vocabulary lacks; -1 = such bytes vanish
  bool fuse_unknown = false;  // a row of unknown bytes is one token
  bool ignore_merges = false;  // a word that is a token is that token, whatever its merges say
};

// Rank and result of merging two neighbours, by pair: open addressing, built once.
class MergeTable {
 public:
  struct Entry {
    std::uint64_t pair = empty;
    std::int32_t rank = 0;
    Token merged = -1;
  };

  explicit MergeTable(const std::vector<Merge>& merges);  // ranked by position; a later twin wins
  const Entry* find(Token left, Token right) const;

 private:
  static constexpr std::uint64_t empty = ~0ULL;

  std::vector<Entry> entries_;
  std::size_t mask_;
};

class Bpe {
 public:
  // `words`: the tokens that whole words may become, by their bytes; read where ignore_merges is
  // set.
  Bpe(std::array<Token, 256> byte_tokens, const std::vector<Merge>& merges, TokenMap words,
      BpeOptions options);
  ~Bpe();

  void encode_word(std::string_view word, std::vector<Token>& tokens) const;

 private:
  void first_symbols(std::string_view word, std::vector<Token>& symbols) const;
  void merge_short(std::vector<Token>& symbols) const;
  void merge_long(std::vector<Token>& symbols) const;
  void merge_word(std::string_view word, std::vector<Token>& tokens) const;

  std::array<Token, 256> byte_tokens_;
  MergeTable merges_;
  TokenMap words_;
  BpeOptions options_;
  std::unique_ptr<WordCache> cache_;
};

}  // namespace flywheel
