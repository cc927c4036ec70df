// KeyValueStore is an ordered map from bytes to bytes that survives a crash: what every store of
// this folder stands on. rocksdb_store is the real one, memory_store the one that tests can break.
//
// Guarantees: a batch is written whole or not at all; a batch written with Durability::synced is
// there
//             after the power fails; a batch of which a later one is synced is there too; keys are
//             visited in byte order; a snapshot does not change while others write.
// Threads:    any number at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace flywheel {

enum class Durability : std::uint8_t { buffered, synced };

// Changes that are made together; later ones win over earlier ones of the same key.
class WriteBatch {
 public:
  struct Operation {
    bool is_put = false;
    std::string key{};
    std::string value{};
  };

  void put(std::string key, std::string value) {
    size_bytes_ += key.size() + value.size();
    operations_.push_back({true, std::move(key), std::move(value)});
  }
  void erase(std::string key) {
    size_bytes_ += key.size();
    operations_.push_back({false, std::move(key), {}});
  }
  const std::vector<Operation>& operations() const { return operations_; }
  std::size_t size_bytes() const { return size_bytes_; }
  bool empty() const { return operations_.empty(); }

 private:
  std::vector<Operation> operations_;
  std::size_t size_bytes_ = 0;
};

// Returns false to stop the visit.
using KeyValueVisitor = std::function<bool(std::string_view key, std::string_view value)>;

class KeyValueReader {
 public:
  virtual ~KeyValueReader() = default;

  // not_found where the key is absent; corrupt where the bytes do not match their checksum.
  virtual Result<std::string> get(std::string_view key) const = 0;

  // Visits, in order, the pairs whose key begins with `prefix`, from the key `from` on where it is
  // given. corrupt: what came before the damage has been visited.
  virtual Result<> scan(std::string_view prefix, const KeyValueVisitor& visit,
                        std::string_view from = {}) const = 0;
};

class KeyValueStore : public KeyValueReader {
 public:
  // resource_exhausted: the disk is full. After any error the batch must be taken as not written.
  virtual Result<> write(const WriteBatch& batch, Durability durability) = 0;

  // What is stored now, unchanged by later writes. Must not outlive the store.
  virtual std::unique_ptr<KeyValueReader> snapshot() const = 0;
};

}  // namespace flywheel
