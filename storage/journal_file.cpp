#include "storage/journal_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/base/hash.hpp"

namespace flywheel {
namespace {

constexpr std::size_t hash_size = 32;
constexpr std::size_t read_size = 1 << 20;

std::string line_of(const JournalFile::KeyValue& entry) {
  const std::string text = entry.first + "\t" + entry.second;
  return to_string(hash_text(text)) + "\t" + text + "\n";
}

bool is_plain(const std::string& text) {
  return text.find_first_of("\t\n") == std::string::npos;
}

// The name of a new file survives a crash only with its folder.
Result<> sync_folder_of(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!is_synced) return fail(Failure::unavailable, folder.string() + ": " + std::strerror(error));
  return {};
}

}  // namespace

Result<std::unique_ptr<JournalFile>> JournalFile::open(const std::filesystem::path& path) {
  std::error_code code;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), code);
  const bool is_new = !std::filesystem::exists(path, code);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0)
    return fail(errno == EACCES ? Failure::permission_denied : Failure::unavailable,
                path.string() + ": " + std::strerror(errno));
  std::unique_ptr<JournalFile> file{new JournalFile{path, descriptor}};
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    return fail(Failure::already_exists, path.string() + " is in use by another process");
  if (is_new) FLYWHEEL_TRY_VOID(sync_folder_of(path));
  FLYWHEEL_TRY_VOID(file->load());
  return file;
}

JournalFile::~JournalFile() {
  ::close(descriptor_);
}

Result<> JournalFile::load() {
  std::string pending, part(read_size, '\0');
  for (;;) {
    const ssize_t count =
        ::pread(descriptor_, part.data(), part.size(), static_cast<off_t>(size_ + pending.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Failure::unavailable, path_.string() + ": " + std::strerror(errno));
    if (count == 0) break;
    pending.append(part, 0, static_cast<std::size_t>(count));
    std::size_t start = 0;
    for (std::size_t end = pending.find('\n'); end != std::string::npos;
         end = pending.find('\n', start)) {
      FLYWHEEL_TRY_VOID(take_line(pending.substr(start, end - start), size_));
      size_ += end + 1 - start;
      start = end + 1;
    }
    pending.erase(0, start);
  }
  if (!pending.empty() && ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0)
    return fail(Failure::unavailable, path_.string() + ": " + std::strerror(errno));
  return {};
}

Result<> JournalFile::take_line(const std::string& line, std::uint64_t offset) {
  const std::size_t tab = line.find('\t', hash_size + 1);
  if (line.size() <= hash_size || line[hash_size] != '\t' || tab == std::string::npos ||
      line.substr(0, hash_size) != to_string(hash_text(line.substr(hash_size + 1))))
    return fail(Failure::corrupt, path_.string() + ": damaged at byte " + std::to_string(offset) +
                                      "; delete the file to work everything out anew");
  places_[line.substr(hash_size + 1, tab - hash_size - 1)] = {offset + tab + 1,
                                                              line.size() - tab - 1};
  return {};
}

Result<std::optional<std::string>> JournalFile::find(const std::string& key) {
  const std::lock_guard lock{mutex_};
  const auto found = places_.find(key);
  if (found == places_.end()) return std::optional<std::string>{};
  std::string value(found->second.size, '\0');
  for (std::size_t done = 0; done < value.size();) {
    const ssize_t count = ::pread(descriptor_, value.data() + done, value.size() - done,
                                  static_cast<off_t>(found->second.offset + done));
    if (count <= 0) return fail(Failure::corrupt, path_.string() + ": can't read " + key);
    done += static_cast<std::size_t>(count);
  }
  return std::optional{std::move(value)};
}

Result<> JournalFile::write_at_end(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                                   static_cast<off_t>(size_ + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return fail(
          errno == ENOSPC || errno == EFBIG ? Failure::resource_exhausted : Failure::unavailable,
          path_.string() + ": " + std::strerror(errno));
    done += static_cast<std::size_t>(count);
  }
  if (::fdatasync(descriptor_) != 0)
    return fail(Failure::unavailable, path_.string() + ": " + std::strerror(errno));
  return {};
}

Result<> JournalFile::append(std::span<const KeyValue> entries) {
  std::string bytes;
  for (const KeyValue& each : entries) {
    if (!is_plain(each.first) || !is_plain(each.second))
      return fail(Failure::invalid_argument, "journal: a tab or a line feed in " + each.first);
    bytes += line_of(each);
  }
  const std::lock_guard lock{mutex_};
  if (auto written = write_at_end(bytes); !written) {
    // What came of it would be damage in the middle once something shorter is written there.
    if (::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0)
      return fail(Failure::unavailable, path_.string() + ": " + std::strerror(errno));
    return written;
  }
  for (const KeyValue& each : entries) {
    const std::uint64_t line_size = hash_size + each.first.size() + each.second.size() + 3;
    places_[each.first] = {size_ + hash_size + each.first.size() + 2, each.second.size()};
    size_ += line_size;
  }
  return {};
}

std::size_t JournalFile::key_count() const {
  const std::lock_guard lock{mutex_};
  return places_.size();
}

}  // namespace flywheel
