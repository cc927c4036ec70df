#include "actors/caas/tar_scan.hpp"

#include <optional>
#include <string>

#include <fmt/format.h>

namespace flywheel {
namespace {

constexpr std::size_t block = 512;
constexpr std::uint64_t entries_max = 100'000;
constexpr std::uint64_t name_bytes_max = 64 << 10;

std::string_view field(std::string_view header, std::size_t offset, std::size_t size) {
  const std::string_view text = header.substr(offset, size);
  return text.substr(0, text.find('\0'));
}

std::optional<std::uint64_t> octal(std::string_view text) {
  std::uint64_t value = 0;
  bool has_digit = false;
  for (const char c : text) {
    if (c == ' ' || c == '\0') {
      if (has_digit) break;
      continue;
    }
    if (c < '0' || c > '7' || value >> 58 != 0) return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(c - '0');
    has_digit = true;
  }
  return value;
}

bool has_right_sum(std::string_view header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block; ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(header[i]);
  return octal(header.substr(148, 8)) == sum;
}

// Whether the path stays below the folder that it starts in, `depth` folders down.
bool leads_out(std::string_view path, int depth) {
  while (!path.empty()) {
    const auto end = path.find('/');
    const auto part = path.substr(0, end);
    if (part == "..")
      --depth;
    else if (!part.empty() && part != ".")
      ++depth;
    if (depth < 0) return true;
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  return false;
}

int depth_of(std::string_view path) {
  int depth = -1;  // the name itself does not count
  while (!path.empty()) {
    const auto end = path.find('/');
    const auto part = path.substr(0, end);
    if (!part.empty() && part != ".") ++depth;
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  return depth < 0 ? 0 : depth;
}

struct LongNames {
  std::string path{};
  std::string link{};
};

// pax records: "LENGTH KEY=VALUE\n".
void read_pax(std::string_view records, LongNames& names) {
  while (!records.empty()) {
    std::size_t length = 0;
    std::size_t at = 0;
    while (at < records.size() && records[at] >= '0' && records[at] <= '9' && at < 7)
      length = length * 10 + static_cast<std::size_t>(records[at++] - '0');
    if (length <= at + 1 || length > records.size()) return;
    const std::string_view pair = records.substr(at + 1, length - at - 2);
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) == "path") names.path = pair.substr(equals + 1);
    if (pair.substr(0, equals) == "linkpath") names.link = pair.substr(equals + 1);
    records.remove_prefix(length);
  }
}

Result<> check_entry(char type, std::string_view path, std::string_view link) {
  const auto refuse = [&](std::string_view what) {
    return fail(Failure::invalid_input, fmt::format("tar: '{}' {}", path.substr(0, 120), what));
  };
  if (path.starts_with('/')) return refuse("is an absolute path");
  if (leads_out(path, 0)) return refuse("leads out of the folder");
  switch (type) {
    case '0':
    case '\0':
    case '7':
    case '5':
      return {};
    case '1':
      if (link.starts_with('/') || leads_out(link, 0))
        return refuse("is a hard link that leads out of the folder");
      return {};
    case '2':
      if (link.starts_with('/') || leads_out(link, depth_of(path)))
        return refuse("is a link that leads out of the folder");
      return {};
    case '3':
    case '4':
      return refuse("is a device");
    case '6':
      return refuse("is a pipe");
    default:
      return refuse(fmt::format("is of a kind that is not taken ({:#04x})",
                                static_cast<unsigned>(static_cast<unsigned char>(type))));
  }
}

}  // namespace

Result<TarScan> scan_tar(std::string_view bytes) {
  TarScan scan;
  LongNames names;
  std::size_t at = 0;
  while (at + block <= bytes.size()) {
    const std::string_view header = bytes.substr(at, block);
    if (header.find_first_not_of('\0') == std::string_view::npos) break;  // the end
    if (!has_right_sum(header))
      return fail(Failure::invalid_input,
                  at == 0 ? "tar: this is no tar file (compressed ones are not taken)"
                          : fmt::format("tar: damaged at byte {}", at));
    const auto size = octal(header.substr(124, 12));
    const char type = header[156];
    at += block;
    if (!size || *size > bytes.size() - at)
      return fail(Failure::invalid_input, "tar: it is cut short, or an entry is too large");
    const std::string_view content = bytes.substr(at, *size);
    at += (*size + block - 1) / block * block;
    if (type == 'L' || type == 'K' || type == 'x' || type == 'g') {
      if (*size > name_bytes_max) return fail(Failure::invalid_input, "tar: a name is too long");
      const auto text = content.substr(0, content.find('\0'));
      if (type == 'L') names.path = text;
      if (type == 'K') names.link = text;
      if (type == 'x' || type == 'g') read_pax(content, names);
      continue;
    }
    std::string path = names.path;
    if (path.empty()) {
      const auto prefix =
          header.substr(257, 5) == "ustar" ? field(header, 345, 155) : std::string_view{};
      path = prefix.empty() ? std::string{} : std::string{prefix} + "/";
      path += field(header, 0, 100);
    }
    const std::string link = names.link.empty() ? std::string{field(header, 157, 100)} : names.link;
    FLYWHEEL_TRY_VOID(check_entry(type, path, link));
    names = {};
    scan.bytes += *size;
    if (++scan.entry_count > entries_max)
      return fail(Failure::resource_exhausted,
                  fmt::format("tar: more than {} entries", entries_max));
  }
  if (scan.entry_count == 0 && bytes.size() < block)
    return fail(Failure::invalid_input, "tar: this is no tar file");
  return scan;
}

}  // namespace flywheel
