#include "runtime/inference/prefix_store.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/inference/kernels.hpp"

namespace flywheel {
namespace {

std::int64_t blocks_for(std::int64_t positions) {
  return round_up(positions, kv_block_tokens) / kv_block_tokens;
}

}  // namespace

std::int64_t common_length(std::span<const Token> a, std::span<const Token> b) {
  const auto length = static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
  return std::mismatch(a.begin(), a.begin() + length, b.begin()).first - a.begin();
}

PrefixStore::PrefixStore(std::int64_t block_bytes, std::int64_t blocks_max,
                         std::size_t finished_max)
    : cache_(block_bytes, blocks_max), finished_max_(finished_max) {}

std::int64_t PrefixStore::distinct_blocks(std::span<const BlockNeed> in_flight) {
  marks_.assign(cache_.block_numbers(), 0);
  std::int64_t count = 0;
  for (const BlockNeed& need : in_flight)
    for (const KvCache::Block block : need.held->blocks) count += marks_[block]++ == 0 ? 1 : 0;
  return count;
}

// Blocks that those in flight may still take: the ones they have not begun, and copies of
// half-filled last blocks. Of n holders of such a block, the last one left writes in place.
std::int64_t PrefixStore::blocks_to_come(std::span<const BlockNeed> in_flight) {
  std::int64_t count = 0;
  tails_.clear();
  for (const BlockNeed& need : in_flight) {
    count += blocks_for(need.positions_max) - static_cast<std::int64_t>(need.held->blocks.size());
    if (need.positions % kv_block_tokens != 0 && need.positions < need.positions_max)
      tails_.push_back(need.held->blocks.back());
  }
  std::sort(tails_.begin(), tails_.end());
  for (std::size_t i = 0; i < tails_.size();) {
    std::size_t end = i;
    while (end < tails_.size() && tails_[end] == tails_[i]) ++end;
    const std::int64_t others = static_cast<std::int64_t>(cache_.holders(tails_[i])) - 1;
    count += std::min(static_cast<std::int64_t>(end - i), others);
    i = end;
  }
  return count;
}

bool PrefixStore::has_room(std::span<const BlockNeed> in_flight, std::int64_t positions) {
  return distinct_blocks(in_flight) + blocks_to_come(in_flight) + blocks_for(positions) <=
         cache_.blocks_max();
}

bool PrefixStore::could_ever_fit(std::int64_t positions) const {
  return blocks_for(positions) <= cache_.blocks_max();
}

std::uint64_t PrefixStore::bytes_of(std::span<const BlockNeed> in_flight) {
  return static_cast<std::uint64_t>(distinct_blocks(in_flight) * cache_.block_bytes());
}

void PrefixStore::share(HeldBlocks& to, const HeldBlocks& from, std::int64_t positions) {
  FLYWHEEL_CHECK(to.blocks.empty());
  const auto count = static_cast<std::ptrdiff_t>(blocks_for(positions));
  to.blocks.assign(from.blocks.begin(), from.blocks.begin() + count);
  to.data.assign(from.data.begin(), from.data.begin() + count);
  for (const KvCache::Block block : to.blocks) cache_.hold(block);
}

void PrefixStore::make_room() {
  while (cache_.is_full()) {
    FLYWHEEL_CHECK(!finished_.empty());
    release(finished_.front().held);
    finished_.pop_front();
  }
}

void PrefixStore::make_writable(HeldBlocks& held, std::int64_t position) {
  const auto index = static_cast<std::size_t>(position / kv_block_tokens);
  FLYWHEEL_CHECK(index <= held.blocks.size());
  if (index == held.blocks.size()) {
    make_room();
    held.blocks.push_back(cache_.acquire());
    held.data.push_back(cache_.data(held.blocks.back()));
  } else if (cache_.holders(held.blocks[index]) > 1) {
    make_room();
    if (cache_.holders(held.blocks[index]) == 1) return;  // the other holder has given way
    const KvCache::Block copy = cache_.acquire_copy(held.blocks[index]);
    cache_.release(held.blocks[index]);
    held.blocks[index] = copy;
    held.data[index] = cache_.data(copy);
  }
}

void PrefixStore::release(HeldBlocks& held) {
  for (const KvCache::Block block : held.blocks) cache_.release(block);
  held = {};
}

void PrefixStore::keep_finished(std::vector<Token> tokens, HeldBlocks held) {
  finished_.push_back({std::move(tokens), std::move(held)});
  if (finished_.size() > finished_max_) {
    release(finished_.front().held);
    finished_.pop_front();
  }
}

void PrefixStore::forget_finished() {
  for (Finished& finished : finished_) release(finished.held);
  finished_.clear();
}

}  // namespace flywheel
