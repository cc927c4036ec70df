#include "runtime/model/tokenizer_bpe.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <queue>
#include <utility>

#include "runtime/model/tokenizer_cache.hpp"

namespace flywheel {
namespace {

constexpr std::size_t short_word_symbols_max = 40;
constexpr std::int32_t no_rank = std::numeric_limits<std::int32_t>::max();

std::uint64_t pair_of(Token left, Token right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
         static_cast<std::uint32_t>(right);
}

std::size_t slot_of(std::uint64_t pair) {
  pair *= 0x9e3779b97f4a7c15ULL;
  return static_cast<std::size_t>(pair ^ pair >> 29);
}

struct Candidate {
  std::int32_t rank;
  std::int32_t position;
  Token merged;

  // Reversed: the queue gives its greatest first, and lower ranks, then lower positions go first.
  bool operator<(const Candidate& other) const {
    return std::pair{rank, position} > std::pair{other.rank, other.position};
  }
};

struct Symbol {
  Token token;
  std::int32_t previous;
  std::int32_t next;
};

}  // namespace

MergeTable::MergeTable(const std::vector<Merge>& merges)
    : entries_(std::bit_ceil(std::max<std::size_t>(16, merges.size() * 2))),
      mask_(entries_.size() - 1) {
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::uint64_t pair = pair_of(merges[rank].left, merges[rank].right);
    std::size_t slot = slot_of(pair) & mask_;
    while (entries_[slot].pair != empty && entries_[slot].pair != pair) slot = (slot + 1) & mask_;
    entries_[slot] = {pair, static_cast<std::int32_t>(rank), merges[rank].merged};
  }
}

const MergeTable::Entry* MergeTable::find(Token left, Token right) const {
  const std::uint64_t pair = pair_of(left, right);
  for (std::size_t slot = slot_of(pair) & mask_;; slot = (slot + 1) & mask_) {
    if (entries_[slot].pair == pair) return &entries_[slot];
    if (entries_[slot].pair == empty) return nullptr;
  }
}

Bpe::Bpe(std::array<Token, 256> byte_tokens, const std::vector<Merge>& merges, TokenMap words,
         BpeOptions options)
    : byte_tokens_(byte_tokens),
      merges_(merges),
      words_(std::move(words)),
      options_(options),
      cache_(std::make_unique<WordCache>()) {}

Bpe::~Bpe() = default;

void Bpe::encode_word(std::string_view word, std::vector<Token>& tokens) const {
  if (cache_->find(word, tokens)) return;
  const std::size_t first = tokens.size();
  merge_word(word, tokens);
  cache_->put(word, {tokens.data() + first, tokens.size() - first});
}

void Bpe::merge_word(std::string_view word, std::vector<Token>& tokens) const {
  if (options_.ignore_merges) {
    if (const auto found = words_.find(word); found != words_.end()) {
      tokens.push_back(found->second);
      return;
    }
  }
  std::vector<Token> symbols;
  first_symbols(word, symbols);
  if (symbols.size() <= short_word_symbols_max)
    merge_short(symbols);
  else
    merge_long(symbols);
  tokens.insert(tokens.end(), symbols.begin(), symbols.end());
}

void Bpe::first_symbols(std::string_view word, std::vector<Token>& symbols) const {
  symbols.reserve(word.size());
  bool after_unknown = false;
  for (const char byte : word) {
    const Token token = byte_tokens_[static_cast<unsigned char>(byte)];
    if (token >= 0) {
      symbols.push_back(token);
    } else if (options_.unknown_token >= 0 && !(after_unknown && options_.fuse_unknown)) {
      symbols.push_back(options_.unknown_token);
    }
    after_unknown = token < 0;
  }
}

void Bpe::merge_short(std::vector<Token>& symbols) const {
  std::array<std::int32_t, short_word_symbols_max> ranks{};  // of merging i with i + 1
  const auto rank_at = [&](std::size_t i) {
    if (i + 1 >= symbols.size()) return no_rank;
    const auto* entry = merges_.find(symbols[i], symbols[i + 1]);
    return entry == nullptr ? no_rank : entry->rank;
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) ranks[i] = rank_at(i);
  while (symbols.size() > 1) {
    const auto size = static_cast<std::ptrdiff_t>(symbols.size());
    const auto best = std::min_element(ranks.begin(), ranks.begin() + size - 1) - ranks.begin();
    const auto i = static_cast<std::size_t>(best);
    if (ranks[i] == no_rank) return;
    symbols[i] = merges_.find(symbols[i], symbols[i + 1])->merged;
    symbols.erase(symbols.begin() + best + 1);
    std::copy(ranks.begin() + best + 2, ranks.begin() + size, ranks.begin() + best + 1);
    ranks[i] = rank_at(i);
    if (i > 0) ranks[i - 1] = rank_at(i - 1);
  }
}

void Bpe::merge_long(std::vector<Token>& symbols) const {
  const auto size = static_cast<std::int32_t>(symbols.size());
  std::vector<Symbol> chain(symbols.size());
  std::priority_queue<Candidate> candidates;
  const auto at = [&](std::int32_t i) -> Symbol& { return chain[static_cast<std::size_t>(i)]; };
  const auto offer = [&](std::int32_t left) {
    if (left < 0 || at(left).next < 0) return;
    const auto* entry = merges_.find(at(left).token, at(at(left).next).token);
    if (entry != nullptr) candidates.push({entry->rank, left, entry->merged});
  };
  for (std::int32_t i = 0; i < size; ++i)
    at(i) = {symbols[static_cast<std::size_t>(i)], i - 1, i + 1 < size ? i + 1 : -1};
  for (std::int32_t i = 0; i < size; ++i) offer(i);

  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    Symbol& left = at(best.position);
    if (left.token < 0 || left.next < 0) continue;
    Symbol& right = at(left.next);
    const auto* entry = merges_.find(left.token, right.token);
    if (entry == nullptr || entry->merged != best.merged) continue;  // one side has grown since
    left.token = best.merged;
    right.token = -1;
    left.next = right.next;
    if (left.next >= 0) at(left.next).previous = best.position;
    offer(left.previous);
    offer(best.position);
  }
  symbols.clear();
  for (std::int32_t i = 0; i >= 0; i = at(i).next) symbols.push_back(at(i).token);
}

}  // namespace flywheel
