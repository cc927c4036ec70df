#include "storage/lineage.hpp"

#include <deque>
#include <optional>
#include <set>

#include "storage/keys.hpp"
#include "storage/record_envelope.hpp"

namespace flywheel {
namespace {

constexpr std::size_t id_bytes = 16;

std::string edge_key(RecordKind kind, const AnyId& near, Relation relation, const AnyId& far) {
  std::string key = id_key(kind, near);
  key.push_back(static_cast<char>(relation));
  const auto bytes = far.bytes();
  key.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return key;
}

Result<std::vector<Edge>> edges_of(const KeyValueReader& store, RecordKind kind,
                                   const AnyId& near) {
  std::vector<Edge> edges;
  std::optional<Error> refusal;
  const auto visit = [&](std::string_view key, std::string_view value) {
    const auto mark = check_mark(key, value);
    if (!mark) refusal = mark.error();
    if (const auto edge = edge_in_key(key)) edges.push_back(*edge);
    return !refusal;
  };
  FLYWHEEL_TRY_VOID(store.scan(id_key(kind, near), visit));
  if (refusal) return fail(std::move(*refusal));
  return edges;
}

Result<std::vector<AnyId>> reach(const KeyValueReader& store, RecordKind kind, const AnyId& id,
                                 std::size_t limit) {
  std::vector<AnyId> reached;
  std::set<AnyId> seen{id};
  std::deque<AnyId> open{id};
  while (!open.empty()) {
    FLYWHEEL_TRY(const auto edges, edges_of(store, kind, open.front()));
    open.pop_front();
    for (const Edge& edge : edges) {
      const AnyId& next = kind == RecordKind::edge_forward ? edge.object : edge.subject;
      if (reached.size() >= limit) return reached;
      if (!seen.insert(next).second) continue;
      reached.push_back(next);
      open.push_back(next);
    }
  }
  return reached;
}

}  // namespace

const char* to_string(Relation relation) {
  switch (relation) {
    case Relation::derived_from:
      return "derived_from";
    case Relation::made_by:
      return "made_by";
    case Relation::trained_on:
      return "trained_on";
    case Relation::answered_by:
      return "answered_by";
    case Relation::judges:
      return "judges";
    case Relation::measured:
      return "measured";
  }
  return "unknown";
}

void put_edge(WriteBatch& batch, const Edge& edge) {
  batch.put(edge_key(RecordKind::edge_forward, edge.subject, edge.relation, edge.object),
            seal_mark(RecordKind::edge_forward));
  batch.put(edge_key(RecordKind::edge_backward, edge.object, edge.relation, edge.subject),
            seal_mark(RecordKind::edge_backward));
}

std::optional<Edge> edge_in_key(std::string_view key) {
  if (key.size() != 1 + id_bytes + 1 + id_bytes) return std::nullopt;
  const AnyId near = id_in_key(key);
  const auto relation = static_cast<Relation>(key[1 + id_bytes]);
  const AnyId far = id_in_key(key, id_bytes + 1);
  if (kind_of_key(key) == RecordKind::edge_forward) return Edge{near, relation, far};
  return Edge{far, relation, near};
}

Result<> add_edges(KeyValueStore& store, const std::vector<Edge>& edges) {
  WriteBatch batch;
  for (const Edge& edge : edges) put_edge(batch, edge);
  return batch.empty() ? Result<>{} : store.write(batch, Durability::synced);
}

Result<std::vector<Edge>> edges_from(const KeyValueReader& store, const AnyId& subject) {
  return edges_of(store, RecordKind::edge_forward, subject);
}

Result<std::vector<Edge>> edges_to(const KeyValueReader& store, const AnyId& object) {
  return edges_of(store, RecordKind::edge_backward, object);
}

Result<std::vector<AnyId>> ancestors_of(const KeyValueReader& store, const AnyId& id,
                                        std::size_t limit) {
  return reach(store, RecordKind::edge_forward, id, limit);
}

Result<std::vector<AnyId>> descendants_of(const KeyValueReader& store, const AnyId& id,
                                          std::size_t limit) {
  return reach(store, RecordKind::edge_backward, id, limit);
}

}  // namespace flywheel
