#include "actors/commands/workspace_client.hpp"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "actors/api.hpp"
#include "actors/node.hpp"
#include "runtime/net/http_client.hpp"

namespace flywheel {
namespace {

constexpr std::chrono::seconds read_time_max{30};
constexpr std::chrono::minutes post_time_max{5};  // the owner loads a model before it answers

constexpr std::chrono::seconds owner_start_max{20};

}  // namespace

bool wait_for_owner(const std::string& home) {
  const auto end = std::chrono::steady_clock::now() + owner_start_max;
  while (Workspace::owner_of(home)) {
    HttpClient client{Endpoint::unix_socket(Workspace::socket_path_of(home).string())};
    if (client.get_json("/healthz", std::chrono::seconds{1})) return true;
    if (std::chrono::steady_clock::now() > end) return true;  // the next call says what is wrong
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return false;
}

struct WorkspaceClient::Inner {
  std::string home;
  std::unique_ptr<Node> opened;  // where no owner lives
  Node* node = nullptr;          // ours; null where `http` asks someone else
  std::optional<HttpClient> http;
};

WorkspaceClient::WorkspaceClient(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
WorkspaceClient::~WorkspaceClient() = default;
WorkspaceClient::WorkspaceClient(WorkspaceClient&&) noexcept = default;
WorkspaceClient& WorkspaceClient::operator=(WorkspaceClient&&) noexcept = default;

Result<WorkspaceClient> WorkspaceClient::open(const std::string& home) {
  auto inner = std::make_unique<Inner>();
  inner->home = home;
  const auto end = std::chrono::steady_clock::now() + owner_start_max;
  while (!wait_for_owner(home)) {
    auto opened = Node::open(
        {.home = home, .free_bytes_min = 0, .creates_home = false, .runs_actors = false});
    if (opened) {
      inner->opened = std::move(*opened);
      inner->node = inner->opened.get();
      return WorkspaceClient{std::move(inner)};
    }
    // Someone else was quicker: an owner to ask, or a reader that is gone in a moment.
    const bool is_taken = opened.error().failure == Failure::already_exists;
    if (!is_taken || std::chrono::steady_clock::now() > end) return fail(opened.error());
  }
  inner->http.emplace(Endpoint::unix_socket(Workspace::socket_path_of(home).string()));
  return WorkspaceClient{std::move(inner)};
}

WorkspaceClient WorkspaceClient::of(Node& node) {
  auto inner = std::make_unique<Inner>();
  inner->node = &node;
  return WorkspaceClient{std::move(inner)};
}

Result<Json> WorkspaceClient::get(const std::string& target) {
  if (!inner_->http) return inner_->node->api().get(target);
  auto answer = inner_->http->get_json(target, read_time_max);
  if (answer || answer.error().failure != Failure::unavailable) return answer;
  // The owner ended between two questions: the next owner answers, or the stores do.
  FLYWHEEL_TRY(*this, open(inner_->home));
  if (inner_->http) return inner_->http->get_json(target, read_time_max);
  return inner_->node->api().get(target);
}

Result<Json> WorkspaceClient::post(const std::string& target, const Json& body) {
  if (inner_->http) return inner_->http->post_json(target, body, post_time_max);
  return inner_->node->api().post(target, body);
}

bool WorkspaceClient::has_owner() const {
  return inner_->http.has_value();
}

Result<std::string> resolve_run(WorkspaceClient& client, const std::string& text) {
  if (text != "last") {
    FLYWHEEL_TRY(const auto id, parse_id<RunId>(text));
    return to_string(id);
  }
  FLYWHEEL_TRY(const Json runs, client.get("/v1/runs"));
  if (runs["runs"].empty()) return fail(Failure::not_found, "the workspace has no runs yet");
  return runs["runs"].back()["id"].get<std::string>();
}

Result<std::string> checkpoint_folder_of(WorkspaceClient& client, const std::string& run) {
  FLYWHEEL_TRY(const Json checkpoints, client.get("/v1/checkpoints"));
  std::string folder;
  for (const Json& checkpoint : checkpoints["checkpoints"])
    if (checkpoint["run"] == run) folder = checkpoint["folder"];
  return folder;
}

}  // namespace flywheel
