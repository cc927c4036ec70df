// ConversationStore keeps conversations turn by turn, and the votes on them.
//
// Guarantees: every call that answers has written what it was given in one synced write; a vote or
// a
//             turn that was answered is there after kill -9; a deleted conversation leaves a
//             tombstone.
// Threads:    any number.
#pragma once

#include <map>
#include <mutex>
#include <span>

#include "storage/key_value_store.hpp"
#include "storage/records.hpp"

namespace flywheel {

class ConversationStore {
 public:
  explicit ConversationStore(KeyValueStore& store) : store_(store) {}

  // With the turns it has already. already_exists; invalid_argument: a turn's parent is not before
  // it.
  Result<> create(const Conversation& conversation);
  // Returns the turn's index.
  Result<std::int32_t> append_turn(ConversationId id, const Turn& turn);
  Result<> remove(ConversationId id);  // parts and spans go, the tombstone stays

  Result<Conversation> conversation(ConversationId id) const;
  // Newest first, without turns; `before` nil = from the newest.
  Result<std::vector<Conversation>> list(std::size_t limit, ConversationId before = {}) const;

  // With the conversations it judges that are not stored yet, all in one write. not_found: another
  // conversation, or a checkpoint, that it judges is not stored.
  Result<> add_vote(const Vote& vote, std::span<const Conversation> answers = {});
  Result<Vote> vote(VoteId id) const;
  Result<std::vector<Vote>> votes() const;  // in time order
  Result<std::vector<Vote>> votes_on(ConversationId id) const;

 private:
  static constexpr std::size_t counts_max = 10'000;

  // What create() writes; under the mutex, as turn_count().
  Result<> stage(const Conversation& conversation, WriteBatch& batch) const;
  Result<std::int32_t> turn_count(ConversationId id) const;

  KeyValueStore& store_;
  std::mutex mutex_;                                    // a turn's index is the count before it
  std::map<ConversationId, std::int32_t> turn_counts_;  // of conversations that were appended to
};

}  // namespace flywheel
