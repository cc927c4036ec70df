#include "runtime/sandbox/sandbox_host.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/mman.h>
#include <sys/stat.h>

#include "runtime/sandbox/container_core.hpp"
#include "runtime/sandbox/descriptor.hpp"
#include "runtime/sandbox/host_core.hpp"

namespace flywheel {

namespace {

class HostedContainer final : public Container {
 public:
  HostedContainer(std::shared_ptr<HostCore> host, std::shared_ptr<ContainerCore> core)
      : host_(std::move(host)), core_(std::move(core)) {}
  ~HostedContainer() override {
    core_->request_end(ContainerState::exited, "its owner let go of it");
  }

  const std::string& id() const override { return core_->id(); }
  const SandboxSpec& spec() const override { return core_->spec(); }
  ContainerState state() const override { return core_->state(); }
  std::string reason() const override { return core_->reason(); }

  Result<ExecResult> run(const ExecSpec& spec) override {
    FLYWHEEL_TRY(std::shared_ptr<ExecCore> exec, core_->start(spec, {}));
    return exec->wait();
  }
  Result<std::shared_ptr<Exec>> start(const ExecSpec& spec, ExecObserver observer) override {
    FLYWHEEL_TRY(std::shared_ptr<Exec> exec, core_->start(spec, std::move(observer)));
    return exec;
  }

  Result<> put_file(const std::string& path, std::string_view bytes, std::uint32_t mode) override;
  Result<std::string> get_file(const std::string& path, std::uint64_t offset, std::size_t bytes_max,
                               std::uint64_t* size_bytes) override;
  Result<FileEntry> stat_file(const std::string& path) override;
  Result<std::vector<FileEntry>> list_files(const std::string& path) override;
  Result<> make_folder(const std::string& path) override {
    FLYWHEEL_TRY(BoxPacket packet, core_->work_on_file(BoxFileWork::folder, path, 0, -1));
    return {};
  }
  Result<> remove_file(const std::string& path) override {
    FLYWHEEL_TRY(BoxPacket packet, core_->work_on_file(BoxFileWork::remove, path, 0, -1));
    return {};
  }

  Result<> pause() override { return core_->pause(); }
  Result<> resume() override { return core_->resume(); }
  Result<std::string> snapshot(const std::string& owner) override {
    FLYWHEEL_TRY(std::string name, host_->snapshot(*core_, false, owner));
    host_->snapshots().release(name);
    return name;
  }
  Result<std::shared_ptr<Container>> fork() override {
    FLYWHEEL_TRY(const std::string name, host_->snapshot(*core_, true, {}));
    SandboxSpec spec = core_->spec();
    spec.snapshot = name;
    auto forked = host_->create(spec);
    host_->snapshots().release(name);  // the new container is a user of its own
    if (!forked) return fail(forked.error());
    return std::make_shared<HostedContainer>(host_, *forked);
  }
  Result<ContainerStats> stats() override { return core_->stats(); }
  void kill(ContainerState end, const std::string& reason) override {
    core_->request_end(is_ended(end) ? end : ContainerState::killed,
                       reason.empty() ? "on request" : reason);
    core_->wait_until_ended();
  }

 private:
  const std::shared_ptr<HostCore> host_;
  const std::shared_ptr<ContainerCore> core_;
};

class OpenedHost final : public SandboxHost {
 public:
  explicit OpenedHost(std::shared_ptr<HostCore> core) : core_(std::move(core)) {}
  ~OpenedHost() override { core_->close(); }

  Result<std::shared_ptr<Container>> create(const SandboxSpec& spec) override {
    FLYWHEEL_TRY(std::shared_ptr<ContainerCore> container, core_->create(spec));
    return std::make_shared<HostedContainer>(core_, std::move(container));
  }
  const SandboxFacts& facts() const override { return core_->facts(); }
  std::size_t container_count() const override { return core_->container_count(); }
  std::vector<std::string> images() const override { return core_->images().names(); }
  std::vector<SnapshotFacts> snapshots() const override { return core_->snapshots().list(); }
  Result<SnapshotFacts> snapshot(const std::string& name) const override {
    return core_->snapshots().facts(name);
  }
  Result<> remove_snapshot(const std::string& name) override {
    return core_->snapshots().remove(name);
  }
  void on_container_end(std::function<void(const std::string&)> callback) override {
    core_->on_container_end(std::move(callback));
  }

 private:
  const std::shared_ptr<HostCore> core_;
};

FileEntry read_entry(BoxReader& reader) {
  FileEntry entry;
  entry.kind = static_cast<FileKind>(std::min(reader.number32(), 3U));
  entry.size_bytes = reader.number();
  entry.mode = reader.number32();
  entry.changed_ms = static_cast<std::int64_t>(reader.number());
  return entry;
}

Result<Descriptor> memory_file(std::string_view bytes) {
  Descriptor file{::memfd_create("flywheel", MFD_CLOEXEC)};
  while (file && !bytes.empty()) {
    const ssize_t size = ::write(file.get(), bytes.data(), bytes.size());
    if (size < 0) file.reset();
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
  if (!file)
    return fail(Failure::resource_exhausted,
                std::string{"file: no memory for it: "} + std::strerror(errno));
  return file;
}

Result<std::string> read_range(int file, std::uint64_t offset, std::size_t bytes_max) {
  struct stat status {};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
    return fail(Failure::invalid_input, "file: it is no regular file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::string bytes(std::min<std::uint64_t>(bytes_max, size - std::min(size, offset)), 0);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t step = ::pread(file, bytes.data() + done, bytes.size() - done,
                                 static_cast<::off_t>(offset + done));
    if (step <= 0) break;  // it has shrunk meanwhile
    done += static_cast<std::size_t>(step);
  }
  bytes.resize(done);
  return bytes;
}

Result<> HostedContainer::put_file(const std::string& path, std::string_view bytes,
                                   std::uint32_t mode) {
  FLYWHEEL_TRY(const Descriptor file, memory_file(bytes));
  FLYWHEEL_TRY(BoxPacket packet, core_->work_on_file(BoxFileWork::put, path, mode, file.get()));
  return {};
}

Result<std::string> HostedContainer::get_file(const std::string& path, std::uint64_t offset,
                                              std::size_t bytes_max, std::uint64_t* size_bytes) {
  FLYWHEEL_TRY(BoxPacket packet, core_->work_on_file(BoxFileWork::get, path, 0, -1));
  const Descriptor file{packet.take(0)};
  struct stat status {};
  if (size_bytes != nullptr && ::fstat(file.get(), &status) == 0)
    *size_bytes = static_cast<std::uint64_t>(status.st_size);
  return read_range(file.get(), offset, bytes_max);
}

Result<FileEntry> HostedContainer::stat_file(const std::string& path) {
  FLYWHEEL_TRY(BoxPacket packet, core_->work_on_file(BoxFileWork::status, path, 0, -1));
  BoxReader answer{packet.bytes};
  answer.number32();  // kind, number, code and path come first
  answer.number();
  answer.number32();
  const std::string whole = answer.text();
  FileEntry entry = read_entry(answer);
  entry.name = whole.substr(whole.rfind('/') + 1);
  return entry;
}

Result<std::vector<FileEntry>> HostedContainer::list_files(const std::string& path) {
  FLYWHEEL_TRY(const Descriptor file, memory_file({}));
  FLYWHEEL_TRY(BoxPacket packet, core_->work_on_file(BoxFileWork::list, path, 0, file.get()));
  constexpr std::size_t listing_bytes_max = 10'000 * 300;  // the worker lists no more
  FLYWHEEL_TRY(const std::string bytes, read_range(file.get(), 0, listing_bytes_max));
  std::vector<FileEntry> entries;
  for (BoxReader reader{bytes}; reader.kind() == BoxMessage::file;) {
    FileEntry entry = read_entry(reader);
    entry.name = reader.text();
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const FileEntry& a, const FileEntry& b) { return a.name < b.name; });
  return entries;
}

}  // namespace

Result<std::unique_ptr<SandboxHost>> SandboxHost::open(SandboxHostConfig config) {
  auto core = std::make_shared<HostCore>(std::move(config));
  auto opened = core->open();
  if (!opened) {
    core->close();
    return fail(opened.error());
  }
  return std::make_unique<OpenedHost>(std::move(core));
}

}  // namespace flywheel
