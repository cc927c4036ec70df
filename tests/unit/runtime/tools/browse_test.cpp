// Pages, search by words, and citations that are checked to the byte.
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "runtime/tools/browse_tool.hpp"
#include "runtime/tools/citation.hpp"
#include "runtime/tools/tool_parts.hpp"
#include "runtime/tools/tool_session.hpp"

using namespace flywheel;

namespace {

std::shared_ptr<const PageStore> sample_pages() {
  auto pages = std::make_shared<PageStore>();
  REQUIRE(pages->add("https://doc.example/lists", "Lists",
                     "A list keeps items in order.\nappend() adds an item at the end.\n"
                     "Sorting is stable: equal items keep their order."));
  REQUIRE(pages->add("https://doc.example/sets", "Sets",
                     "A set keeps no order.\nCaf\xC3\xA9s are listed once.\nadd() adds an item."));
  return pages;
}

struct Lab {
  std::shared_ptr<const PageStore> pages = sample_pages();
  Toolbox box{{browse_tool(pages, {.output_bytes_max = 1000})}};
  ToolSession session{};
  ShownPages shown{};

  ToolResult browse(const Json& arguments) {
    ToolCall call;
    call.name = "browse";
    call.arguments = arguments;
    const std::vector<std::string> allowed{"browse"};
    auto result = box.run(call, allowed, session);
    shown.add(result);
    return result;
  }
  CitedAnswer cite(const std::string& answer) {
    return check_citations(answer, [this](std::string_view url) { return shown.find(url, box); });
  }
};

struct TemporaryFile {
  std::filesystem::path path;
  explicit TemporaryFile(const std::string& text)
      : path(std::filesystem::temp_directory_path() / "flywheel_snapshot_test.jsonl") {
    std::ofstream{path} << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
};

}  // namespace

TEST_SUITE("runtime/tools/browse") {
  TEST_CASE("search finds the page whose words are asked for, best first") {
    Lab lab;

    const auto result = lab.browse({{"action", "search"}, {"query", "Sorting STABLE"}});

    CHECK(result.status == ToolStatus::done);
    CHECK(result.text.starts_with("1. Lists\n   https://doc.example/lists line 1\n"));
    CHECK(lab.browse({{"action", "search"}, {"query", "zebra"}}).text == "no page has these words");
    const auto both = lab.pages->search("order item", 5);
    REQUIRE(both.size() == 2);
    CHECK(both[0].score >= both[1].score);
  }

  TEST_CASE("a page is opened from a line on, and words are found in it letter for letter") {
    Lab lab;

    const auto opened =
        lab.browse({{"action", "open"}, {"url", "https://doc.example/lists"}, {"line", 2}});
    const auto found = lab.browse(
        {{"action", "find"}, {"url", "https://doc.example/lists"}, {"query", "equal items"}});

    CHECK(opened.text.find("lines 2 to 3 of 3\n\nappend() adds") != std::string::npos);
    CHECK(found.text.find("line 3: Sorting is stable") != std::string::npos);
    CHECK(lab.browse({{"action", "open"}, {"url", "https://doc.example/lists"}, {"line", 4}})
              .status == ToolStatus::refused);
  }

  TEST_CASE("a page that is not in the snapshot is refused clearly and never fetched") {
    Lab lab;

    const auto result = lab.browse({{"action", "open"}, {"url", "http://169.254.169.254/latest"}});

    CHECK(result.status == ToolStatus::refused);
    CHECK(result.text.find("not among the 2 pages here; pages are not fetched from the network") !=
          std::string::npos);
    CHECK(result.shown.empty());
  }

  TEST_CASE("a citation is kept where its words stand on a shown page to the byte") {
    Lab lab;
    lab.browse({{"action", "open"}, {"url", "https://doc.example/sets"}});

    const auto cited = lab.cite(
        "They say \xC2\xAB<cite url=\"https://doc.example/sets\">Caf\xC3\xA9s are listed "
        "once</cite>\xC2\xBB.");

    CHECK(cited.text ==
          "They say \xC2\xAB"
          "Caf\xC3\xA9s are listed once\xC2\xBB.");
    REQUIRE(cited.citations.size() == 1);
    CHECK(cited.refused_count == 0);
    const auto& citation = cited.citations[0];
    const Page* page = lab.pages->find(citation.url);
    CHECK(cited.text.substr(citation.start, citation.end - citation.start) ==
          page->text.substr(citation.page_start, citation.end - citation.start));
    const Json annotation = annotation_of(citation, cited.text);
    CHECK(annotation["type"] == "url_citation");
    CHECK(annotation["start_index"] == 10);  // characters, not bytes
    CHECK(annotation["end_index"] == 31);
    CHECK(annotation["title"] == "Sets");
  }

  TEST_CASE("citations that are not byte-exact, not shown or not there lose their mark only") {
    Lab lab;
    lab.browse({{"action", "open"}, {"url", "https://doc.example/sets"}});
    for (const char* answer :
         {"<cite url=\"https://doc.example/sets\">cafes are listed once</cite>",
          "<cite url=\"https://doc.example/sets\">A  set keeps no order.</cite>",
          "<cite url=\"https://doc.example/sets\"></cite>",
          "<cite url=\"https://doc.example/lists\">A list keeps items in order.</cite>",
          "<cite url=\"https://elsewhere.example/\">A set keeps no order.</cite>"}) {
      CAPTURE(answer);
      const auto cited = lab.cite(answer);
      CHECK(cited.citations.empty());
      CHECK(cited.refused_count == 1);
      CHECK(cited.text.find("cite") == std::string::npos);
    }
    const std::string open = "no end: <cite url=\"https://doc.example/sets\">A set";
    CHECK(lab.cite(open).text == open);
  }

  TEST_CASE("a cited answer is stored as text parts, the cited ones with their url") {
    Lab lab;
    lab.browse({{"action", "open"}, {"url", "https://doc.example/sets"}});
    std::vector<Part> parts;

    add_answer_parts(parts,
                     "So: <cite url=\"https://doc.example/sets\">A set keeps no order.</cite> Yes.",
                     lab.box, lab.shown);

    REQUIRE(parts.size() == 3);
    CHECK(parts[0].text == "So: ");
    CHECK(parts[1].text == "A set keeps no order.");
    CHECK(parts[1].name == "https://doc.example/sets");
    CHECK(parts[2].name.empty());
    Turn turn;
    turn.parts = parts;
    CHECK(text_of(turn) == "So: A set keeps no order. Yes.");
  }

  TEST_CASE("property: whatever is cited, every citation that is kept is byte-exact") {
    Lab lab;
    lab.browse({{"action", "open"}, {"url", "https://doc.example/sets"}});
    const std::string page = lab.pages->find("https://doc.example/sets")->text;
    CHECK(rc::check([&](std::uint8_t start, std::uint8_t length, const std::string& noise) {
      const auto words = page.substr(start % page.size(), length);
      const auto cited =
          lab.cite(noise + "<cite url=\"https://doc.example/sets\">" + words + "</cite>" + noise);
      for (const auto& citation : cited.citations)
        RC_ASSERT(cited.text.substr(citation.start, citation.end - citation.start) ==
                  page.substr(citation.page_start, citation.end - citation.start));
    }));
  }

  TEST_CASE("a snapshot is read line by line, and a bad line is named") {
    const std::string head = "{\"format\": 1, \"source\": \"test\"}\n";
    const std::string page = R"({"url": "u", "title": "t", "text": "some words"})"
                             "\n";
    const auto load = [](const std::string& text) {
      const TemporaryFile file{text};
      return load_snapshot(file.path.string());
    };

    CHECK(load(head + page)->find("u")->title == "t");
    CHECK(load(head + page + page).error().message.find(":3: the page u is there twice") !=
          std::string::npos);
    CHECK(load(head + "{\"url\": \"u\"}\n").error().message.find(":2: field 'title'") !=
          std::string::npos);
    CHECK(load("{\"format\": 2}\n" + page).error().failure == Failure::too_new);
    CHECK(load(head).error().message.find("there is no page in it") != std::string::npos);
    CHECK(load_snapshot("/nowhere.jsonl").error().failure == Failure::not_found);
  }

  TEST_CASE("documents are the text files of a folder; links in it are not followed") {
    namespace fs = std::filesystem;
    const fs::path folder = fs::temp_directory_path() / "flywheel_documents_test";
    fs::create_directories(folder / "inner");
    std::ofstream{folder / "a.txt"} << "alpha beta";
    std::ofstream{folder / "inner" / "b.md"} << "beta gamma";
    std::ofstream{folder / "c.bin"} << "beta";
    fs::create_symlink("/etc/passwd", folder / "d.txt");

    const auto documents = load_documents(folder.string());

    REQUIRE(documents);
    CHECK(documents->size() == 2);
    CHECK(documents->find("file:inner/b.md") != nullptr);
    CHECK(documents->find("file:d.txt") == nullptr);
    fs::remove_all(folder);
    CHECK_FALSE(load_documents(folder.string()));
  }
}
