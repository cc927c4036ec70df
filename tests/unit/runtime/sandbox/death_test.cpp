#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>

#include <sys/wait.h>

#include "tests/unit/runtime/sandbox/box_fixture.hpp"

namespace flywheel {

namespace {

namespace fs = std::filesystem;

// Processes that are the launcher of a state folder, or one of its containers' inits.
std::vector<pid_t> boxes_of(const fs::path& state) {
  std::vector<pid_t> found;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator{"/proc", code}) {
    std::ifstream file{entry.path() / "cmdline"};
    const std::string line{std::istreambuf_iterator<char>{file}, {}};
    if (line.find((state / "stage").string()) != std::string::npos)
      found.push_back(static_cast<pid_t>(std::stoi(entry.path().filename())));
  }
  return found;
}

bool happens(const std::function<bool()>& holds) {
  for (int i = 0; i < 5000 && !holds(); ++i) ::usleep(1000);
  return holds();
}

}  // namespace

TEST_CASE_FIXTURE(BoxFixture,
                  "when flywheel_box is killed its containers end and new ones are made") {
  const auto container = create();
  const auto exec = *container->start({.command = {"sleep", "60"}}, {});
  const auto boxes = boxes_of(config.state_folder);
  REQUIRE(boxes.size() >= 2);  // the launcher, and its forks: init and supervisor

  ::kill(*std::min_element(boxes.begin(), boxes.end()), SIGKILL);

  CHECK(exec->wait().end == ExecEnd::container_gone);
  CHECK(happens([&] { return is_ended(container->state()); }));
  CHECK(container->state() == ContainerState::failed);
  CHECK(container->reason() == "flywheel_box, which made it, ended");
  CHECK(shell(*create(), "echo again").output == "again\n");
}

TEST_CASE("when the host is killed nothing of it lives on") {
  std::string name = (fs::temp_directory_path() / "fw_death_XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  const fs::path state = fs::path{name} / "state";
  const pid_t child = ::fork();
  if (child == 0) {
    auto host = SandboxHost::open({.state_folder = state.string()});
    if (!host) ::_exit(1);
    const auto one = (*host)->create({});
    const auto two = (*host)->create({});
    if (!one || !two || !(*one)->start({.command = {"sleep", "100"}}, {})) ::_exit(1);
    ::pause();
  }
  REQUIRE(happens([&] { return boxes_of(state).size() >= 4; }));  // and the command's supervisor

  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);

  CHECK(happens([&] { return boxes_of(state).empty(); }));
  auto next = SandboxHost::open({.state_folder = state.string()});
  CHECK(next);
  next->reset();
  fs::remove_all(name);
}

TEST_CASE_FIXTURE(BoxFixture, "people may keep a container and a command longer than the host") {
  const auto container = create();
  const auto exec = *container->start({.command = {"sleep", "60"}}, {});

  host.reset();

  CHECK(exec->wait().end == ExecEnd::container_gone);
  CHECK(container->state() == ContainerState::killed);
  CHECK_FALSE(container->run({.command = {"true"}}));
  exec->cancel();
}

}  // namespace flywheel
