// Conversations turn by turn, and votes that last.
#include "storage/conversation_store.hpp"

#include <doctest/doctest.h>

#include "storage/memory_store.hpp"
#include "tests/unit/storage/sample_records.hpp"

namespace flywheel {
namespace {

ConversationId conversation_id(std::uint64_t number) {
  return derive_id<ConversationId>(AnyId{number << 20, 1}, number);
}

Conversation chat(std::uint64_t number) {
  Conversation conversation;
  conversation.id = conversation_id(number);
  conversation.title = "chat " + std::to_string(number);
  conversation.model = "base";
  conversation.transcript = sample_transcript();
  return conversation;
}

Turn answer_to(std::int32_t parent) {
  Turn turn;
  turn.parent = parent;
  turn.role = Role::assistant;
  turn.parts.push_back({PartKind::text, "answer", "", ""});
  return turn;
}

}  // namespace

TEST_SUITE("storage/conversation_store") {
  TEST_CASE("a conversation grows turn by turn, branches too, and survives a crash") {
    MemoryStore disk;
    {
      ConversationStore store{disk};
      REQUIRE(store.create(chat(1)));
      CHECK(store.append_turn(conversation_id(1), answer_to(1)).value() == 2);
    }
    disk.crash();
    ConversationStore store{disk};

    CHECK(store.append_turn(conversation_id(1), answer_to(0)).value() == 3);
    CHECK(store.append_turn(conversation_id(1), answer_to(3)).value() == 4);

    disk.crash();
    const auto conversation = store.conversation(conversation_id(1));
    REQUIRE(conversation);
    REQUIRE(conversation->transcript.turns.size() == 5);
    CHECK(conversation->transcript.turns[3].parent == 0);
    CHECK(conversation->title == "chat 1");
    CHECK(conversation->model == "base");
    CHECK(tokens_to(conversation->transcript, 1) == tokens_to(sample_transcript(), 1));
  }

  TEST_CASE("turns without a parent before them and unknown conversations are refused") {
    MemoryStore disk;
    ConversationStore store{disk};
    REQUIRE(store.create(chat(1)));
    Conversation backward = chat(2);
    backward.transcript.turns[0].parent = 1;
    Conversation unknown_model = chat(3);
    unknown_model.checkpoint = derive_id<CheckpointId>(AnyId{1, 1}, 1);

    CHECK(store.append_turn(conversation_id(1), answer_to(2)).error().failure ==
          Failure::invalid_argument);
    CHECK(store.append_turn(conversation_id(9), answer_to(0)).error().failure ==
          Failure::not_found);
    CHECK(store.create(chat(1)).error().failure == Failure::already_exists);
    CHECK(store.create(backward).error().failure == Failure::invalid_argument);
    CHECK(store.create(unknown_model).error().failure == Failure::not_found);
    CHECK(store.list(10)->size() == 1);
  }

  TEST_CASE("the list is newest first and goes on from where it stopped") {
    MemoryStore disk;
    ConversationStore store{disk};
    for (std::uint64_t i = 1; i <= 5; ++i) REQUIRE(store.create(chat(i)));

    const auto newest = store.list(2);
    const auto older = store.list(10, conversation_id(4));

    REQUIRE(newest);
    REQUIRE(newest->size() == 2);
    CHECK(newest->front().id == conversation_id(5));
    CHECK(newest->front().transcript.turns.empty());
    REQUIRE(older);
    CHECK(older->size() == 3);
    CHECK(older->front().id == conversation_id(3));
  }

  TEST_CASE("a deleted conversation leaves a tombstone and no text") {
    MemoryStore disk;
    ConversationStore store{disk};
    REQUIRE(store.create(chat(1)));

    REQUIRE(store.remove(conversation_id(1)));

    const auto conversation = store.conversation(conversation_id(1));
    REQUIRE(conversation);
    CHECK(conversation->transcript.deleted);
    REQUIRE(conversation->transcript.turns.size() == 2);
    CHECK(conversation->transcript.turns[1].parts.empty());
    CHECK(conversation->transcript.turns[1].spans.empty());
    CHECK(conversation->transcript.turns[1].parent == 0);
    CHECK(store.append_turn(conversation_id(1), answer_to(1)).error().failure ==
          Failure::invalid_argument);
  }

  TEST_CASE("a vote and the answers it judges are stored together or not at all") {
    MemoryStore disk;
    ConversationStore store{disk};
    const std::vector<Conversation> answers = {chat(1), chat(2)};
    Vote vote;
    vote.id = derive_id<VoteId>(AnyId{5, 5}, 1);
    for (const Conversation& answer : answers)
      vote.candidates.push_back({.conversation = answer.id, .turn = 1});
    disk.set_faults({.failing_write = 1});
    CHECK_FALSE(store.add_vote(vote, answers));
    CHECK(store.list(10)->empty());

    REQUIRE(store.add_vote(vote, answers));

    disk.crash();
    CHECK(store.list(10)->size() == 2);
    CHECK(store.votes_on(conversation_id(2))->size() == 1);
    vote.id = derive_id<VoteId>(AnyId{5, 5}, 2);
    vote.candidates.push_back({.conversation = conversation_id(3)});
    CHECK(store.add_vote(vote).error().failure == Failure::not_found);
  }

  TEST_CASE("a vote that was answered is there after a crash, a lost answer is not a promise") {
    MemoryStore disk;
    ConversationStore store{disk};
    REQUIRE(store.create(chat(1)));
    REQUIRE(store.create(chat(2)));
    Vote vote;
    vote.id = derive_id<VoteId>(AnyId{5, 5}, 1);
    vote.rater = "ann";
    vote.choice = VoteChoice::right;
    vote.candidates = {{{}, conversation_id(1), 1}, {{}, conversation_id(2), 1}};
    REQUIRE(store.add_vote(vote));
    disk.set_faults({.failing_write = 1});
    Vote failing = vote;
    failing.id = derive_id<VoteId>(AnyId{5, 5}, 2);
    CHECK(!store.add_vote(failing));
    disk.crash();

    CHECK(store.votes()->size() == 1);
    CHECK(store.vote(vote.id)->choice == VoteChoice::right);
    CHECK(store.votes_on(conversation_id(2))->front().rater == "ann");
    CHECK(store.add_vote(vote).error().failure == Failure::already_exists);
    failing.candidates = {{{}, conversation_id(7), 0}};
    CHECK(store.add_vote(failing).error().failure == Failure::not_found);
    CHECK(store.votes_on(conversation_id(7))->empty());
  }
}

}  // namespace flywheel
