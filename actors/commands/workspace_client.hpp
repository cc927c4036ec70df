// WorkspaceClient reads and writes a workspace for a subcommand: over the owner's unix socket where
// an owner lives, else by opening the stores itself. A get() outlives the owner, a post() does not.
#pragma once

#include <memory>
#include <string>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"

namespace flywheel {

class Node;

class WorkspaceClient {
 public:
  // not_found where there is no workspace.
  static Result<WorkspaceClient> open(const std::string& home);
  // The workspace that this process owns.
  static WorkspaceClient of(Node& node);
  ~WorkspaceClient();
  WorkspaceClient(WorkspaceClient&&) noexcept;
  WorkspaceClient& operator=(WorkspaceClient&&) noexcept;

  Result<Json> get(const std::string& target);
  Result<Json> post(const std::string& target, const Json& body);

  bool has_owner() const;  // someone else's process answers

 private:
  struct Inner;
  explicit WorkspaceClient(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

// True where another process owns the workspace and answers; an owner that is still starting is
// given time to, one that goes away meanwhile is none.
bool wait_for_owner(const std::string& home);

// The run that `text` names: an id, or "last" for the newest.
Result<std::string> resolve_run(WorkspaceClient& client, const std::string& text);

// The folder of the newest checkpoint that the run has written; empty = none.
Result<std::string> checkpoint_folder_of(WorkspaceClient& client, const std::string& run);

}  // namespace flywheel
