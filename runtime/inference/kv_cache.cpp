#include "runtime/inference/kv_cache.hpp"

#include <cstring>

#include "runtime/base/check.hpp"
#include "runtime/inference/kernels.hpp"

namespace flywheel {

namespace {
constexpr std::size_t slab_blocks = 32;
}

KvCache::KvCache(std::int64_t block_bytes, std::int64_t blocks_max)
    : block_bytes_(round_up(block_bytes, 64)), blocks_max_(blocks_max) {}

KvCache::Block KvCache::acquire() {
  FLYWHEEL_CHECK(!is_full());
  if (free_.empty()) {
    slabs_.emplace_back(slab_blocks * static_cast<std::size_t>(block_bytes_));
    const std::size_t first = holders_.size();
    holders_.resize(first + slab_blocks, 0);
    for (std::size_t i = slab_blocks; i-- > 0;) free_.push_back(static_cast<Block>(first + i));
  }
  const Block block = free_.back();
  free_.pop_back();
  holders_[block] = 1;
  ++blocks_used_;
  return block;
}

KvCache::Block KvCache::acquire_copy(Block of) {
  const Block block = acquire();
  std::memcpy(data(block), data(of), static_cast<std::size_t>(block_bytes_));
  return block;
}

void KvCache::release(Block block) {
  FLYWHEEL_CHECK(holders_[block] > 0);
  if (--holders_[block] > 0) return;
  free_.push_back(block);
  --blocks_used_;
}

std::byte* KvCache::data(Block block) const {
  return slabs_[block / slab_blocks].data() +
         block % slab_blocks * static_cast<std::size_t>(block_bytes_);
}

}  // namespace flywheel
