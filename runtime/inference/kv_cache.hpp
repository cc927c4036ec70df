// KvCache is the pool of blocks that hold keys and values: 16 positions of all layers and kv heads
// a block. Sequences with a common beginning hold the same blocks; a block is written only by a
// sequence that holds it alone.
//
// Guarantees: never more than `blocks_max` blocks; memory is taken as it is first needed.
// Threads:    one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/inference/page_buffer.hpp"

namespace flywheel {

class KvCache {
 public:
  using Block = std::uint32_t;

  KvCache(std::int64_t block_bytes, std::int64_t blocks_max);

  Block acquire();  // held once; a free block must exist
  Block acquire_copy(Block of);
  void hold(Block block) { ++holders_[block]; }
  void release(Block block);
  std::uint32_t holders(Block block) const { return holders_[block]; }
  std::byte* data(Block block) const;

  std::int64_t block_bytes() const { return block_bytes_; }
  std::int64_t blocks_max() const { return blocks_max_; }
  std::int64_t blocks_used() const { return blocks_used_; }
  bool is_full() const { return blocks_used_ == blocks_max_; }
  std::size_t block_numbers() const { return holders_.size(); }  // all so far: ids are below

 private:
  std::int64_t block_bytes_;
  std::int64_t blocks_max_;
  std::int64_t blocks_used_ = 0;
  std::vector<PageBuffer> slabs_{};  // of slab_blocks blocks each
  std::vector<std::uint32_t> holders_{};
  std::vector<Block> free_{};
};

}  // namespace flywheel
