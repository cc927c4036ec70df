#include "runtime/tools/page_store.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t documents_max = 10'000;
constexpr std::array<std::string_view, 4> document_endings = {".txt", ".md", ".csv", ".rst"};

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

Result<> add_snapshot_line(PageStore& store, const std::string& line, const std::string& where) {
  FLYWHEEL_TRY(const Json page, parse_json(line, where));
  FLYWHEEL_TRY(auto url, json_field<std::string>(page, "url", where));
  FLYWHEEL_TRY(auto title, json_field<std::string>(page, "title", where));
  FLYWHEEL_TRY(auto text, json_field<std::string>(page, "text", where));
  if (auto added = store.add(std::move(url), std::move(title), std::move(text)); !added)
    return fail(added.error().failure, where + ": " + added.error().message);
  return {};
}

}  // namespace

Result<> PageStore::add(std::string url, std::string title, std::string text) {
  if (url.empty()) return fail(Failure::invalid_input, "a page has no url");
  if (by_url_.contains(url))
    return fail(Failure::invalid_input, "the page " + url + " is there twice");
  if (text.size() > page_bytes_max)
    return fail(Failure::invalid_input,
                fmt::format("the page {} has {} bytes, at most {} are taken", url, text.size(),
                            page_bytes_max));
  if (bytes_ + text.size() > store_bytes_max)
    return fail(Failure::resource_exhausted,
                fmt::format("the pages have more than {} bytes together", store_bytes_max));
  if (!is_utf8(text) || !is_utf8(title) || !is_utf8(url))
    return fail(Failure::invalid_input, "the page " + dump_json(Json(url)) + " is not UTF-8");
  bytes_ += text.size();
  const auto number = static_cast<std::uint32_t>(pages_.size());
  Page page = make_page(std::move(url), std::move(title), std::move(text));
  // A passage is found by the page's title, too: its words belong to every part of it.
  for (std::size_t line = 0; line < page.lines.size();) {
    std::size_t next = line + 1;
    while (next < page.lines.size() && page.lines[next] - page.lines[line] < passage_bytes) ++next;
    const std::size_t end = next < page.lines.size() ? page.lines[next] : page.text.size();
    index_.add(page.title + "\n" + page.text.substr(page.lines[line], end - page.lines[line]));
    passages_.push_back({number, line});
    line = next;
  }
  by_url_.emplace(page.url, number);
  pages_.push_back(std::move(page));
  return {};
}

const Page* PageStore::find(std::string_view url) const {
  const auto found = by_url_.find(std::string{url});
  return found == by_url_.end() ? nullptr : &pages_[found->second];
}

std::vector<PassageHit> PageStore::search(std::string_view query, std::size_t pages_max) const {
  std::vector<PassageHit> hits;
  std::set<std::uint32_t> seen;
  for (const TextHit& hit : index_.search(query, pages_max * 8)) {
    const Passage& passage = passages_[hit.document];
    if (hits.size() == pages_max) break;
    if (seen.insert(passage.page).second)
      hits.push_back({&pages_[passage.page], passage.line, hit.score});
  }
  return hits;
}

Result<PageStore> load_snapshot(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error))
    return fail(Failure::invalid_input, path + " is a folder; a snapshot is one .jsonl file");
  std::ifstream file{path, std::ios::binary};
  if (!file)
    return fail(Failure::not_found,
                path + ": no such snapshot; scripts/build_web_snapshot.py makes one");
  PageStore store;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    const std::string where = fmt::format("{}:{}", path, number);
    if (line.size() > 2 * page_bytes_max)
      return fail(Failure::invalid_input, where + ": the line is too long for a page");
    if (number > 1) {
      FLYWHEEL_TRY_VOID(add_snapshot_line(store, line, where));
      continue;
    }
    FLYWHEEL_TRY(const Json head, parse_json(line, where));
    FLYWHEEL_TRY(const auto format, json_field<int>(head, "format", where));
    if (format != 1)
      return fail(Failure::too_new,
                  fmt::format("{}: format {} is newer than this program reads (1)", where, format));
  }
  if (store.size() == 0) return fail(Failure::invalid_input, path + ": there is no page in it");
  return store;
}

Result<PageStore> load_documents(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator entry{folder, error}, end; !error && entry != end;
       entry.increment(error)) {
    const auto ending = entry->path().extension().string();
    if (entry->is_symlink() || !entry->is_regular_file() ||
        std::ranges::find(document_endings, ending) == document_endings.end())
      continue;
    files.push_back(entry->path());
    if (files.size() > documents_max)
      return fail(Failure::resource_exhausted,
                  fmt::format("{}: more than {} documents", folder, documents_max));
  }
  if (error) return fail(Failure::not_found, folder + ": " + error.message());
  std::ranges::sort(files);
  PageStore store;
  for (const fs::path& file : files) {
    if (fs::file_size(file, error) > page_bytes_max) continue;
    FLYWHEEL_TRY(auto text, read_file(file));
    const std::string name = fs::relative(file, folder, error).generic_string();
    if (auto added = store.add("file:" + name, name, std::move(text)); !added)
      return fail(added.error().failure, folder + ": " + added.error().message);
  }
  if (store.size() == 0)
    return fail(Failure::invalid_input, folder + ": no text files (.txt .md .csv .rst) in it");
  return store;
}

}  // namespace flywheel
