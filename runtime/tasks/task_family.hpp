// TaskFamily is one kind of work put to the model: it makes tasks, plays their user, and names the
// grader that judges the conversation.
//
//   make_task(split, index, seed) ─▶ Task ─▶ next_user_move(task, transcript) ⇄ the model's answers
//                                        └─▶ grader() judges what came out
//
// Guarantees: everything is a function of its arguments alone: no state, no clock, no hidden
//             randomness. The user never says how it is graded.
// Threads:    families are immutable; any thread may call them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/task.hpp"
#include "runtime/base/transcript.hpp"

namespace flywheel {

// The names that Task::split takes.
inline constexpr std::string_view split_train = "train";
inline constexpr std::string_view split_held_out = "held_out";
inline constexpr std::string_view split_hand_written = "hand_written";

// What the user does next: says something, or ends the conversation.
struct UserMove {
  bool ends = false;
  std::string text{};    // what the user says; empty where the conversation ends
  std::string reason{};  // why it ends: "plan finished", "answer was cut", ...
};

struct SettingFile {
  std::string path{};  // relative to the container's working folder
  std::string text{};
};

struct SettingFolder {
  std::string source{};  // absolute path on this machine
  std::string target{};  // absolute path in the container
};

// What a task needs around its conversation.
struct TaskSetting {
  std::string system{};                  // the system message; empty = the chat template's own
  std::vector<std::string> tools{};      // that the model may call; none = a plain conversation
  std::vector<SettingFile> files{};      // laid into the tools' container before the first call
  std::vector<SettingFolder> folders{};  // seen in that container, read-only
};

class TaskFamily {
 public:
  virtual ~TaskFamily() = default;

  virtual std::string_view name() const = 0;

  // A name in the grader registry.
  virtual std::string_view grader() const = 0;

  // One line for people: what is asked and what counts as right.
  virtual std::string_view description() const = 0;

  // The index-th task of a split that can be generated ("train" or "held_out"); any index will do.
  // invalid_argument for another split: hand-written tasks come from a file (task_file.hpp).
  virtual Result<Task> make_task(std::string_view split, std::uint64_t index,
                                 std::uint64_t seed) const = 0;

  // invalid_input, naming the field, where the parameters are not ones of this family.
  virtual Result<> check(const Json& parameters) const = 0;

  // The user's answer to the conversation that ends at `leaf`, an assistant turn; `leaf` is
  // Turn::no_parent for the opening message.
  virtual Result<UserMove> next_user_move(const Task& task, const Transcript& transcript,
                                          std::int32_t leaf) const = 0;

  // Every tool that any of its tasks may use.
  virtual std::vector<std::string> tools() const { return {}; }

  // Tools, files and system message; the default is a plain conversation.
  virtual Result<TaskSetting> setting(const Task&) const { return TaskSetting{}; }

  // This family as a spec's task.parameters ask for it; the default takes none.
  virtual Result<std::shared_ptr<const TaskFamily>> with_parameters(const Json& parameters) const;

  // Assistant turns of a conversation that runs its whole course; at least 1.
  virtual Result<std::uint32_t> planned_turn_count(const Task& task) const = 0;
};

// The same, at the last turn of a transcript that does not branch.
inline Result<UserMove> next_user_move(const TaskFamily& family, const Task& task,
                                       const Transcript& transcript) {
  return family.next_user_move(task, transcript,
                               static_cast<std::int32_t>(transcript.turns.size()) - 1);
}

// The id of a generated task: a function of its place, so that a resumed run names it as before.
TaskId generated_task_id(std::string_view family, std::string_view split, std::uint64_t index,
                         std::uint64_t seed);

// The id of a task that came from a file: a function of what it says, so that it stays the same
// when the lines around it change.
TaskId content_task_id(std::string_view family, const Json& parameters);

// The text of the path's assistant turns, oldest first.
std::vector<std::string> assistant_texts(const Transcript& transcript, std::int32_t leaf);

}  // namespace flywheel
