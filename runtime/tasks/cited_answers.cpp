#include "runtime/tasks/cited_answers.hpp"

#include <array>
#include <fstream>
#include <map>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "runtime/base/hash.hpp"
#include "runtime/base/random.hpp"

namespace flywheel {
namespace {

constexpr std::string_view where = "cited_answers task";
constexpr std::size_t page_bytes_min = 200;  // a page with less has no sentence to quote
constexpr std::uint64_t held_out_share = 4;

constexpr std::array<std::string_view, 3> training_phrases = {
    "What does the page \"{t}\" say? Find it, quote one sentence of it and cite the page.",
    "Look up \"{t}\" and give me one sentence from that page, with a citation.",
    "Search for the page \"{t}\". Answer with a sentence that stands there, cited."};
constexpr std::array<std::string_view, 2> held_out_phrases = {
    "I need one quoted and cited sentence of the page \"{t}\".",
    "Please find \"{t}\" and cite a sentence of it word for word."};

struct PageName {
  std::string url{};
  std::string title{};
};

std::string_view split_of(const PageName& page) {
  return hash_text(page.url).low % held_out_share == 0 ? split_held_out : split_train;
}

class CitedAnswers final : public TaskFamily {
 public:
  CitedAnswers() = default;
  explicit CitedAnswers(std::vector<PageName> pages) : pages_(std::move(pages)) {}

  std::string_view name() const override { return "cited_answers"; }
  std::string_view grader() const override { return "cited_answer"; }
  std::string_view description() const override {
    return "a sentence of a documentation page, cited to the byte";
  }
  std::vector<std::string> tools() const override { return {"browse"}; }

  Result<Task> make_task(std::string_view split, std::uint64_t index,
                         std::uint64_t seed) const override {
    if (split != split_train && split != split_held_out)
      return fail(
          Failure::invalid_argument,
          fmt::format("{} has no generated split '{}': ask for train or held_out", name(), split));
    std::vector<const PageName*> candidates;
    for (const PageName& page : pages_)
      if (split_of(page) == split) candidates.push_back(&page);
    if (candidates.empty())
      return fail(Failure::invalid_input,
                  fmt::format("cited_answers has no page of the split {}: set "
                              "task.parameters.snapshot_file to a web snapshot",
                              split));
    Random random{derive_key({seed, hash_text(split).low, index})};
    const PageName& page = *candidates[random.below(candidates.size())];
    const std::span<const std::string_view> phrases =
        split == split_train ? std::span<const std::string_view>{training_phrases}
                             : held_out_phrases;
    std::string say{phrases[random.below(phrases.size())]};
    say.replace(say.find("{t}"), 3, page.title);
    Task task;
    task.id = generated_task_id(name(), split, index, seed);
    task.family = name();
    task.split = split;
    task.parameters = {{"url", page.url}, {"title", page.title}, {"say", std::move(say)}};
    return task;
  }

  Result<> check(const Json& parameters) const override {
    FLYWHEEL_TRY_VOID(parse_cited_request(parameters));
    return {};
  }

  Result<UserMove> next_user_move(const Task& task, const Transcript&,
                                  std::int32_t leaf) const override {
    FLYWHEEL_TRY(CitedRequest request, parse_cited_request(task.parameters));
    if (leaf == Turn::no_parent) return UserMove{.text = std::move(request.say)};
    return UserMove{.ends = true, .reason = "plan finished"};
  }

  Result<TaskSetting> setting(const Task&) const override { return TaskSetting{.tools = tools()}; }

  Result<std::shared_ptr<const TaskFamily>> with_parameters(const Json& parameters) const override;

  Result<std::uint32_t> planned_turn_count(const Task&) const override { return 1u; }

 private:
  std::vector<PageName> pages_{};
};

// Addresses and titles of a snapshot's pages; page_store.hpp describes the file.
Result<std::vector<PageName>> page_names(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file)
    return fail(Failure::not_found,
                path + ": no such snapshot; scripts/build_web_snapshot.py makes one");
  std::vector<PageName> pages;
  std::map<std::string, std::size_t> titles;  // a title that two pages have asks for neither
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (number == 1) continue;
    const std::string place = fmt::format("{}:{}", path, number);
    FLYWHEEL_TRY(const Json page, parse_json(line, place));
    PageName name;
    FLYWHEEL_TRY(name.url, json_field<std::string>(page, "url", place));
    FLYWHEEL_TRY(name.title, json_field<std::string>(page, "title", place));
    FLYWHEEL_TRY(const auto text, json_field<std::string>(page, "text", place));
    ++titles[name.title];
    if (text.size() >= page_bytes_min) pages.push_back(std::move(name));
  }
  std::erase_if(pages, [&](const PageName& page) { return titles.at(page.title) > 1; });
  if (pages.empty())
    return fail(Failure::invalid_input,
                path + ": no page in it has enough text to quote and a title of its own");
  return pages;
}

Result<std::shared_ptr<const TaskFamily>> CitedAnswers::with_parameters(
    const Json& parameters) const {
  for (const auto& [key, value] : parameters.items())
    if (key != "snapshot_file" || !value.is_string())
      return fail(Failure::invalid_input,
                  "task.parameters." + key + ": cited_answers takes snapshot_file, a path");
  FLYWHEEL_TRY(const auto path,
               json_field<std::string>(parameters, "snapshot_file", "task.parameters"));
  FLYWHEEL_TRY(auto pages, page_names(path));
  return std::make_shared<const CitedAnswers>(std::move(pages));
}

}  // namespace

Result<CitedRequest> parse_cited_request(const Json& parameters) {
  CitedRequest request;
  FLYWHEEL_TRY(request.url, json_field<std::string>(parameters, "url", where));
  FLYWHEEL_TRY(request.title, json_field<std::string>(parameters, "title", where));
  FLYWHEEL_TRY(request.say, json_field<std::string>(parameters, "say", where));
  if (request.url.empty() || request.say.empty())
    return fail(Failure::invalid_input, fmt::format("{}: 'url' or 'say' is empty", where));
  return request;
}

const TaskFamily& cited_answers() {
  static const CitedAnswers family;
  return family;
}

}  // namespace flywheel
