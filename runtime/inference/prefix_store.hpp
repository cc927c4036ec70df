// PrefixStore owns the KV blocks of sequences in flight and of some that have lately finished, so
// that a later sequence that begins alike (a sample of the same prompt, the next turn of a
// conversation) takes over what is computed.
//
// Guarantees: blocks of finished sequences give way, oldest first, before a sequence in flight
// lacks
//             one; so what is reserved by admission is there when it is needed.
// Threads:    one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "runtime/base/transcript.hpp"
#include "runtime/inference/kv_cache.hpp"

namespace flywheel {

// The blocks that hold a sequence's positions 0 to n - 1, in order.
struct HeldBlocks {
  std::vector<KvCache::Block> blocks{};
  std::vector<std::byte*> data{};  // of each block: what the decoder reads
};

// What admission asks of a sequence in flight.
struct BlockNeed {
  const HeldBlocks* held = nullptr;
  std::int64_t positions = 0;      // that it holds
  std::int64_t positions_max = 0;  // that it may come to hold
};

// Length of the common beginning.
std::int64_t common_length(std::span<const Token> a, std::span<const Token> b);

class PrefixStore {
 public:
  struct Finished {
    std::vector<Token> tokens{};  // one a position
    HeldBlocks held{};
  };

  PrefixStore(std::int64_t block_bytes, std::int64_t blocks_max, std::size_t finished_max);

  // Whether one more sequence of `positions` fits beside those in flight, whatever they share.
  bool has_room(std::span<const BlockNeed> in_flight, std::int64_t positions);
  bool could_ever_fit(std::int64_t positions) const;

  // `to`, which holds nothing, holds the blocks of the first `positions` of `from`.
  void share(HeldBlocks& to, const HeldBlocks& from, std::int64_t positions);
  // Makes the block of `position`, the next one or within the last block, the sequence's alone.
  void make_writable(HeldBlocks& held, std::int64_t position);
  void release(HeldBlocks& held);
  void keep_finished(std::vector<Token> tokens, HeldBlocks held);
  void forget_finished();

  const std::deque<Finished>& finished() const { return finished_; }  // oldest first
  std::uint64_t bytes_of(std::span<const BlockNeed> in_flight);       // of distinct blocks

 private:
  std::int64_t distinct_blocks(std::span<const BlockNeed> in_flight);
  std::int64_t blocks_to_come(std::span<const BlockNeed> in_flight);
  void make_room();

  KvCache cache_;
  std::size_t finished_max_;
  std::deque<Finished> finished_{};
  std::vector<std::uint32_t> marks_{};  // scratch, by block
  std::vector<KvCache::Block> tails_{};
};

}  // namespace flywheel
