// The tools in real containers: plots, hangs, floods, files, a masked repository, code graders.
#include <chrono>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "runtime/grading/one_line_function_grader.hpp"
#include "runtime/tasks/one_line_functions.hpp"
#include "runtime/tools/browse_tool.hpp"
#include "runtime/tools/file_tool.hpp"
#include "runtime/tools/python_tool.hpp"
#include "runtime/tools/sandbox_workbench.hpp"
#include "runtime/tools/shell_tool.hpp"
#include "runtime/tools/tool_session.hpp"
#include "tests/support/little_proxy.hpp"
#include "tests/unit/runtime/tools_sandbox/shared_host.hpp"

namespace flywheel::testing {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct Lab {
  ToolLimits limits{.wall_time_max = 20s, .output_bytes_max = 4096};
  SandboxSpec spec{};
  std::vector<WorkbenchFile> files{};
  ToolSession session{[this] { return make_sandbox_workbench(host(), spec, files); }};

  ToolResult python(const std::string& code) {
    return python_tool(limits)->run({{"code", code}}, session);
  }
  ToolResult shell(const std::string& command) {
    return shell_tool(limits)->run({{"command", command}}, session);
  }
  ToolResult look(const Json& arguments) { return file_tool(limits)->run(arguments, session); }
  ToolResult open_live(const LittleProxy& proxy, const std::string& url) {
    auto live = LivePages::open(proxy.url(), "docs.example.org");
    REQUIRE(live);
    return browse_tool(std::make_shared<PageStore>(), limits,
                       std::make_shared<const LivePages>(*live))
        ->run({{"action", "open"}, {"url", url}}, session);
  }
};

bool has(const ToolResult& result, const std::string& words) {
  return result.text.find(words) != std::string::npos;
}

}  // namespace

TEST_SUITE("runtime/tools_sandbox") {
  TEST_CASE("a cell gives what it prints and the value of its last expression") {
    Lab lab;

    const auto result = lab.python("print('hello')\nx = [1, 2]\nx + [3]");

    CHECK(result.status == ToolStatus::done);
    CHECK(result.text == "hello\n[1, 2, 3]");
    CHECK(lab.python("None").text == "[no output]");
  }

  TEST_CASE("a cell that fails says where, in its own lines only") {
    Lab lab;

    const auto result = lab.python("def f():\n    return 1 / 0\nf()");

    CHECK(result.status == ToolStatus::failed);
    CHECK(has(result, "File \"cell\", line 2, in f"));
    CHECK(has(result, "ZeroDivisionError"));
    CHECK_FALSE(has(result, "<string>"));
    CHECK(has(lab.python("1 +"), "SyntaxError"));
  }

  TEST_CASE("a plot made by tool code comes back as a picture, as PNG and as SVG") {
    Lab lab;

    const auto result = lab.python(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3], [1, 4, 9])\nplt.title('squares')");

    CAPTURE(result.text);
    REQUIRE(result.files.size() == 2);
    CHECK(result.files[0].name == "plot_1.png");
    CHECK(result.files[0].bytes.starts_with("\x89PNG\r\n"));
    CHECK(result.files[0].bytes.size() > 1000);
    CHECK(result.files[1].media_type == "image/svg+xml");
    CHECK(result.files[1].bytes.find("<svg") != std::string::npos);
    CHECK(has(result, "[picture plot_1.png]"));
  }

  TEST_CASE("a hung call is stopped at its limit and what it had written comes back") {
    Lab lab;
    lab.limits.wall_time_max = 700ms;
    const auto start = std::chrono::steady_clock::now();

    const auto cell = lab.python("print('before', flush=True)\nwhile True: pass");
    const auto command = lab.shell("echo started; sleep 60");

    CHECK(std::chrono::steady_clock::now() - start < 10s);
    CHECK(cell.status == ToolStatus::timeout);
    CHECK(has(cell, "before"));
    CHECK(has(cell, "stopped after 0.7 s"));
    CHECK(command.status == ToolStatus::timeout);
    CHECK(has(command, "started"));
    CHECK(lab.shell("echo still here").text == "still here\n");
  }

  TEST_CASE("a flood comes back within its bound, its head and its tail") {
    Lab lab;
    lab.limits.output_bytes_max = 600;

    const auto flood = lab.shell("echo first; head -c 30000000 /dev/zero | tr '\\0' x; echo last");

    CHECK(flood.status == ToolStatus::done);
    CHECK(flood.text.size() <= 1200);
    CHECK(has(flood, "first"));
    CHECK(has(flood, "last"));
    const auto result = lab.python("'y' * 10_000_000");
    CHECK(result.text.size() <= 600);
  }

  TEST_CASE("files stay from call to call in one container, and another has none of them") {
    Lab lab;
    Lab other;

    CHECK(lab.python("open('note.txt', 'w').write('kept')").text == "4");
    CHECK(lab.shell("cat note.txt").text == "kept");
    CHECK(other.shell("cat note.txt").status == ToolStatus::failed);
  }

  TEST_CASE("a CSV, a text and a binary that was uploaded are looked into in the sandbox") {
    Lab lab;
    lab.files = {{"sales.csv", "city,units\nRome,3\nParis,5\nRome,4\n"},
                 {"note.txt", "one\ntwo\nthree\n"},
                 {"blob.bin", std::string("\0\1\2", 3)}};

    const auto table = lab.look({{"action", "describe"}, {"path", "sales.csv"}});

    CHECK(has(table, "table, 2 columns, 3 rows"));
    CHECK(has(table, "city: text, 3 values, 2 different: Paris, Rome"));
    CHECK(has(table, "units: number, 3 values, least 3, most 5, mean 4, sum 12"));
    CHECK(
        has(lab.look({{"action", "read"}, {"path", "note.txt"}, {"line", 2}}), "2: two\n3: three"));
    CHECK(has(lab.look({{"action", "list"}}), "sales.csv"));
    CHECK(lab.look({{"action", "describe"}, {"path", "blob.bin"}}).status == ToolStatus::failed);
    CHECK(has(lab.look({{"action", "describe"}, {"path", "missing"}}), "there is no such file"));
  }

  TEST_CASE("the text of a PDF is read in the sandbox") {
    Lab lab;
    REQUIRE(
        lab.python("import matplotlib.pyplot as plt\nplt.figtext(0.1, 0.5, 'quarterly report')\n"
                   "plt.savefig('made.pdf')")
            .status == ToolStatus::done);

    const auto result = lab.look({{"action", "read"}, {"path", "made.pdf"}});

    CAPTURE(result.text);
    CHECK(has(result, "quarterly report"));
  }

  TEST_CASE("HTML of the live web becomes the text that a snapshot of it has") {
    const LittleProxy proxy{[](const std::string&) {
      return page_answer(
          "<html><head><title>A  page</title><style>p { color: red }</style><body>\n"
          "<nav>Home | Next</nav><h1>Lists &amp; sets</h1><p>A list keeps\n items in   order.</p>"
          "<pre>x = [1]\n  y = 2</pre><script>alert(1)</script>&#xD800;\xFF\x1Bthe end",
          "text/html; charset=utf-8");
    }};
    Lab lab;

    const auto result = lab.open_live(proxy, "http://docs.example.org/lists");

    CAPTURE(result.text);
    REQUIRE(result.fetched.size() == 1);
    CHECK(result.fetched[0].title == "A page");
    CHECK(result.fetched[0].text ==
          "Lists & sets\n\nA list keeps items in order.\n\nx = [1]\n  y = 2\n"
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
          "the end\n");
  }

  TEST_CASE("what a model does to its own Python does not change the pages that it may cite") {
    const LittleProxy proxy{[](const std::string&) {
      return page_answer("<title>t</title><p>what the page says</p>", "text/html");
    }};
    Lab lab;
    lab.shell(
        "mkdir -p html; for f in re.py html/__init__.py html/parser.py sitecustomize.py; do "
        "echo \"print('forged'); raise SystemExit\" > $f; done; "
        "cp re.py /usr/lib/python3/dist-packages/sitecustomize.py");

    const auto result = lab.open_live(proxy, "http://docs.example.org/a");

    CAPTURE(result.text);
    CHECK(has(result, "what the page says"));
    CHECK_FALSE(has(result, "forged"));
    CHECK(has(lab.shell("python3 -c 'import re'"), "forged"));  // the attempt is a real one
  }

  TEST_CASE("HTML that takes Python too long is stopped at the call's limit") {
    const LittleProxy proxy{[](const std::string&) {
      std::string page;
      for (int i = 0; i < 250'000; ++i) page += "<p><b>a &amp; b";
      return page_answer(page, "text/html");
    }};
    Lab lab;
    lab.limits.wall_time_max = 400ms;
    const auto start = std::chrono::steady_clock::now();

    const auto result = lab.open_live(proxy, "http://docs.example.org/a");

    CAPTURE(result.text);
    CHECK(std::chrono::steady_clock::now() - start < 10s);
    CHECK(result.status == ToolStatus::timeout);
    CHECK(has(result, "its HTML could not be read in time"));
    CHECK(result.fetched.empty());
  }

  TEST_CASE("a file laid over a bound folder hides what the folder has there") {
    const fs::path tree = fs::temp_directory_path() / "flywheel_tools_tree";
    fs::create_directories(tree / "pkg");
    std::ofstream{tree / "pkg" / "a.py"} << "SECRET = 1\n";
    std::ofstream{tree / "pkg" / "b.py"} << "OPEN = 2\n";
    Lab lab;
    lab.spec.binds = {{tree.string(), "/srv/repository"}};
    lab.files = {{"/srv/repository/pkg/a.py", "BLANK = 0\n"}, {"own.txt", "mine"}};

    CHECK(lab.shell("cat /srv/repository/pkg/a.py /srv/repository/pkg/b.py own.txt").text ==
          "BLANK = 0\nOPEN = 2\nmine");
    CHECK(lab.shell("echo x > /srv/repository/pkg/b.py").status == ToolStatus::failed);
    CHECK(lab.shell("grep -r SECRET /srv . /proc/self/mountinfo /tmp").status ==
          ToolStatus::failed);
    fs::remove_all(tree);
  }

  TEST_CASE("a right one-line function passes and cheats fail, in real containers") {
    const auto functions = one_line_functions_of(split_train);
    OneLineRequest request{.function = functions.front(), .say = "x"};
    for (const auto& function : functions)
      if (function.description == "the sum of the numbers from 1 to n") request.function = function;
    Task task;
    task.parameters = to_json(request);
    const CodeGrader* grader = one_line_function_grader().code_grader();
    const auto grade = [&](const std::string& code) {
      Transcript talk;
      talk.turns.resize(1);
      talk.turns[0].role = Role::assistant;
      talk.turns[0].finish = FinishReason::stop;
      talk.turns[0].parts.push_back({.text = "```python\n" + code + "\n```"});
      return grader
          ->grade_by_running(
              task, talk,
              [](const CodeJudgement& judgement) { return judge_code(host(), judgement); })
          .status;
    };

    CHECK(grade("def f(n): return sum(range(n + 1))") == VerdictStatus::pass);
    for (const char* cheat :
         {"def f(n): return 1", "def f(n): return n", "import os\ndef f(n): os._exit(0)",
          "import sys\ndef f(n): sys.exit(0)", "def f(n): raise ValueError",
          "class X(int):\n    def __eq__(self, other): return True\ndef f(n): return X(n)",
          "def f(n): return [n] * 10**9"}) {
      CAPTURE(cheat);
      CHECK(grade(cheat) == VerdictStatus::fail);
    }
    CHECK(grade("def f(n):\n    while True: pass") == VerdictStatus::timeout);
  }
}

}  // namespace flywheel::testing
