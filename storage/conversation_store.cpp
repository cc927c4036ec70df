#include "storage/conversation_store.hpp"

#include <algorithm>
#include <deque>

#include <fmt/format.h>

#include "storage/keys.hpp"
#include "storage/lineage.hpp"
#include "storage/record_envelope.hpp"
#include "storage/record_format.hpp"
#include "storage/stored_records.hpp"

namespace flywheel {
namespace {

constexpr std::size_t id_bytes = 16;

Result<> check_parent(const Turn& turn, std::int32_t index) {
  if (turn.parent >= Turn::no_parent && turn.parent < index) return {};
  return fail(
      Failure::invalid_argument,
      fmt::format("turn {} can't have the parent {}: parents come first", index, turn.parent));
}

std::string turn_key(ConversationId id, std::int32_t index) {
  return number_key(RecordKind::conversation_turn, id, static_cast<std::uint64_t>(index));
}

}  // namespace

const char* to_string(VoteChoice choice) {
  switch (choice) {
    case VoteChoice::left:
      return "left";
    case VoteChoice::right:
      return "right";
    case VoteChoice::tie:
      return "tie";
    case VoteChoice::both_bad:
      return "both_bad";
    case VoteChoice::up:
      return "up";
    case VoteChoice::down:
      return "down";
  }
  return "unknown";
}

Result<> ConversationStore::create(const Conversation& conversation) {
  const std::lock_guard lock{mutex_};
  WriteBatch batch;
  FLYWHEEL_TRY_VOID(stage(conversation, batch));
  return store_.write(batch, Durability::synced);
}

Result<> ConversationStore::stage(const Conversation& conversation, WriteBatch& batch) const {
  const std::string key = id_key(RecordKind::conversation, conversation.id);
  if (conversation.id.is_nil())
    return fail(Failure::invalid_argument, "a conversation needs an id");
  FLYWHEEL_TRY(const bool is_stored, has_record(store_, key));
  if (is_stored)
    return fail(Failure::already_exists, to_string(conversation.id) + " is stored already");
  batch.put(key, encode(conversation));
  const auto& turns = conversation.transcript.turns;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const auto index = static_cast<std::int32_t>(i);
    FLYWHEEL_TRY_VOID(check_parent(turns[i], index));
    batch.put(turn_key(conversation.id, index), encode(turns[i]));
  }
  if (!conversation.checkpoint.is_nil()) {
    const auto checkpoint = id_key(RecordKind::checkpoint, conversation.checkpoint);
    FLYWHEEL_TRY_VOID(read_record<CheckpointRecord>(store_, checkpoint));
    put_edge(batch, {conversation.id, Relation::answered_by, conversation.checkpoint});
  }
  return {};
}

Result<std::int32_t> ConversationStore::turn_count(ConversationId id) const {
  const auto known = turn_counts_.find(id);
  if (known != turn_counts_.end()) return known->second;
  std::int32_t count = 0;
  const auto visit = [&](std::string_view key, std::string_view) {
    count = static_cast<std::int32_t>(number_in_key(key, id_bytes)) + 1;
    return true;
  };
  FLYWHEEL_TRY_VOID(store_.scan(id_key(RecordKind::conversation_turn, id), visit));
  return count;
}

Result<std::int32_t> ConversationStore::append_turn(ConversationId id, const Turn& turn) {
  const std::lock_guard lock{mutex_};
  FLYWHEEL_TRY(const auto conversation,
               read_record<Conversation>(store_, id_key(RecordKind::conversation, id)));
  if (conversation.transcript.deleted)
    return fail(Failure::invalid_argument, to_string(id) + " is deleted: start another");
  FLYWHEEL_TRY(const std::int32_t index, turn_count(id));
  FLYWHEEL_TRY_VOID(check_parent(turn, index));
  WriteBatch batch;
  batch.put(turn_key(id, index), encode(turn));
  FLYWHEEL_TRY_VOID(store_.write(batch, Durability::synced));
  if (turn_counts_.size() >= counts_max) turn_counts_.clear();
  turn_counts_[id] = index + 1;
  return index;
}

Result<> ConversationStore::remove(ConversationId id) {
  const std::lock_guard lock{mutex_};
  FLYWHEEL_TRY(Conversation conversation, this->conversation(id));
  WriteBatch batch;
  conversation.transcript.deleted = true;
  conversation.title.clear();
  batch.put(id_key(RecordKind::conversation, id), encode(conversation));
  std::int32_t index = 0;
  for (Turn& turn : conversation.transcript.turns) {
    turn.parts.clear();
    turn.spans.clear();
    batch.put(turn_key(id, index++), encode(turn));
  }
  return store_.write(batch, Durability::synced);
}

Result<Conversation> ConversationStore::conversation(ConversationId id) const {
  const auto snapshot = store_.snapshot();
  FLYWHEEL_TRY(Conversation conversation,
               read_record<Conversation>(*snapshot, id_key(RecordKind::conversation, id)));
  FLYWHEEL_TRY(conversation.transcript.turns,
               read_records<Turn>(*snapshot, id_key(RecordKind::conversation_turn, id)));
  return conversation;
}

Result<std::vector<Conversation>> ConversationStore::list(std::size_t limit,
                                                          ConversationId before) const {
  const std::string end =
      before.is_nil() ? std::string{} : id_key(RecordKind::conversation, before);
  std::deque<std::pair<std::string, std::string>> newest;
  const auto visit = [&](std::string_view key, std::string_view value) {
    if (!end.empty() && key >= end) return false;
    newest.emplace_back(key, value);
    if (newest.size() > limit) newest.pop_front();
    return true;
  };
  FLYWHEEL_TRY_VOID(store_.scan(kind_key(RecordKind::conversation), visit));
  std::vector<Conversation> conversations;
  for (auto at = newest.rbegin(); at != newest.rend(); ++at) {
    FLYWHEEL_TRY(Conversation conversation, decode<Conversation>(at->first, at->second));
    conversations.push_back(std::move(conversation));
  }
  return conversations;
}

Result<> ConversationStore::add_vote(const Vote& vote, std::span<const Conversation> answers) {
  if (vote.id.is_nil() || vote.candidates.empty())
    return fail(Failure::invalid_argument, "a vote needs an id and what it is about");
  const std::lock_guard lock{mutex_};
  FLYWHEEL_TRY(const bool is_stored, has_record(store_, id_key(RecordKind::vote, vote.id)));
  if (is_stored) return fail(Failure::already_exists, to_string(vote.id) + " is stored already");
  WriteBatch batch;
  for (const Conversation& answer : answers) FLYWHEEL_TRY_VOID(stage(answer, batch));
  batch.put(id_key(RecordKind::vote, vote.id), encode(vote));
  for (const VoteCandidate& candidate : vote.candidates) {
    const bool is_staged = std::any_of(answers.begin(), answers.end(), [&](const auto& answer) {
      return answer.id == candidate.conversation;
    });
    if (!is_staged) {
      const auto conversation = id_key(RecordKind::conversation, candidate.conversation);
      FLYWHEEL_TRY_VOID(read_record<Conversation>(store_, conversation));
    }
    batch.put(pair_key(RecordKind::vote_on_conversation, candidate.conversation, vote.id),
              seal_mark(RecordKind::vote_on_conversation));
    put_edge(batch, {vote.id, Relation::judges, candidate.conversation});
    if (candidate.checkpoint.is_nil()) continue;
    const auto checkpoint = id_key(RecordKind::checkpoint, candidate.checkpoint);
    FLYWHEEL_TRY_VOID(read_record<CheckpointRecord>(store_, checkpoint));
    put_edge(batch, {vote.id, Relation::judges, candidate.checkpoint});
  }
  return store_.write(batch, Durability::synced);
}

Result<Vote> ConversationStore::vote(VoteId id) const {
  return read_record<Vote>(store_, id_key(RecordKind::vote, id));
}

Result<std::vector<Vote>> ConversationStore::votes() const {
  return read_records<Vote>(store_, kind_key(RecordKind::vote));
}

Result<std::vector<Vote>> ConversationStore::votes_on(ConversationId id) const {
  std::vector<VoteId> ids;
  const auto visit = [&](std::string_view key, std::string_view) {
    ids.push_back(VoteId{id_in_key(key, id_bytes)});
    return true;
  };
  FLYWHEEL_TRY_VOID(store_.scan(id_key(RecordKind::vote_on_conversation, id), visit));
  std::vector<Vote> votes;
  for (const VoteId& vote_id : ids) {
    FLYWHEEL_TRY(Vote each, vote(vote_id));
    votes.push_back(std::move(each));
  }
  return votes;
}

}  // namespace flywheel
