#include "runtime/grading/structured_list_grader.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "runtime/grading/list_answer.hpp"
#include "runtime/grading/pattern.hpp"
#include "runtime/grading/topic_words.hpp"
#include "runtime/tasks/list_items.hpp"
#include "runtime/tasks/structured_requests.hpp"

namespace flywheel {
namespace {

using Names = std::unordered_set<std::string>;  // comparable items

// How long an item may be: of a topic with a word list, a title, or something free.
struct ItemLimits {
  std::size_t words_max = 6;
  std::size_t characters_max = 60;
};
constexpr ItemLimits title_limits{12, 80};
constexpr ItemLimits free_limits{16, 100};
constexpr std::size_t item_letters_min = 2;
constexpr std::size_t echo_words_min = 3;

// What one turn is judged against.
struct Demand {
  const ListTurn* turn = nullptr;
  ListStyle style = ListStyle::any;
  std::size_t count = 0;
  bool can_be_met = true;         // false where the answer before shows no items to go on with
  std::optional<Names> before{};  // the earlier answer's items; nothing for the first turn
  std::string dropped{};          // comparable; of a drop turn
  std::string user_text{};        // comparable; all that the user has said
  bool any_script = false;        // the request itself uses another script than Latin
};

Names names_of(const std::vector<std::string>& items) {
  Names names;
  for (const std::string& item : items) names.insert(comparable_item(item));
  return names;
}

Demand demand_of(const StructuredRequest& request, std::size_t index,
                 const std::vector<std::string>& answers, std::string_view user_text) {
  static const Pattern other_script{R"((?!\p{Latin})\p{L})"};
  Demand demand;
  demand.turn = &request.turns[index];
  for (std::size_t i = 0; i <= index; ++i) {
    const ListTurn& turn = request.turns[i];
    if (turn.ask == ListAsk::number) demand.style = ListStyle::number;
    if (turn.ask == ListAsk::bullet) demand.style = ListStyle::bullet;
    if (turn.ask == ListAsk::list) demand.style = turn.style;
  }
  demand.user_text = ' ' + comparable_item(user_text) + ' ';
  demand.any_script = other_script.found_in(user_text);
  for (const std::string& word : request.words)
    demand.any_script = demand.any_script || other_script.found_in(word);
  demand.count = demand.turn->count;
  if (index == 0) return demand;

  const auto items = items_seen(answers[index - 1]);
  demand.can_be_met = reason_to_give_up(*demand.turn, items).empty();
  demand.before = names_of(items);
  demand.dropped = comparable_item(dropped_item(*demand.turn, items));
  if (demand.turn->ask != ListAsk::keep) demand.count = demand.before->size();
  if (demand.turn->ask == ListAsk::add) ++demand.count;
  if (demand.turn->ask == ListAsk::drop) --demand.count;
  return demand;
}

// Items of one answer, with what the topic says about them.
class ItemJudge {
 public:
  ItemJudge(const StructuredRequest& request, const TopicWords* words, const Demand& demand)
      : request_(request), words_(words), demand_(demand) {
    limits_ = words == nullptr ? free_limits : holds_titles() ? title_limits : ItemLimits{};
  }

  // Items that one marked line holds: more than one where words of the category are joined.
  std::size_t item_count(std::string_view item) const {
    if (words_ == nullptr || holds_titles() || words_->has(item)) return 1;
    const auto pieces = joined_pieces(item);
    const auto known = std::count_if(pieces.begin(), pieces.end(),
                                     [&](std::string_view piece) { return words_->has(piece); });
    return known >= 2 ? static_cast<std::size_t>(known) : 1;
  }

  bool is_explained(std::string_view item) const {
    return !holds_titles() && has_explanation(item);
  }

  bool is_plausible(std::string_view item) const {
    const TextMeasure size = measure(item);
    const bool is_known = words_ != nullptr && words_->has(item);  // "C++", "K2", "1984"
    return (is_known || size.letter_count >= item_letters_min) &&
           size.word_count <= limits_.words_max && size.character_count <= limits_.characters_max &&
           has_plain_characters(item, demand_.any_script) && !is_placeholder(item) &&
           !is_echo(item);
  }

  // What an item is compared by. "Apple 1" and "2 apples" are the same apple.
  std::string identity(std::string_view item) const {
    if (words_ != nullptr && !holds_titles() && !words_->has(item))
      for (const std::string& form : uncounted_forms(item))
        if (words_->has(form)) return comparable_item(form);
    return comparable_item(item);
  }

 private:
  bool holds_titles() const { return words_ != nullptr && words_->holds_titles(); }

  // "Item 1", "first fruit", "option A": words that stand for an item and name none.
  bool is_placeholder(std::string_view item) const {
    static const Names fillers = {
        "item", "thing",  "option", "example", "entry", "number", "point",   "bullet", "element",
        "word", "name",   "answer", "list",    "first", "second", "third",   "fourth", "fifth",
        "one",  "two",    "three",  "four",    "five",  "six",    "here",    "insert", "text",
        "your", "sample", "etc",    "another", "other", "same",   "nothing", "else",   "more",
        "the",  "of",     "and",    "kind",    "type",  "next",   "new",     "some"};
    if (words_ != nullptr && words_->has(item)) return false;
    const std::string topic = ' ' + comparable_item(request_.topic) + ' ';
    std::string comparable = comparable_item(item);
    while (!comparable.empty()) {
      const auto end = comparable.find(' ');
      const std::string word = comparable.substr(0, end);
      comparable.erase(0, end == std::string::npos ? end : end + 1);
      const bool is_number = word.find_first_not_of("0123456789") == std::string::npos;
      if (word.size() > 1 && !is_number && fillers.count(word) == 0 &&
          topic.find(' ' + word + ' ') == std::string::npos)
        return false;
    }
    return true;
  }

  // A run of the user's own words.
  bool is_echo(std::string_view item) const {
    const std::string comparable = comparable_item(item);
    return measure(comparable).word_count >= echo_words_min &&
           demand_.user_text.find(' ' + comparable + ' ') != std::string::npos;
  }

  const StructuredRequest& request_;
  const TopicWords* words_;
  const Demand& demand_;
  ItemLimits limits_;
};

bool follows_plan(const Demand& demand, const Names& names) {
  if (!demand.can_be_met || !demand.before) return false;
  const Names& before = *demand.before;
  const auto kept = static_cast<std::size_t>(
      std::count_if(names.begin(), names.end(),
                    [&](const std::string& name) { return before.count(name) != 0; }));
  switch (demand.turn->ask) {
    case ListAsk::list:
      return true;
    case ListAsk::keep:
      return kept == names.size();
    case ListAsk::number:
    case ListAsk::bullet:
      return kept == names.size() && kept == before.size();
    case ListAsk::add:
      return kept == before.size() && names.size() == before.size() + 1;
    case ListAsk::drop:
      return kept == names.size() && kept + 1 == before.size() && names.count(demand.dropped) == 0;
  }
  return false;
}

std::vector<Component> judge_answer(std::string_view text, const StructuredRequest& request,
                                    const TopicWords* words, const Demand& demand) {
  const ListAnswer answer = read_list_answer(text);
  const ItemJudge judge{request, words, demand};
  const bool has_items = !answer.items.empty();
  std::size_t count = 0;
  bool nothing_else = answer.other_line_count == 0 && !answer.has_hidden_characters;
  bool is_one_a_line = true;
  bool is_distinct = true;
  bool is_plausible = true;
  Names identities;
  Names names;
  for (const ListLine& line : answer.items) {
    const std::size_t joined_count = judge.item_count(line.bare);
    count += joined_count;
    is_one_a_line = is_one_a_line && joined_count == 1;
    nothing_else = nothing_else && !judge.is_explained(line.bare);
    is_plausible = is_plausible && judge.is_plausible(line.bare);
    is_distinct = identities.insert(judge.identity(line.bare)).second && is_distinct;
    names.insert(comparable_item(line.bare));
  }
  std::vector<Component> components = {
      {"count_exact", score(has_items && count == demand.count)},
      {"format_exact", score(is_one_a_line && is_well_formed(answer, demand.style))},
      {"nothing_else", score(has_items && nothing_else)},
      {"items_distinct", score(has_items && is_distinct)},
      {"items_plausible", score(has_items && is_plausible)}};
  if (demand.before)
    components.push_back({"follows_plan", score(has_items && follows_plan(demand, names))});
  if (words != nullptr && answer.is_within_bounds) {
    const auto seen = items_seen(text);
    const auto known = std::count_if(seen.begin(), seen.end(),
                                     [&](const std::string& item) { return words->accepts(item); });
    if (!seen.empty())
      components.push_back({"category",
                            static_cast<double>(known) / static_cast<double>(seen.size()),
                            ComponentKind::guard});
  }
  return components;
}

class StructuredListGrader final : public Grader {
 public:
  std::string_view name() const override { return "structured_list/2"; }

  std::vector<ComponentInfo> components() const override {
    constexpr auto pass = ComponentKind::pass_condition;
    return {{"finished", pass, "the answer ended by itself, not at the token limit"},
            {"count_exact", pass, "as many items as asked"},
            {"format_exact", pass, "every item has the same list marker, of the style asked for"},
            {"nothing_else", pass, "no word outside the items"},
            {"items_distinct", pass, "no item twice"},
            {"items_plausible", pass, "each item is a name of sensible length, not a placeholder"},
            {"follows_plan", pass, "later turns: the items follow from the answer before"},
            {"category", ComponentKind::guard, "share of the items that are of the category"}};
  }

 private:
  Verdict judge(const Task& task, const Transcript& transcript) const override {
    const auto request = parse_structured_request(task.parameters);
    if (!request) return infra_error_verdict(name(), request.error().message);
    if (transcript.turns.empty() || transcript.deleted)
      return infra_error_verdict(name(), "there is no conversation to judge");
    std::optional<TopicWords> own_words;
    if (!request->words.empty()) own_words.emplace(request->words, false);
    const TopicWords* words = own_words ? &*own_words : find_topic_words(request->topic);

    std::vector<TurnVerdict> verdicts;
    std::vector<std::string> answers;
    std::string user_text;
    const auto last = static_cast<std::int32_t>(transcript.turns.size()) - 1;
    for (const std::int32_t i : path_to(transcript, last)) {
      const Turn& turn = transcript.turns[static_cast<std::size_t>(i)];
      if (turn.role == Role::user) user_text += text_of(turn).substr(0, graded_bytes_max) + '\n';
      if (turn.role != Role::assistant) continue;
      if (turn.finish == FinishReason::cancelled)
        return infra_error_verdict(name(), "an answer was cancelled");
      if (answers.size() == request->turns.size())
        return infra_error_verdict(name(), "there are more answers than the task has turns");
      answers.push_back(text_of(turn));
      const Demand demand = demand_of(*request, answers.size() - 1, answers, user_text);
      auto components = judge_answer(answers.back(), *request, words, demand);
      components.insert(components.begin(),
                        {"finished", score(turn.finish != FinishReason::length)});
      verdicts.push_back(turn_verdict(i, std::move(components)));
    }
    if (verdicts.empty()) return infra_error_verdict(name(), "there is no answer to judge");
    return verdict_of_turns(name(), std::move(verdicts), request->turns.size());
  }
};

}  // namespace

const Grader& structured_list_grader() {
  static const StructuredListGrader grader;
  return grader;
}

}  // namespace flywheel
