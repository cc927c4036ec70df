// PageStore holds pages that a model may search and read: a snapshot of a part of the web, or a
// person's own documents.
//
//   snapshot.jsonl ──load_snapshot──▶ PageStore ◀──load_documents── a folder of text files
//
// A snapshot is JSONL: {"format": 1, "source": "..."} and then a page a line:
// {"url": "https://...", "title": "...", "text": "..."}. scripts/build_web_snapshot.py makes one
// from a Debian documentation package.
//
// Guarantees: what is read is bounded and is UTF-8; nothing is fetched from anywhere. A page of the
//             live web never comes in here: it is its conversation's own (fetched_pages.hpp).
// Threads:    const after loading; any thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/tools/page.hpp"
#include "runtime/tools/text_index.hpp"

namespace flywheel {

inline constexpr std::size_t store_bytes_max = 1ULL << 30;  // of all pages together
inline constexpr std::size_t passage_bytes = 1200;          // about; what is found by words

struct PassageHit {
  const Page* page = nullptr;
  std::size_t line = 0;  // where the best passage of the page starts; 0-based
  double score = 0.0;
};

class PageStore {
 public:
  // invalid_input for an empty or a known url, or text that is no UTF-8 or too long.
  Result<> add(std::string url, std::string title, std::string text);

  const Page* find(std::string_view url) const;  // null where there is none
  std::vector<PassageHit> search(std::string_view query, std::size_t pages_max) const;
  std::size_t size() const { return pages_.size(); }

 private:
  struct Passage {
    std::uint32_t page = 0;
    std::size_t line = 0;
  };

  std::vector<Page> pages_;
  std::unordered_map<std::string, std::uint32_t> by_url_;
  std::vector<Passage> passages_;  // by document of the index
  TextIndex index_;
  std::size_t bytes_ = 0;
};

// Errors name the file and the line.
Result<PageStore> load_snapshot(const std::string& path);

// Every regular text file (.txt .md .csv .rst) below the folder, as the page `file:PATH`; links are
// not followed.
Result<PageStore> load_documents(const std::string& folder);

}  // namespace flywheel
