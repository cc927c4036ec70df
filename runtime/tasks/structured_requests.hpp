// structured_requests: "a list of exactly N items and nothing else", over one to three turns.
//
// What a task's parameters hold (StructuredRequest as JSON):
//   {"persona": "polite", "goal": "a clean list to paste into notes", "topic": "fruits",
//    "turns": [{"ask": "list", "count": 4, "style": "any", "say": "I need a list of 4 fruits.
//    ..."},
//              {"ask": "keep", "count": 2, "say": "Now only two of them, please."}]}
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/tasks/task_family.hpp"

namespace flywheel {

// What the user wants of one turn. All but `list` are about the items of the answer before it.
enum class ListAsk : std::uint8_t {
  list,    // exactly `count` items
  keep,    // exactly `count` of the items
  number,  // the same items, numbered
  bullet,  // the same items, with bullets
  add,     // the same items and one new one
  drop,    // the same items without the one that the user named
};

enum class ListStyle : std::uint8_t { any, bullet, number };

struct ListTurn {
  ListAsk ask = ListAsk::list;
  std::uint32_t count = 0;           // for list and keep; 0 for the others
  ListStyle style = ListStyle::any;  // for list; the others follow from `ask`
  std::string say{};                 // the message; "{first}" and "{last}" stand for an item
};

struct StructuredRequest {
  std::string persona{};  // a phrasing style: "polite", "terse", ...
  std::string goal{};     // what the user wants the list for
  std::string topic{};    // what is listed, for example "fruits"
  std::vector<ListTurn> turns{};
  std::vector<std::string> words{};  // items of the category, where the topic has no word list
};

inline constexpr std::uint32_t listed_count_max = 20;  // items that one turn may ask for
inline constexpr std::size_t list_turn_count_max = 8;  // turns of one plan

const char* to_string(ListAsk ask);
const char* to_string(ListStyle style);

Json to_json(const StructuredRequest& request);

// invalid_input names the field and what is wrong with it.
Result<StructuredRequest> parse_structured_request(const Json& parameters);

// Which item of the answer before it a drop turn names, as the user reads that answer: "{first}" or
// "{last}" in its message. Nothing where `turn` is not a drop or there is no item.
std::string dropped_item(const ListTurn& turn, const std::vector<std::string>& items_before);

// Why the user can't go on with `next` after an answer that shows `items`; empty if they can.
std::string reason_to_give_up(const ListTurn& next, const std::vector<std::string>& items);

const TaskFamily& structured_requests();

}  // namespace flywheel
