// Reading and writing the parameters of a structured request.
#include <array>

#include <fmt/format.h>

#include "runtime/tasks/structured_requests.hpp"

namespace flywheel {
namespace {

constexpr std::array<ListAsk, 6> all_asks = {ListAsk::list,   ListAsk::keep, ListAsk::number,
                                             ListAsk::bullet, ListAsk::add,  ListAsk::drop};
constexpr std::array<ListStyle, 3> all_styles = {ListStyle::any, ListStyle::bullet,
                                                 ListStyle::number};

template <class Enum, std::size_t Size>
Result<Enum> parse_name(const std::array<Enum, Size>& all, std::string_view name,
                        std::string_view where) {
  std::string known;
  for (const Enum one : all) {
    if (name == to_string(one)) return one;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", to_string(one));
  }
  return fail(Failure::invalid_input,
              fmt::format("{} is '{}'; it must be one of: {}", where, name, known));
}

Result<> refuse_unknown_keys(const Json& object, std::initializer_list<std::string_view> known,
                             std::string_view where) {
  for (const auto& [key, value] : object.items()) {
    bool is_known = false;
    for (const std::string_view name : known) is_known = is_known || name == key;
    if (!is_known)
      return fail(Failure::invalid_input, fmt::format("{}: unknown field '{}'", where, key));
  }
  return {};
}

Result<> check_turn(const ListTurn& turn, bool is_first, std::string_view where) {
  const auto refuse = [&](std::string_view what) {
    return fail(Failure::invalid_input, fmt::format("{}: {}", where, what));
  };
  if ((turn.ask == ListAsk::list) != is_first)
    return refuse("the first turn, and no other, must have \"ask\": \"list\"");
  if (turn.say.empty()) return refuse("'say' is empty");
  const bool takes_count = turn.ask == ListAsk::list || turn.ask == ListAsk::keep;
  if (takes_count && (turn.count < 1 || turn.count > listed_count_max))
    return refuse(fmt::format("'count' must be 1 to {}", listed_count_max));
  if (!takes_count && turn.count != 0) return refuse("'count' goes with list and keep only");
  if (turn.ask != ListAsk::list && turn.style != ListStyle::any)
    return refuse("'style' goes with list only");
  const bool names_item =
      turn.say.find("{first}") != std::string::npos || turn.say.find("{last}") != std::string::npos;
  if (names_item != (turn.ask == ListAsk::drop))
    return refuse("'say' names an item ({first} or {last}) where, and only where, 'ask' is drop");
  return {};
}

Result<ListTurn> parse_turn(const Json& object, bool is_first, std::string_view where) {
  if (!object.is_object())
    return fail(Failure::invalid_input, fmt::format("{} is not an object", where));
  FLYWHEEL_TRY_VOID(refuse_unknown_keys(object, {"ask", "count", "style", "say"}, where));
  ListTurn turn;
  FLYWHEEL_TRY(const std::string ask, json_field<std::string>(object, "ask", where));
  FLYWHEEL_TRY(turn.ask, parse_name(all_asks, ask, fmt::format("{}: 'ask'", where)));
  FLYWHEEL_TRY(turn.say, json_field<std::string>(object, "say", where));
  if (object.contains("count")) {
    const Json& count = object["count"];
    if (!count.is_number_integer() || count < 0 || count > listed_count_max)
      return fail(
          Failure::invalid_input,
          fmt::format("{}: 'count' must be a whole number of 1 to {}", where, listed_count_max));
    turn.count = count.get<std::uint32_t>();
  }
  if (object.contains("style")) {
    FLYWHEEL_TRY(const std::string style, json_field<std::string>(object, "style", where));
    FLYWHEEL_TRY(turn.style, parse_name(all_styles, style, fmt::format("{}: 'style'", where)));
  }
  FLYWHEEL_TRY_VOID(check_turn(turn, is_first, where));
  return turn;
}

}  // namespace

const char* to_string(ListAsk ask) {
  switch (ask) {
    case ListAsk::list:
      return "list";
    case ListAsk::keep:
      return "keep";
    case ListAsk::number:
      return "number";
    case ListAsk::bullet:
      return "bullet";
    case ListAsk::add:
      return "add";
    case ListAsk::drop:
      return "drop";
  }
  return "unknown";
}

const char* to_string(ListStyle style) {
  switch (style) {
    case ListStyle::any:
      return "any";
    case ListStyle::bullet:
      return "bullet";
    case ListStyle::number:
      return "number";
  }
  return "unknown";
}

Json to_json(const StructuredRequest& request) {
  Json turns = Json::array();
  for (const ListTurn& turn : request.turns) {
    Json object = {{"ask", to_string(turn.ask)}, {"say", turn.say}};
    if (turn.count != 0) object["count"] = turn.count;
    if (turn.ask == ListAsk::list) object["style"] = to_string(turn.style);
    turns.push_back(std::move(object));
  }
  Json json = {{"persona", request.persona},
               {"goal", request.goal},
               {"topic", request.topic},
               {"turns", std::move(turns)}};
  if (!request.words.empty()) json["words"] = request.words;
  return json;
}

Result<StructuredRequest> parse_structured_request(const Json& parameters) {
  constexpr std::string_view where = "structured_requests task";
  if (!parameters.is_object())
    return fail(Failure::invalid_input, fmt::format("{}: parameters are not an object", where));
  FLYWHEEL_TRY_VOID(
      refuse_unknown_keys(parameters, {"persona", "goal", "topic", "turns", "words"}, where));
  StructuredRequest request;
  FLYWHEEL_TRY(request.persona, json_field<std::string>(parameters, "persona", where));
  FLYWHEEL_TRY(request.goal, json_field<std::string>(parameters, "goal", where));
  FLYWHEEL_TRY(request.topic, json_field<std::string>(parameters, "topic", where));
  if (parameters.contains("words")) {
    FLYWHEEL_TRY(request.words, json_field<std::vector<std::string>>(parameters, "words", where));
  }
  if (!parameters.contains("turns") || !parameters["turns"].is_array() ||
      parameters["turns"].empty() || parameters["turns"].size() > list_turn_count_max)
    return fail(Failure::invalid_input, fmt::format("{}: 'turns' must be an array of 1 to {} turns",
                                                    where, list_turn_count_max));
  for (const Json& object : parameters["turns"]) {
    const std::size_t i = request.turns.size();
    FLYWHEEL_TRY(ListTurn turn,
                 parse_turn(object, i == 0, fmt::format("{}: turn {}", where, i + 1)));
    request.turns.push_back(std::move(turn));
  }
  return request;
}

}  // namespace flywheel
