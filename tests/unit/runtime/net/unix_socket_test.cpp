#include <fstream>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/net/unix_listener.hpp"
#include "tests/unit/runtime/net/lab.hpp"

using namespace flywheel;
using namespace std::chrono_literals;

namespace {

HttpServerConfig at(const std::string& path) {
  HttpServerConfig config;
  config.address.clear();
  config.socket_path = path;
  return config;
}

struct UnixLab : ServerLab {
  explicit UnixLab(const std::string& path) : ServerLab(at(path)) {
    get("/who", [](HttpRequest request, Responder responder) {
      responder.text(request.principal.name + "/" + to_string(request.principal.role));
    });
  }
};

Result<HttpReply> ask(const std::string& path) {
  return HttpClient{Endpoint::unix_socket(path)}.call({.target = "/who"});
}

}  // namespace

TEST_SUITE("net/unix_socket") {
  TEST_CASE("a peer of our own user is local, the file has mode 600 and goes with the server") {
    TemporaryFolder folder;
    const std::string path = folder.file("socket");
    struct stat status {};
    {
      UnixLab lab{path};
      lab.start();

      CHECK(ask(path)->body == "local/local");
      REQUIRE(::lstat(path.c_str(), &status) == 0);
      CHECK((status.st_mode & 0777) == 0600);
      CHECK(S_ISSOCK(status.st_mode));
    }
    CHECK(::lstat(path.c_str(), &status) != 0);
    CHECK(ask(path).error().failure == Failure::unavailable);
  }

  TEST_CASE("a socket at which somebody answers is not taken over") {
    TemporaryFolder folder;
    const std::string path = folder.file("socket");
    UnixLab first{path};
    first.start();
    UnixLab second{path};

    const auto started = second.server.start();

    REQUIRE_FALSE(started);
    CHECK(started.error().failure == Failure::already_exists);
    CHECK(ask(path)->status == 200);
  }

  TEST_CASE("the socket of a process that was killed is replaced") {
    TemporaryFolder folder;
    const std::string path = folder.file("socket");
    const pid_t child = ::fork();
    if (child == 0) {
      const auto listener = UnixListener::open(path);
      ::kill(::getpid(), SIGKILL);
      std::_Exit(listener ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(std::filesystem::is_socket(path));
    CHECK(ask(path).error().failure == Failure::unavailable);
    UnixLab lab{path};

    lab.start();

    CHECK(ask(path)->status == 200);
  }

  TEST_CASE("of many that start at once over a dead socket exactly one wins") {
    TemporaryFolder folder;
    const std::string path = folder.file("socket");
    for (int round = 0; round < 10; ++round) {
      {
        const auto dead = UnixListener::open(path);
        REQUIRE(dead);
        ::close(dead->descriptor());
      }
      std::atomic<int> winners{0};
      std::vector<std::optional<UnixListener>> opened(4);
      std::vector<std::thread> threads;
      for (auto& slot : opened)
        threads.emplace_back([&] {
          auto listener = UnixListener::open(path);
          if (!listener) return;
          slot = std::move(*listener);
          ++winners;
        });
      for (auto& thread : threads) thread.join();
      CHECK(winners.load() == 1);
      for (auto& slot : opened)
        if (slot) ::close(slot->descriptor());
    }
  }

  TEST_CASE("a file that is no socket is left alone") {
    TemporaryFolder folder;
    const std::string path = folder.file("socket");
    std::ofstream{path} << "precious";
    UnixLab lab{path};

    const auto started = lab.server.start();

    REQUIRE_FALSE(started);
    CHECK(started.error().failure == Failure::invalid_argument);
    CHECK(std::filesystem::file_size(path) == 8);
  }

  TEST_CASE("a path longer than the kernel's 107 bytes works") {
    TemporaryFolder folder;
    std::string deep = folder.file("");
    for (int i = 0; i < 6; ++i) deep += "a_folder_with_a_rather_long_name/";
    std::filesystem::create_directories(deep);
    UnixLab lab{deep + "socket"};

    lab.start();

    CHECK(ask(deep + "socket")->status == 200);
    CHECK_FALSE(UnixListener::open(deep + std::string(120, 'x')));
    CHECK_FALSE(UnixListener::open(folder.file("missing/socket")));
  }

  TEST_CASE("a server does not remove the socket of its successor") {
    TemporaryFolder folder;
    const std::string path = folder.file("socket");
    auto first = UnixListener::open(path);
    REQUIRE(first);
    ::close(first->descriptor());
    UnixLab second{path};
    second.start();

    first->remove_file();

    CHECK(ask(path)->status == 200);
  }
}
