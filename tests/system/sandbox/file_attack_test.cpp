// Ways out through the host's own file operations and through archives.
#include <fstream>

#include "tests/system/sandbox/attack_lab.hpp"

namespace flywheel {

namespace {

struct PathAttack {
  const char* name;
  const char* setup;  // what the container prepares
  const char* path;   // what the host is then asked for
};

// The secret lies on the host at the lab's folder, which SECRET stands for.
constexpr PathAttack path_attacks[] = {
    {"dots", "true", "../../../../../../../../SECRET"},
    {"absolute", "true", "/SECRET"},
    {"dots after a folder", "mkdir -p a/b", "a/b/../../../../../../SECRET"},
    {"link to the host's path", "ln -s /SECRET l", "l"},
    {"link to a parent", "ln -s ../../../../../.. up", "up/SECRET"},
    {"link to the root", "ln -s / root", "root/SECRET"},
    {"chain of links", "ln -s /SECRET a; ln -s a b; ln -s b c", "c"},
    {"folder swapped for a link", "mkdir d; rmdir d; ln -s / d", "d/SECRET"},
    {"root of a process", "true", "/proc/self/root/SECRET"},
    {"working folder of a process", "true", "/proc/self/cwd/../../../SECRET"},
    {"root of the init", "true", "/proc/1/root/SECRET"},
    {"open file of a process", "true", "/proc/self/fd/0"},
    {"link to an open file", "ln -s /proc/self/fd/3 l", "l"},
    {"program of the worker", "true", "/proc/self/exe"},
    {"memory of the worker", "true", "/proc/self/mem"},
    {"environment of the worker", "true", "/proc/self/environ"},
    {"task of the worker", "true", "/proc/thread-self/root/SECRET"},
    {"a disk", "true", "/dev/vda"},
    {"the kernel's memory", "true", "/proc/kcore"},
    {"a hard link", "ln /etc/passwd p 2>/dev/null; true", "p"},
};

std::string with_secret(std::string text, const std::string& secret) {
  for (std::size_t at = 0; (at = text.find("SECRET")) != std::string::npos;)
    text.replace(at, 6, secret.substr(1));
  return text;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

TEST_CASE_FIXTURE(AttackLab, "no path leads the host's reads and writes out of a container") {
  const std::string secret = (folder / "secret.txt").string();
  std::ofstream{secret} << "the host's secret";
  std::filesystem::permissions(secret, std::filesystem::perms{0666});
  std::filesystem::permissions(folder, std::filesystem::perms{0755});

  for (const PathAttack& attack : path_attacks) {
    const std::string name = attack.name;
    CAPTURE(name);
    const auto container = create();
    CHECK(shell(*container, with_secret(attack.setup, secret)).exit_code == 0);
    const std::string path = with_secret(attack.path, secret);

    const auto got = container->get_file(path);
    CHECK((!got || got->find("secret") == std::string::npos));
    const auto put = container->put_file(path, "overwritten");
    const auto removed = container->remove_file(path);
    CHECK(content_of(secret) == "the host's secret");
    CHECK(is_alive(*container));
    end(*container);
  }
}

TEST_CASE_FIXTURE(AttackLab, "a link that moves while files are put never leads out") {
  const std::string secret = (folder / "secret.txt").string();
  std::ofstream{secret} << "the host's secret";
  std::filesystem::permissions(folder, std::filesystem::perms{0755});
  const auto container = create();
  const auto racer = *container->start({.command = {"sh", "-c",
                                                    "while :; do ln -sfn " + folder.string() +
                                                        " d; rm -f d; mkdir d; rmdir d; done"}},
                                       {});

  for (int i = 0; i < 200; ++i) (void)container->put_file("d/secret.txt", "overwritten");

  CHECK(content_of(secret) == "the host's secret");
  racer->cancel();
  end(*container);
}

TEST_CASE_FIXTURE(AttackLab, "hostile archives stay inside") {
  const std::string secret = (folder / "secret.txt").string();
  std::ofstream{secret} << "the host's secret";
  const auto container = create();
  const std::string make =
      "import io, tarfile\n"
      "t = tarfile.open('/work/evil.tar', 'w')\n"
      "def add(name, **k):\n"
      "    i = tarfile.TarInfo(name); data = b'evil'\n"
      "    for key, value in k.items(): setattr(i, key, value)\n"
      "    i.size = len(data) if i.isreg() else 0\n"
      "    t.addfile(i, io.BytesIO(data) if i.isreg() else None)\n"
      "add('../../../../../../" +
      secret.substr(1) +
      "')\n"
      "add('" +
      secret +
      "')\n"
      "add('link', type=tarfile.SYMTYPE, linkname='" +
      folder.string() +
      "')\n"
      "add('link/secret.txt')\n"
      "add('hard', type=tarfile.LNKTYPE, linkname='/etc/passwd')\n"
      "add('device', type=tarfile.BLKTYPE, devmajor=254, devminor=0)\n"
      "add('setuid', mode=0o6755)\n"
      "t.close()\n";
  CHECK(run(*container, {.command = {"python3", "-c", make}}).exit_code == 0);

  shell(*container, "mkdir out; tar -P -x -f evil.tar -C out; ls -l out");
  shell(*container,
        "cd out; python3 -c \"import tarfile; tarfile.open('../evil.tar').extractall()\"");

  CHECK(content_of(secret) == "the host's secret");
  CHECK(shell(*container, "find / -xdev -type b 2>/dev/null | head").output.empty());
  end(*container);
}

TEST_CASE_FIXTURE(AttackLab, "a snapshot full of traps is restored and forked safely") {
  const auto container = create();
  shell(*container,
        "ln -s / root; ln -s /proc/self/fd/0 fd; mkfifo pipe; mkdir -p a/b; chmod 0 a; "
        "rm -rf /home/user; ln -s /etc /home/user; rm -rf /tmp; mkdir /var/tmp/x; "
        "printf x > \"$(printf 'new\\nline')\"");

  const auto forked = container->fork();
  REQUIRE(forked);
  const ExecResult listed = shell(**forked, "ls; readlink root");
  const auto bound =
      host->create({.snapshot = *container->snapshot(), .binds = {{"/usr/bin", "/work/root/x"}}});

  CHECK(listed.output.find("pipe") != std::string::npos);
  CHECK(listed.output.ends_with("/\n"));
  CHECK(bound.error().message.find("where no folder is") != std::string::npos);
  end(**forked);
  end(*container);
  for (const SnapshotFacts& facts : host->snapshots()) CHECK(host->remove_snapshot(facts.name));
}

}  // namespace flywheel
