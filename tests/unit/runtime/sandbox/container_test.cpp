#include "runtime/sandbox/container.hpp"

#include <csignal>
#include <fstream>
#include <thread>

#include "tests/unit/runtime/sandbox/box_fixture.hpp"

namespace flywheel {

using std::chrono::milliseconds;

TEST_CASE_FIXTURE(BoxFixture, "a container ends in the state that was asked for, with the reason") {
  const auto container = create();
  const auto running = *container->start({.command = {"sleep", "60"}}, {});

  container->kill(ContainerState::expired, "its hour was over");

  CHECK(container->state() == ContainerState::expired);
  CHECK(container->reason() == "its hour was over");
  CHECK(running->wait().end == ExecEnd::container_gone);
  CHECK(host->container_count() == 0);
  CHECK(container->run({.command = {"true"}}).error().message ==
        container->id() + ": it is expired: its hour was over");
}

TEST_CASE_FIXTURE(BoxFixture, "a container goes when its last owner lets go of it") {
  create().reset();

  for (int i = 0; i < 2000 && host->container_count() > 0; ++i) ::usleep(1000);

  CHECK(host->container_count() == 0);
}

TEST_CASE_FIXTURE(BoxFixture, "files go in and come out") {
  const auto container = create();
  const std::string bytes{"a\0b\xff", 4};

  CHECK(container->put_file("deep/er/file", bytes, 0755));
  CHECK(container->get_file("/work/deep/er/file") == bytes);
  CHECK(container->get_file("deep/er/file", 1, 2) == bytes.substr(1, 2));
  CHECK(container->get_file("deep/er/file", 100, 2)->empty());
  CHECK(container->stat_file("deep/er/file")->mode == 0755);
  CHECK(container->stat_file("deep/er/file")->size_bytes == 4);
  CHECK(container->put_file("deep/er/file", "xy"));
  CHECK(container->get_file("deep/er/file") == "xy");
  const auto entries = container->list_files("deep");
  REQUIRE(entries->size() == 1);
  CHECK(entries->front().name == "er");
  CHECK(entries->front().kind == FileKind::folder);
  CHECK(container->make_folder("new/folder"));
  CHECK(shell(*container, "ls -d new/folder").exit_code == 0);
  CHECK(container->remove_file("deep"));
  CHECK(container->get_file("deep/er/file").error().failure == Failure::not_found);
}

TEST_CASE_FIXTURE(BoxFixture, "files that are no files are refused at once") {
  const auto container = create();
  shell(*container, "mkfifo pipe; ln -s /proc/self/fd/0 magic; ln -s loop loop; mkdir folder");

  CHECK_FALSE(container->get_file("pipe"));
  CHECK_FALSE(container->put_file("pipe", "x"));
  CHECK_FALSE(container->get_file("magic"));
  CHECK_FALSE(container->get_file("loop"));
  CHECK_FALSE(container->get_file("folder"));
  CHECK_FALSE(container->get_file("/dev/zero"));
  CHECK_FALSE(container->get_file("/proc/self/environ"));
  CHECK(container->put_file("/etc/passwd", "x").error().failure == Failure::permission_denied);
  CHECK(container->put_file("/usr/bin/x", "x").error().failure == Failure::permission_denied);
  CHECK_FALSE(container->get_file(""));
  CHECK_FALSE(container->get_file(std::string{"a\0b", 3}));
}

TEST_CASE_FIXTURE(BoxFixture, "no command begins in a container that is being paused") {
  const auto container = create();
  for (int round = 0; round < 10; ++round) {
    std::shared_ptr<Exec> last;
    std::thread starting{[&] {
      for (;;) {
        auto exec = container->start(
            {.command = {"sh", "-c", "while :; do echo x; done"}, .output_bytes_max = 64}, {});
        if (!exec) return;
        if (last) last->cancel();
        last = *exec;
      }
    }};
    ::usleep(static_cast<useconds_t>(500 * round));
    REQUIRE(container->pause());
    starting.join();
    ::usleep(30'000);  // what was in the pipe has come
    const auto size = [&] { return last ? last->read(ExecStream::output, 0, 1).offset_end : 0; };
    const std::uint64_t before = size();
    ::usleep(30'000);
    CHECK(size() == before);
    REQUIRE(container->resume());
    if (last) last->cancel();
    if (last) last->wait();
  }
}

TEST_CASE_FIXTURE(BoxFixture, "paused processes stand still, and time does not run against them") {
  const auto container = create();
  const auto exec =
      *container->start({.command = {"sh", "-c", "while :; do echo x; sleep 0.01; done"},
                         .wall_time_max = milliseconds{900}},
                        {});
  while (exec->read(ExecStream::output, 0, 10).bytes.empty()) ::usleep(1000);

  CHECK(container->pause());
  CHECK(container->state() == ContainerState::paused);
  ::usleep(100'000);
  const auto before = exec->read(ExecStream::output, 0, 0).offset_end;
  ::usleep(1'000'000);
  const auto after = exec->read(ExecStream::output, 0, 0).offset_end;
  CHECK(container->run({.command = {"true"}}).error().failure == Failure::unavailable);
  CHECK_FALSE(exec->has_ended());
  CHECK(container->resume());
  const ExecResult result = exec->wait();

  CHECK(before == after);
  CHECK(result.end == ExecEnd::wall_timeout);
  CHECK(result.output_bytes > after);
  CHECK_FALSE(container->resume());
}

TEST_CASE_FIXTURE(BoxFixture, "a paused container can be cancelled and killed") {
  const auto container = create();
  const auto one = *container->start({.command = {"sleep", "60"}}, {});
  const auto two = *container->start({.command = {"sleep", "60"}}, {});
  CHECK(container->pause());

  one->cancel();

  CHECK(one->wait().end == ExecEnd::cancelled);
  CHECK_FALSE(two->has_ended());
  container->kill(ContainerState::killed, "test");
  CHECK(two->wait().end == ExecEnd::container_gone);
}

TEST_CASE_FIXTURE(BoxFixture, "a fork sees the files as they were and writes its own") {
  const auto container = create();
  shell(*container, "echo one > a; mkdir d; echo two > d/b; ln -s a link; chmod 600 a");

  auto forked = container->fork();
  REQUIRE(forked);
  shell(*container, "echo changed > a");
  const ExecResult seen = shell(**forked, "cat a d/b link; stat -c '%a %u' a; rm a; ls");
  const auto grandchild = (*forked)->fork();
  REQUIRE(grandchild);

  CHECK(seen.output == "one\ntwo\none\n600 1000\nd\nlink\n");
  CHECK(shell(**grandchild, "ls; cat d/b").output == "d\nlink\ntwo\n");
  CHECK(shell(*container, "cat a").output == "changed\n");
  CHECK(host->snapshots().empty());
}

TEST_CASE_FIXTURE(BoxFixture, "a snapshot outlives its container and its host") {
  const auto container = create();
  shell(*container, "echo kept > a; rm -rf /var/tmp/*; touch /tmp/t");
  const auto name = container->snapshot();
  REQUIRE(name);
  container->kill(ContainerState::killed, "test");

  open();  // another host on the same folder
  REQUIRE(host->snapshots().size() == 1);
  CHECK(host->snapshots().front().name == *name);
  const auto restored = create({.snapshot = *name});
  CHECK(shell(*restored, "cat a; ls /tmp; echo more >> a; cat a").output ==
        "kept\nt\nkept\nmore\n");
  CHECK(host->remove_snapshot(*name).error().failure == Failure::unavailable);
  restored->kill(ContainerState::killed, "test");

  CHECK(host->remove_snapshot(*name));
  CHECK(host->snapshots().empty());
  CHECK(host->create({.snapshot = *name}).error().message == "snapshot '" + *name + "' is unknown");
}

TEST_CASE_FIXTURE(BoxFixture, "figures of a container are read") {
  const auto container = create();
  shell(*container, "head -c 1000000 /dev/zero > a");
  const auto exec = *container->start({.command = {"sleep", "60"}}, {});

  const auto stats = container->stats();

  REQUIRE(stats);
  CHECK(stats->disk_bytes >= 1'000'000);
  CHECK(stats->disk_bytes < 2'000'000);
  CHECK(stats->file_count >= 1);
  if (host->facts().limits_memory) CHECK(stats->memory_bytes > 1'000'000);
}

TEST_CASE_FIXTURE(BoxFixture, "a host's folder is seen and can't be written") {
  std::filesystem::create_directories(folder() / "data");
  std::ofstream{folder() / "data" / "table.csv"} << "1,2\n";
  const std::string source = (folder() / "data").string();
  const auto container =
      create({.binds = {{source, "/mnt/data"}, {source + "/table.csv", "/work/in/table.csv"}}});

  const ExecResult result =
      shell(*container, "cat /mnt/data/table.csv in/table.csv; touch /mnt/data/x");

  CHECK(result.output == "1,2\n1,2\n");
  CHECK(result.exit_code != 0);
  CHECK_FALSE(std::filesystem::exists(folder() / "data" / "x"));
}

TEST_CASE_FIXTURE(BoxFixture, "loopback is there where asked for, and only its own") {
  const std::string script =
      "import socket\n"
      "s = socket.socket(); s.bind(('127.0.0.1', 8080)); s.listen()\n"
      "c = socket.create_connection(('127.0.0.1', 8080)); a, _ = s.accept()\n"
      "c.sendall(b'hi'); print(a.recv(2))\n"
      "try: socket.create_connection(('10.0.0.1', 80), 1)\n"
      "except OSError as e: print(e.errno)\n";
  const auto open_one = create({.network = SandboxNetwork::loopback});
  const auto open_two = create({.network = SandboxNetwork::loopback});
  const auto closed = create();

  CHECK(run(*open_one, {.command = {"python3", "-c", script}}).output == "b'hi'\n101\n");
  CHECK(run(*open_two, {.command = {"python3", "-c", script}}).output == "b'hi'\n101\n");
  CHECK(run(*closed, {.command = {"python3", "-c", "import socket; socket.socket()"}})
            .error_output.find("PermissionError") != std::string::npos);
}

TEST_CASE_FIXTURE(BoxFixture, "impossible containers are refused with the field") {
  const auto refused = [&](const SandboxSpec& spec) {
    const auto created = host->create(spec);
    return created ? std::string{"created"} : created.error().message;
  };

  CHECK(refused({.image = "nope"}) == "image 'nope' is unknown; there are: host");
  CHECK(refused({.working_folder = "work"}).find("working_folder 'work'") != std::string::npos);
  CHECK(refused({.working_folder = "/work/../.."}).find("plain absolute") != std::string::npos);
  CHECK(refused({.limits = {.memory_bytes = 1}}).find("memory_bytes is 1") != std::string::npos);
  CHECK(refused({.binds = {{"/etc/../x", "/y"}}}).find("bind source") != std::string::npos);
  CHECK(refused({.binds = {{"/no/such", "/y"}}}).find("bind /no/such") != std::string::npos);
  CHECK(refused({.env = {"novalue"}}).find("NAME=value") != std::string::npos);
  CHECK(host->container_count() == 0);
}

TEST_CASE_FIXTURE(BoxFixture, "what the launcher refuses is refused with its reason every time") {
  for (int round = 0; round < 200; ++round) {
    const auto created = host->create({.binds = {{"/no/such", "/y"}}});

    REQUIRE_FALSE(created);
    REQUIRE(created.error().message.find("bind /no/such") != std::string::npos);
    REQUIRE(host->container_count() == 0);
  }
}

TEST_CASE("no more containers than allowed") {
  BoxFixture fixture;
  fixture.config.container_count_max = 2;
  fixture.open();
  const auto one = fixture.create();
  const auto two = fixture.create();

  CHECK(fixture.host->create({}).error().failure == Failure::resource_exhausted);
  one->kill(ContainerState::killed, "test");
  CHECK(fixture.host->create({}));
}

TEST_CASE_FIXTURE(BoxFixture, "one state folder has one owner") {
  CHECK(SandboxHost::open(config).error().failure == Failure::already_exists);
}

TEST_CASE_FIXTURE(BoxFixture, "many threads make and end containers at once") {
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 6; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const auto container = host->create({});
        if (!container) continue;
        const auto result = (*container)->run({.command = {"echo", "hi"}});
        if (result && result->output == "hi\n") ++good;
      }
    });
  for (std::thread& thread : threads) thread.join();

  CHECK(good == 30);
}

}  // namespace flywheel
