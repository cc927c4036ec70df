// The attacks of attacks.py, each in a container of its own.
#include <sstream>
#include <vector>

#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "runtime/sandbox/descriptor.hpp"
#include "tests/system/sandbox/attack_lab.hpp"

namespace flywheel {

namespace {

std::vector<std::string> names_of_attacks(AttackLab& lab) {
  const auto container = lab.create();
  const ExecResult listed =
      AttackLab::run(*container, {.command = {"python3", "/attacks/attacks.py", "--list"}});
  std::vector<std::string> names;
  std::istringstream lines{listed.output};
  for (std::string line; std::getline(lines, line);) names.push_back(line);
  AttackLab::end(*container);
  return names;
}

// A socket that listens on an abstract name in this process's network namespace.
Descriptor listen_on(const std::string& name) {
  Descriptor listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener.get(), 8) == 0);
  return listener;
}

const char* const neighbour_script =
    "import socket, time\ns = socket.socket(socket.AF_UNIX); s.bind('\\0flywheel_neighbour')\n"
    "s.listen(8); print('up', flush=True); time.sleep(600)";

void try_all(AttackLab& lab, bool uses_zygote) {
  const auto names = names_of_attacks(lab);
  REQUIRE(names.size() > 200);
  const Descriptor listener = listen_on("flywheel_attack");
  const int segment = ::shmget(0x666c7977, 4096, IPC_CREAT | 0666);
  const auto neighbour = lab.create();
  const auto listening = neighbour->start(
      {.command = {"python3", "-c", neighbour_script}, .wall_time_max = std::chrono::minutes{10}},
      {});
  while ((*listening)->read(ExecStream::output, 0, 9).bytes.empty()) ::usleep(1000);

  for (const std::string& name : names) {
    CAPTURE(name);
    const auto container = lab.create();
    const ExecResult result = AttackLab::run(
        *container,
        {.command = {"python3", "/attacks/attacks.py", name}, .uses_zygote = uses_zygote});
    const std::string wanted = name.starts_with("control_") ? "ESCAPED " : "HELD ";
    INFO(result.output);
    INFO(result.error_output);
    CHECK(result.end == ExecEnd::exited);
    CHECK(result.output.find(wanted + name) != std::string::npos);
    CHECK(AttackLab::is_alive(*container));
    AttackLab::end(*container);
    CHECK(container->state() == ContainerState::killed);
  }

  if (segment >= 0) ::shmctl(segment, IPC_RMID, nullptr);
  AttackLab::end(*neighbour);
}

}  // namespace

TEST_CASE_FIXTURE(AttackLab, "every escape is held, and every control is not") {
  try_all(*this, false);
}

TEST_CASE_FIXTURE(AttackLab, "every escape is held from a forked interpreter too") {
  try_all(*this, true);
}

TEST_CASE_FIXTURE(AttackLab, "with loopback on, sockets are those of the internet and no others") {
  const auto container = create({.network = SandboxNetwork::loopback});

  for (const std::string name :
       {"socket_netlink", "socket_packet", "socket_alg", "socket_vsock", "socket_inet_raw",
        "socket_bluetooth", "socketpair_inet", "abstract_unix_socket_of_the_host"}) {
    CAPTURE(name);
    const ExecResult result =
        run(*container, {.command = {"python3", "/attacks/attacks.py", name}});
    CHECK(result.output == "HELD " + name + "\n");
  }
  end(*container);
}

}  // namespace flywheel
