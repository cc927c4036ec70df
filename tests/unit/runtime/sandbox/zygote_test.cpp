#include <chrono>
#include <fstream>

#include <malloc.h>

#include "tests/unit/runtime/sandbox/box_fixture.hpp"

namespace flywheel {

namespace {

ExecSpec python(const std::string& code) {
  return {.command = {"python3", "-c", code, "first"}, .uses_zygote = true};
}

bool comes_to(Container& container, std::uint32_t process_count) {
  for (int i = 0; i < 2000; ++i, ::usleep(1000))
    if (const auto stats = container.stats(); stats && stats->process_count == process_count)
      return true;
  return false;
}

std::uint64_t resident_kib() {
  ::malloc_trim(0);
  std::ifstream file{"/proc/self/status"};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6));
  return 0;
}

}  // namespace

TEST_CASE_FIXTURE(BoxFixture, "forked Python behaves as started Python does") {
  const auto container = create({.env = {"NAME=value"}});
  const std::string code =
      "import os, sys\nprint(sys.argv, os.environ['NAME'], os.getcwd(), __name__, os.getuid())\n"
      "print(input(), file=sys.stderr)\n"
      "for s in (sys.stdin, sys.stdout, sys.stderr): print(s.name, s.mode, s.encoding, s.errors, "
      "s.line_buffering, s.isatty(), file=sys.stderr)\n"
      "sys.stdout.reconfigure(line_buffering=True)\nsys.exit(5)";
  ExecSpec forked = python(code);
  forked.input = "typed\n";
  ExecSpec started = forked;
  started.uses_zygote = false;

  const ExecResult one = run(*container, forked);
  const ExecResult two = run(*container, started);

  INFO(one.error);
  CHECK(one.end == ExecEnd::exited);
  CHECK(one.exit_code == 5);
  CHECK(one.output == "['-c', 'first'] value /work __main__ 1000\n");
  CHECK(one.error_output.starts_with("typed\n"));
  CHECK(two.output == one.output);
  CHECK(two.error_output == one.error_output);
}

TEST_CASE_FIXTURE(BoxFixture, "forked Python runs files and shows errors as usual") {
  const auto container = create();
  CHECK(container->put_file("lib/helper.py", "def f(): raise ValueError('bad')\n"));
  CHECK(container->put_file("lib/main.py", "import helper\nhelper.f()\n"));
  ExecSpec file{.command = {"python3", "/work/lib/main.py"}, .uses_zygote = true};

  const ExecResult forked = run(*container, file);
  file.uses_zygote = false;
  const ExecResult started = run(*container, file);

  CHECK(forked.exit_code == 1);
  CHECK(forked.error_output == started.error_output);
  CHECK(forked.error_output.find("ValueError: bad") != std::string::npos);
  const ExecResult missing =
      run(*container, {.command = {"python3", "no.py"}, .uses_zygote = true});
  CHECK(missing.exit_code == 2);
}

TEST_CASE_FIXTURE(BoxFixture, "forked Python is confined as commands are") {
  const auto container = create();
  const std::string code =
      "import os\n"
      "rows = dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if "
      "':\\t' in l)\n"
      "print([rows[k].strip() for k in ('CapPrm', 'CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp')])\n"
      "print(os.listdir('/proc/self/fd')[:3], os.path.exists('/etc/shadow'))\n"
      "import ctypes\nprint(ctypes.CDLL(None, use_errno=True).unshare(0x10000000))\n"
      "print(len([p for p in os.listdir('/proc') if p.isdigit()]), os.uname().nodename)\n"
      "try: os.kill(1, 9)\nexcept PermissionError: print('no')\n";

  const ExecResult result = run(*container, python(code));

  CHECK(result.output.starts_with(
      "['0000000000000000', '0000000000000000', '0000000000000000', '1', '2']\n"));
  CHECK(result.output.find("False\n-1\n1 box\n") != std::string::npos);
  CHECK(shell(*container, "echo alive").output == "alive\n");
}

TEST_CASE_FIXTURE(BoxFixture, "forked Python ends at its limits, with all that it started") {
  const auto container = create({.limits = {.memory_bytes = 96 << 20}});
  ExecSpec looping = python(
      "import subprocess, time\nsubprocess.Popen(['setsid', 'sleep', '77'])\n"
      "print('up', flush=True)\ntime.sleep(100)");
  looping.wall_time_max = std::chrono::milliseconds{400};

  const ExecResult timed = run(*container, looping);
  const bool is_alone = !host->facts().limits_processes || comes_to(*container, 1);  // its init
  const ExecResult large =
      run(*container, python("x = []\nwhile True: x.append(bytearray(1 << 20))"));

  CHECK(timed.end == ExecEnd::wall_timeout);
  CHECK(timed.output == "up\n");
  CHECK(is_alone);
  if (host->facts().limits_memory) CHECK(large.end == ExecEnd::out_of_memory);
  const auto exec =
      *container->start(python("import time; print(1, flush=True); time.sleep(60)"), {});
  while (exec->read(ExecStream::output, 0, 9).bytes.empty()) ::usleep(1000);
  container->kill(ContainerState::killed, "test");
  CHECK(exec->wait().end == ExecEnd::container_gone);
}

TEST_CASE_FIXTURE(BoxFixture, "a forked Python started just before a pause stands still") {
  const auto container = create();
  run(*container, python("pass"));  // the interpreter is loaded
  const std::string code = "import os\nwhile True: os.write(1, b'x')";

  for (int round = 0; round < 10; ++round) {
    ExecSpec endless = python(code);
    endless.output_bytes_max = 1024;
    const auto exec = *container->start(endless, {});
    REQUIRE(container->pause());
    ::usleep(30'000);  // what was in the pipe has come
    const std::uint64_t before = exec->read(ExecStream::output, 0, 1).offset_end;
    ::usleep(30'000);
    CHECK(exec->read(ExecStream::output, 0, 1).offset_end == before);
    REQUIRE(container->resume());
    exec->cancel();
    CHECK(exec->wait().end == ExecEnd::cancelled);
  }
}

TEST_CASE_FIXTURE(BoxFixture,
                  "the output of an ended Python is not kept for what it left running") {
  const auto container = create({.limits = {.process_count = 512}});
  ExecSpec leaving = python(
      "import subprocess, sys\nsubprocess.Popen(['sleep', '100'])\n"
      "sys.stdout.write('x' * (12 << 20))");
  leaving.output_bytes_max = 16 << 20;
  CHECK(run(*container, leaving).output_bytes == 12 << 20);
  const std::uint64_t before_kib = resident_kib();

  for (int i = 0; i < 40; ++i) run(*container, leaving);

  CHECK(resident_kib() < before_kib + (200 << 10));
  // Each with its supervisor, and the init; other commands do not see them through Landlock.
  if (host->facts().limits_processes) CHECK(comes_to(*container, 2 * 41 + 1));
}

TEST_CASE_FIXTURE(BoxFixture, "what an ended Python left running stands still in a pause") {
  const auto container = create();
  run(*container, python("import subprocess\n"
                         "subprocess.Popen(['sh', '-c', 'while :; do echo x >> f; done'])"));
  const auto size = [&] {  // as a fork sees it: a paused container works on no files
    auto forked = container->fork();
    if (!forked) FAIL(forked.error().message);
    return (*forked)->stat_file("f")->size_bytes;
  };
  for (int i = 0; i < 5000 && !container->stat_file("f"); ++i) ::usleep(1000);

  REQUIRE(container->pause());
  const std::uint64_t before = size();
  ::usleep(50'000);
  CHECK(size() == before);
  REQUIRE(container->resume());
  std::uint64_t after = before;
  for (int i = 0; i < 5000 && after <= before; ++i) after = container->stat_file("f")->size_bytes;
  CHECK(after > before);
}

TEST_CASE_FIXTURE(BoxFixture, "a container without CPU time holds up no Python of another") {
  if (!host->facts().limits_cpu) return;
  const auto busy = create({.limits = {.cpu_ms_per_s = 10}});
  const auto other = create();
  run(*other, python("pass"));  // the interpreter is loaded
  const auto loops = *busy->start(
      {.command = {"sh", "-c",
                   "mkfifo go; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do\n"
                   "(read x < go; while :; do :; done) & done; sleep 1; : > go; echo up; wait"}},
      {});
  while (loops->read(ExecStream::output, 0, 9).bytes.empty() && !loops->has_ended()) ::usleep(1000);
  std::vector<std::shared_ptr<Exec>> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(*busy->start(python("pass"), {}));

  const ExecResult result = run(*other, python("pass"));

  CHECK(result.end == ExecEnd::exited);
  CHECK(result.wall_time < std::chrono::milliseconds{1500});
  busy->kill(ContainerState::killed, "test");
}

TEST_CASE_FIXTURE(BoxFixture, "what the zygote can't run is run by an interpreter") {
  const auto container = create();

  const ExecResult other = run(*container, {.command = {"python3", "-V"}, .uses_zygote = true});
  const ExecResult shelled = run(*container, {.command = {"echo", "x"}, .uses_zygote = true});

  CHECK(other.output.starts_with("Python 3"));
  CHECK(shelled.output == "x\n");
}

}  // namespace flywheel
