#include "runtime/tools/browse_tool.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace flywheel {
namespace {

constexpr std::size_t hits_max = 5;
constexpr std::size_t snippet_bytes = 240;
constexpr std::size_t found_lines_max = 12;

ToolSpec make_spec(const std::string& name, const std::string& description,
                   const std::string& address) {
  ToolSpec spec;
  spec.name = name;
  spec.description = description;
  spec.parameters = OrderedJson::parse(R"({"type": "object", "properties": {
    "action": {"type": "string", "enum": ["search", "open", "find"]},
    "query": {"type": "string", "minLength": 1, "maxLength": 400,
              "description": "words: of search and find"},
    "url": {"type": "string", "minLength": 1, "maxLength": 2000, "description": ""},
    "line": {"type": "integer", "minimum": 1, "maximum": 10000000,
             "description": "of open: the line to begin at"}
  }, "required": ["action"]})");
  spec.parameters["properties"]["url"]["description"] = address;
  return spec;
}

ToolResult refused(std::string text) {
  return {.status = ToolStatus::refused, .text = std::move(text)};
}

// A page that did not come, as the model reads it.
ToolResult not_fetched(const Error& error) {
  ToolResult result{.status = ToolStatus::failed, .text = error.message};
  if (error.failure == Failure::invalid_input || error.failure == Failure::permission_denied)
    result.status = ToolStatus::refused;
  if (error.failure == Failure::deadline_exceeded) result.status = ToolStatus::timeout;
  if (error.failure == Failure::unavailable) result.status = ToolStatus::unavailable;
  return result;
}

class PageTool final : public Tool {
 public:
  PageTool(ToolSpec spec, std::shared_ptr<const PageStore> pages, ToolLimits limits,
           std::shared_ptr<const LivePages> live)
      : spec_(std::move(spec)), pages_(std::move(pages)), limits_(limits), live_(std::move(live)) {}

  const ToolSpec& spec() const override { return spec_; }
  ToolLimits limits() const override { return limits_; }
  const Page* page(std::string_view url) const override { return pages_->find(url); }
  bool runs_code() const override { return live_ != nullptr; }  // HTML is read in a container

  ToolResult run(const Json& arguments, ToolSession& session) const override {
    const std::string action = arguments.at("action");
    const std::string query = arguments.value("query", "");
    const std::string url = arguments.value("url", "");
    if (action != "open" && query.empty())
      return refused(fmt::format("{}: action {} needs 'query'", spec_.name, action));
    if (action == "search") return search(query);
    if (url.empty()) return refused(fmt::format("{}: action {} needs 'url'", spec_.name, action));
    const std::size_t line = arguments.value("line", std::size_t{1});
    const Page* page = page_of(url, session);
    if (page == nullptr && live_ == nullptr) return not_there(url);
    if (page == nullptr && action == "open") return open_live(url, line, session);
    if (page == nullptr) return refused(short_url(url) + " was not opened yet: open it first");
    return action == "open" ? open(*page, line) : find(*page, query);
  }

 private:
  // Of the store, or fetched by this conversation earlier; null where there is none.
  const Page* page_of(const std::string& url, ToolSession& session) const {
    if (const Page* page = pages_->find(url); page != nullptr || live_ == nullptr) return page;
    const auto address = parse_live_address(url);
    if (!address) return nullptr;
    const Page* page = pages_->find(address->url);
    return page != nullptr ? page : session.fetched_pages().find(address->url);
  }

  ToolResult open_live(const std::string& url, std::size_t line, ToolSession& session) const {
    const auto address = live_->check(url);
    if (!address) return not_fetched(address.error());
    if (session.fetched_pages().size() == fetched_pages_max)
      return refused(fmt::format("this conversation has fetched {} pages, which is the most",
                                 fetched_pages_max));
    auto fetched = live_->fetch(*address, limits_.wall_time_max, session);
    if (!fetched) return not_fetched(fetched.error());
    const auto kept = session.fetched_pages().put(std::move(*fetched));
    if (!kept) return not_fetched(kept.error());
    ToolResult result = open(**kept, line);
    result.fetched = {**kept};
    return result;
  }

  ToolResult not_there(const std::string& url) const {
    return refused(
        fmt::format("{} is not among the {} pages here; pages are not fetched from the network "
                    "(an operator has to switch that on)",
                    clip_text(url, 200), pages_->size()));
  }

  ToolResult search(const std::string& query) const {
    ToolResult result;
    for (const PassageHit& hit : pages_->search(query, hits_max)) {
      const std::string passage = hit.page->text.substr(hit.page->lines[hit.line], snippet_bytes);
      result.text +=
          fmt::format("{}. {}\n   {} line {}\n   {}\n", result.shown.size() + 1, hit.page->title,
                      hit.page->url, hit.line + 1, one_line(clip_text(passage, snippet_bytes)));
      result.shown.push_back(hit.page->url);
    }
    if (result.text.empty()) result.text = "no page has these words";
    return result;
  }

  ToolResult open(const Page& page, std::size_t line) const {
    if (line > page.lines.size())
      return refused(fmt::format("{} has {} lines", page.url, page.lines.size()));
    ToolResult result{.text = fmt::format("{}\n{} lines {} to ", page.title, page.url, line)};
    std::string text;
    std::size_t next = line - 1;
    const std::size_t room =
        limits_.output_bytes_max -
        std::min<std::size_t>(limits_.output_bytes_max, result.text.size() + 80);
    while (next < page.lines.size()) {
      const auto words = line_of(page, next);
      if (!text.empty() && text.size() + words.size() + 1 > room) break;
      text += std::string{words} + "\n";
      ++next;
    }
    result.text += fmt::format("{} of {}\n\n{}", next, page.lines.size(), text);
    result.shown = {page.url};
    return result;
  }

  ToolResult find(const Page& page, const std::string& query) const {
    ToolResult result{.text = fmt::format("{}\n", page.url)};
    std::size_t found = 0;
    for (auto at = page.text.find(query); at != std::string::npos && found < found_lines_max;) {
      const auto after = std::ranges::upper_bound(page.lines, at);
      const auto line = static_cast<std::size_t>(after - page.lines.begin()) - 1;
      result.text +=
          fmt::format("line {}: {}\n", line + 1, clip_text(line_of(page, line), snippet_bytes));
      ++found;
      at = after == page.lines.end() ? std::string::npos : page.text.find(query, *after);
    }
    if (found == 0) result.text += "these words are not on it, letter for letter";
    result.shown = {page.url};
    return result;
  }

  static std::string one_line(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    return text;
  }

  ToolSpec spec_;
  std::shared_ptr<const PageStore> pages_;
  ToolLimits limits_;
  std::shared_ptr<const LivePages> live_;
};

}  // namespace

std::shared_ptr<const Tool> browse_tool(std::shared_ptr<const PageStore> pages, ToolLimits limits,
                                        std::shared_ptr<const LivePages> live) {
  std::string description =
      "Reads web pages from a stored snapshot: search by words, open a page, find words in it. ";
  if (live != nullptr)
    description += "Opening a page that is not stored fetches it, where its host is allowed. ";
  description += "Cite what you use as <cite url=\"URL\">exact words of the page</cite>.";
  return std::make_shared<PageTool>(
      make_spec("browse", description, "of open and find: a page's address from a search"),
      std::move(pages), limits, std::move(live));
}

std::shared_ptr<const Tool> search_tool(std::shared_ptr<const PageStore> pages, ToolLimits limits) {
  return std::make_shared<PageTool>(
      make_spec("search",
                "Reads the user's documents: search by words, open one, find words in it. Cite "
                "what you use as <cite url=\"file:NAME\">exact words of the document</cite>.",
                "of open and find: a document's name from a search, with file: before it"),
      std::move(pages), limits, nullptr);
}

}  // namespace flywheel
