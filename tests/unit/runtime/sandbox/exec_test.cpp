#include "runtime/sandbox/exec.hpp"

#include <condition_variable>
#include <csignal>
#include <mutex>

#include "tests/unit/runtime/sandbox/box_fixture.hpp"

namespace flywheel {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

TEST_CASE_FIXTURE(BoxFixture, "a command's output and end come back") {
  const auto container = create();

  const ExecResult result = shell(*container, "echo out; echo err >&2; id -u; exit 3");

  CHECK(result.end == ExecEnd::exited);
  CHECK(result.exit_code == 3);
  CHECK(result.output == "out\n1000\n");
  CHECK(result.error_output == "err\n");
  CHECK(result.output_bytes == 9);
  CHECK_FALSE(result.is_truncated);
}

TEST_CASE_FIXTURE(BoxFixture, "a command that can't be run says why") {
  const auto container = create();

  const ExecResult missing = run(*container, {.command = {"no_such_program"}});
  const ExecResult folder = run(*container, {.command = {"/usr"}});
  const ExecResult nowhere = run(*container, {.command = {"true"}, .working_folder = "/nowhere"});

  CHECK(missing.end == ExecEnd::not_started);
  CHECK(missing.exit_code == 127);
  CHECK(missing.error == "no_such_program: No such file or directory");
  CHECK(folder.end == ExecEnd::not_started);
  CHECK(folder.exit_code == 126);
  CHECK(nowhere.error == "enter /nowhere: No such file or directory");
}

TEST_CASE_FIXTURE(BoxFixture, "a refused command names what is wrong with it") {
  const auto container = create();

  CHECK_FALSE(container->run({}));
  CHECK_FALSE(container->run({.command = {std::string{"a\0b", 3}}}));
  CHECK_FALSE(container->run({.command = {"true"}, .wall_time_max = milliseconds{0}}));
  const auto large = container->run({.command = {"true", std::string(200'000, 'x')}});
  CHECK(large.error().message ==
        "exec: command and environment are over 160 KiB; put the data into a file");
  CHECK(container->run({.command = {"true"}, .wall_time_max = milliseconds{1000}}));
}

TEST_CASE_FIXTURE(BoxFixture, "the wall time ends a command and keeps what it wrote") {
  const auto container = create();
  const auto before = SteadyClock::now();

  const ExecResult result = run(*container, {.command = {"sh", "-c", "echo partial; sleep 60"},
                                             .wall_time_max = milliseconds{200}});

  CHECK(result.end == ExecEnd::wall_timeout);
  CHECK(result.output == "partial\n");
  CHECK(SteadyClock::now() - before < std::chrono::seconds{3});
}

TEST_CASE_FIXTURE(BoxFixture, "silence ends a command, and output keeps it going") {
  const auto container = create();
  const std::string talkative = "for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done";

  const ExecResult silent = run(
      *container, {.command = {"sh", "-c", "echo a; sleep 60"}, .silence_max = milliseconds{300}});
  const ExecResult going =
      run(*container, {.command = {"sh", "-c", talkative}, .silence_max = milliseconds{450}});

  CHECK(silent.end == ExecEnd::silence_timeout);
  CHECK(silent.output == "a\n");
  CHECK(going.end == ExecEnd::exited);
}

TEST_CASE_FIXTURE(BoxFixture,
                  "cancel kills all that a command started, also what left its session") {
  const auto container = create();
  const auto other = *container->start({.command = {"sleep", "50"}}, {});  // so no blow hits all
  const auto exec = *container->start(
      {.command = {"sh", "-c", "setsid sh -c 'setsid sleep 40 & sleep 41' & echo up; sleep 42"}},
      {});
  while (exec->read(ExecStream::output, 0, 10).bytes.empty()) ::usleep(1000);

  exec->cancel();
  const ExecResult result = exec->wait();
  const ExecResult left = shell(*container, "sleep 0.1; cat /proc/[0-9]*/cmdline | tr '\\0' ' '");

  CHECK(result.end == ExecEnd::cancelled);
  CHECK(left.output.find("sleep 40") == std::string::npos);
  CHECK(left.output.find("sleep 41") == std::string::npos);
  CHECK(left.output.find("sleep 50") != std::string::npos);
  CHECK_FALSE(other->has_ended());
}

TEST_CASE_FIXTURE(BoxFixture, "what a command leaves running goes on after it") {
  const auto container = create();

  const ExecResult started = shell(*container, "sleep 30 >/dev/null 2>&1 & echo $!");
  const ExecResult looked = shell(*container, "kill -0 " + started.output);

  CHECK(started.end == ExecEnd::exited);
  CHECK(looked.exit_code == 0);
}

TEST_CASE_FIXTURE(BoxFixture, "input reaches the command, then its end") {
  const auto container = create();
  const std::string large(3 << 20, 'y');

  const ExecResult small = run(*container, {.command = {"cat"}, .input = "hello"});
  const ExecResult counted = run(*container, {.command = {"wc", "-c"}, .input = large});
  const ExecResult unread = run(*container, {.command = {"true"}, .input = large});

  CHECK(small.output == "hello");
  CHECK(counted.output == std::to_string(large.size()) + "\n");
  CHECK(unread.exit_code == 0);
}

TEST_CASE_FIXTURE(BoxFixture, "a session is fed line by line") {
  const auto container = create();
  const auto exec = *container->start({.command = {"sh"}, .keeps_input_open = true}, {});

  CHECK(exec->write_input("x=5\n"));
  CHECK(exec->write_input("echo $((x+1))\n"));
  while (exec->read(ExecStream::output, 0, 10).bytes != "6\n") ::usleep(1000);
  exec->close_input();

  CHECK(exec->wait().exit_code == 0);
  CHECK(exec->write_input("more").error().failure == Failure::cancelled);
}

TEST_CASE_FIXTURE(BoxFixture, "more input than a command reads is refused at the bound") {
  const auto container = create();
  const auto exec = *container->start({.command = {"sleep", "20"}, .keeps_input_open = true}, {});
  const std::string mebibyte(1 << 20, 'z');

  Result<> written;
  int count = 0;
  while (written && count < 10) {
    written = exec->write_input(mebibyte);
    ++count;
  }

  CHECK(written.error().failure == Failure::resource_exhausted);
  CHECK(count >= 4);
}

TEST_CASE_FIXTURE(BoxFixture, "a signal reaches the command's process group") {
  const auto container = create();
  const auto exec = *container->start(
      {.command = {"sh", "-c",
                   "trap 'echo caught; exit 7' USR1; echo up; while :; do sleep 0.01; done"}},
      {});
  while (exec->read(ExecStream::output, 0, 10).bytes.empty()) ::usleep(1000);

  CHECK(exec->send_signal(SIGUSR1));
  const ExecResult result = exec->wait();

  CHECK(result.exit_code == 7);
  CHECK(result.output == "up\ncaught\n");
  CHECK_FALSE(exec->send_signal(SIGUSR1));
}

TEST_CASE_FIXTURE(BoxFixture, "a signal reaches a command that has only just been started") {
  const auto container = create();
  for (int round = 0; round < 100; ++round) {
    const auto exec = *container->start({.command = {"sleep", "60"}}, {});

    CHECK(exec->send_signal(SIGTERM));
    const ExecResult result = exec->wait();

    REQUIRE(result.signal == SIGTERM);
  }
}

TEST_CASE_FIXTURE(BoxFixture, "a flood of output keeps head and tail in bounded memory") {
  const auto container = create();

  const ExecResult result =
      run(*container, {.command = {"sh", "-c", "echo first; yes | head -c 50000000; echo last"},
                       .output_bytes_max = 1000});

  CHECK(result.end == ExecEnd::exited);
  CHECK(result.is_truncated);
  CHECK(result.output_bytes == 50'000'011);
  CHECK(result.output.starts_with("first\ny\n"));
  CHECK(result.output.ends_with("y\nlast\n"));
  CHECK(result.output.find("bytes left out") != std::string::npos);
  CHECK(result.output.size() < 1100);
}

TEST_CASE_FIXTURE(BoxFixture, "a flood delays no deadline") {
  const auto container = create();
  const auto before = SteadyClock::now();

  const ExecResult result = run(*container, {.command = {"sh", "-c", "yes & yes >&2 & yes"},
                                             .wall_time_max = milliseconds{300},
                                             .output_bytes_max = 100});

  CHECK(result.end == ExecEnd::wall_timeout);
  CHECK(SteadyClock::now() - before < milliseconds{2000});
}

TEST_CASE_FIXTURE(BoxFixture, "any bytes come back as they are") {
  const auto container = create();

  const ExecResult result = run(*container, {.command = {"printf", "\\000\\377\\376%s", "x"}});

  CHECK(result.output == std::string{"\0\xff\xfex", 4});
}

TEST_CASE_FIXTURE(BoxFixture, "an observer sees every byte, then the end once") {
  const auto container = create();
  std::mutex mutex;
  std::condition_variable changed;
  std::string seen;
  int end_count = 0;
  const ExecObserver observer{
      .on_output = [&](ExecStream, std::string_view bytes) { seen += bytes; },
      .on_end =
          [&](const ExecResult&) {
            const std::lock_guard lock{mutex};
            ++end_count;
            changed.notify_all();
          }};

  const auto exec = *container->start({.command = {"seq", "1", "20000"}}, observer);
  exec->wait();
  std::unique_lock lock{mutex};
  changed.wait(lock, [&] { return end_count > 0; });

  CHECK(seen.size() == 108'894);
  CHECK(seen.ends_with("20000\n"));
  CHECK(end_count == 1);
}

TEST_CASE_FIXTURE(BoxFixture, "the memory limit ends a command and is named") {
  const auto container = create({.limits = {.memory_bytes = 64 << 20}});

  const ExecResult direct =
      run(*container,
          {.command = {"python3", "-c",
                       "x = bytearray(1 << 30)\nfor i in range(0, 1 << 30, 4096): x[i] = 1"}});
  const ExecResult after = shell(*container, "echo alive");

  if (host->facts().limits_memory)
    CHECK(direct.end == ExecEnd::out_of_memory);
  else
    CHECK(direct.exit_code == 1);  // MemoryError
  CHECK(after.output == "alive\n");
}

TEST_CASE_FIXTURE(BoxFixture,
                  "a command that ends at the memory limit takes along what it started") {
  if (!host->facts().limits_memory) return;
  const auto container = create({.limits = {.memory_bytes = 96 << 20}});

  const ExecResult large =
      run(*container, {.command = {"sh", "-c",
                                   "sleep 77 & exec python3 -c 'x = []\nwhile True: "
                                   "x.append(bytearray(1 << 20))'"}});
  std::string left = "sleep 77";
  for (int i = 0; i < 200 && left.find("sleep 77") != std::string::npos; ++i)
    left = shell(*container, "sleep 0.01; cat /proc/[0-9]*/cmdline | tr '\\0' ' '").output;

  CHECK(large.end == ExecEnd::out_of_memory);
  CHECK(left.find("sleep 77") == std::string::npos);
  CHECK(run(*container, {.command = {"false"}}).end == ExecEnd::exited);
}

TEST_CASE_FIXTURE(BoxFixture, "a kill at the memory limit is not held against the next command") {
  if (!host->facts().limits_memory) return;
  const auto container = create({.limits = {.memory_bytes = 96 << 20}});

  const ExecResult survived = shell(
      *container, "python3 -c 'x = []\nwhile True: x.append(bytearray(1 << 20))'; echo $?; exit 0");
  const ExecResult next = run(*container, {.command = {"false"}});

  CHECK(survived.output == "137\n");
  CHECK(survived.end == ExecEnd::exited);
  CHECK(next.end == ExecEnd::exited);
  CHECK(next.exit_code == 1);
}

TEST_CASE_FIXTURE(BoxFixture, "environment and folder of a command are its own") {
  const auto container = create({.env = {"A=1", "B=2"}});

  const ExecResult result =
      run(*container, {.command = {"sh", "-c", "echo $A $B $HOME $FLYWHEEL; pwd"},
                       .env = {"B=3"},
                       .working_folder = "/tmp"});
  const ExecResult standard = shell(*container, "pwd");

  CHECK(result.output == "1 3 /home/user\n/tmp\n");
  CHECK(standard.output == "/work\n");
}

}  // namespace flywheel
