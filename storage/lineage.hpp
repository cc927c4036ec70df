// Lineage is what came from what: edges between ids of any kind, kept forward and backward.
//
//   subject ─relation▶ object        checkpoint ─made_by▶ run ─trained_on▶ dataset version
//
// The stores write the edges of their own records in the same batch as the record.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/base/id.hpp"
#include "storage/key_value_store.hpp"

namespace flywheel {

// The numbers are on disk: append, never reuse.
enum class Relation : std::uint8_t {
  derived_from = 1,  // dataset version, checkpoint: of its parent
  made_by = 2,       // checkpoint, rollout: the run
  trained_on = 3,    // run: dataset version
  answered_by = 4,   // conversation: checkpoint
  judges = 5,        // vote: conversation or checkpoint
  measured = 6,      // evaluation: checkpoint or dataset version
};

const char* to_string(Relation relation);

struct Edge {
  AnyId subject{};
  Relation relation = Relation::derived_from;
  AnyId object{};

  auto operator<=>(const Edge&) const = default;
};

void put_edge(WriteBatch& batch, const Edge& edge);  // both directions

// The edge that an edge's key speaks of; nothing for another key.
std::optional<Edge> edge_in_key(std::string_view key);

Result<> add_edges(KeyValueStore& store, const std::vector<Edge>& edges);  // one synced write
Result<std::vector<Edge>> edges_from(const KeyValueReader& store, const AnyId& subject);
Result<std::vector<Edge>> edges_to(const KeyValueReader& store, const AnyId& object);

// Everything that `id` came from (edges followed forward), nearest first, each id once; at most
// `limit` ids. descendants_of follows the edges backward: what came from it.
Result<std::vector<AnyId>> ancestors_of(const KeyValueReader& store, const AnyId& id,
                                        std::size_t limit = 10'000);
Result<std::vector<AnyId>> descendants_of(const KeyValueReader& store, const AnyId& id,
                                          std::size_t limit = 10'000);

}  // namespace flywheel
