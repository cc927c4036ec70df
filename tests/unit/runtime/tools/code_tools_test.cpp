// python, shell and files over a scripted workbench: what the model reads of what ran. The same
// tools over real containers: tests/unit/runtime/tools_sandbox.
#include <doctest/doctest.h>

#include "runtime/base/base64.hpp"
#include "runtime/tools/file_tool.hpp"
#include "runtime/tools/python_cell.hpp"
#include "runtime/tools/python_tool.hpp"
#include "runtime/tools/shell_tool.hpp"
#include "runtime/tools/tool_session.hpp"
#include "tests/support/scripted_bench.hpp"

namespace flywheel::testing {
namespace {

struct Lab {
  BenchScript script{};
  ToolSession session{[this] {
    return Result<std::unique_ptr<Workbench>>{std::make_unique<ScriptedBench>(script)};
  }};

  ToolResult shell(BenchResult result) {
    script.results.push_back(std::move(result));
    return shell_tool({})->run({{"command", "make"}}, session);
  }
  // The cell's answer, as its driver would have written it.
  ToolResult python(const Json& answer, BenchResult result) {
    script.results.push_back(std::move(result));
    script.files["/tmp/cell_1.json"] =
        answer.is_string() ? answer.get<std::string>() : answer.dump();
    return python_tool({})->run({{"code", "1 + 1"}}, session);
  }
};

}  // namespace

TEST_SUITE("runtime/tools/code_tools") {
  TEST_CASE("a command's streams and its exit code are what the model reads") {
    Lab lab;

    const auto result = lab.shell({.exit_code = 2, .output = "built\n", .error_output = "bad"});

    CHECK(result.status == ToolStatus::failed);
    CHECK(result.text == "built\n\nstderr: bad\n[exit code 2]");
    CHECK(lab.script.commands[0].command == std::vector<std::string>{"sh", "-c", "make"});
  }

  TEST_CASE("a command that hangs comes back at its limit with what it had written") {
    Lab lab;

    const auto result = lab.shell({.end = BenchEnd::timeout, .output = "half"});

    CHECK(result.status == ToolStatus::timeout);
    CHECK(result.text.starts_with("half\n[stopped after 10 s"));
  }

  TEST_CASE("a container that went makes room for a new one at the next call") {
    Lab lab;

    CHECK(lab.shell({.end = BenchEnd::gone}).status == ToolStatus::unavailable);
    CHECK(lab.script.alive_count == 0);
    CHECK(lab.shell({.output = "here"}).text == "here");
    CHECK(lab.script.made_count == 2);
  }

  TEST_CASE("the calls of a conversation share one container; a cancelled one gets none") {
    Lab lab;
    lab.shell({});
    lab.shell({});
    CHECK(lab.script.made_count == 1);

    ToolSession over{[&] {
      return Result<std::unique_ptr<Workbench>>{std::make_unique<ScriptedBench>(lab.script)};
    }};
    over.cancel();
    CHECK(over.workbench().error().failure == Failure::cancelled);
  }

  TEST_CASE("a sandbox that can't run it is unavailable, with the reason") {
    Lab lab;
    const auto full = shell_tool({})->run({{"command", "ls"}}, lab.session);
    CHECK(full.status == ToolStatus::unavailable);
    CHECK(full.text.find("the sandbox is full") != std::string::npos);

    ToolSession none;
    const auto closed = shell_tool({})->run({{"command", "ls"}}, none);
    CHECK(closed.text.find("no sandbox is open") != std::string::npos);
  }

  TEST_CASE("a cell's prints, its value and its pictures come back as in a notebook") {
    Lab lab;
    const Json answer{
        {"results",
         {{{"is_main_result", false}, {"png", encode_base64("PNG!")}, {"svg", "<svg/>"}},
          {{"is_main_result", true}, {"text", "2"}}}},
        {"error", nullptr}};

    const auto result = lab.python(answer, {.output = "hello\n"});

    CHECK(result.status == ToolStatus::done);
    CHECK(result.text == "hello\n2\n[picture plot_1.png]\n[picture plot_1.svg]");
    REQUIRE(result.files.size() == 2);
    CHECK(result.files[0].media_type == "image/png");
    CHECK(result.files[0].bytes == "PNG!");
    CHECK(result.files[1].bytes == "<svg/>");
    CHECK(lab.script.commands[0].input == "1 + 1");
  }

  TEST_CASE("a cell's exception comes back with its traceback") {
    Lab lab;
    const Json answer{
        {"results", Json::array()},
        {"error",
         {{"name", "NameError"}, {"value", "x"}, {"traceback", "Traceback:\nNameError: x\n"}}}};

    const auto result = lab.python(answer, {.exit_code = 1});

    CHECK(result.status == ToolStatus::failed);
    CHECK(result.text == "Traceback:\nNameError: x\n");
  }

  TEST_CASE("an answer file that the cell wrote itself can say nothing that is no text") {
    for (const char* forged :
         {"not json", "[]", "{\"results\": 7}", "{\"results\": [7, {\"png\": 3}, {\"text\": []}]}",
          "{\"error\": {\"traceback\": {}}}", "{\"results\": [{\"png\": \"*\"}]}"}) {
      CAPTURE(forged);
      Lab lab;
      const auto result = lab.python(Json(forged), {});
      CHECK(result.files.empty());
      CHECK(result.status == ToolStatus::done);
    }
  }

  TEST_CASE("the execution has the shape that notebook clients read") {
    BenchScript script;
    ScriptedBench bench{script};
    script.results.push_back({.output = "out", .error_output = "err"});
    script.files["/tmp/cell_3.json"] = R"({"results": [{"text": "5", "is_main_result": true}]})";

    const auto answer = run_python_cell(bench, {.code = "5", .execution_count = 3});

    REQUIRE(answer);
    CHECK(answer->execution == Json::parse(R"({"results": [{"text": "5", "is_main_result": true}],
        "logs": {"stdout": ["out"], "stderr": ["err"]}, "error": null, "execution_count": 3})"));
  }

  TEST_CASE("files needs a path where its action reads one") {
    Lab lab;
    CHECK(file_tool({})->run({{"action", "describe"}}, lab.session).status == ToolStatus::refused);
    lab.script.results.push_back({.output = "a.csv 10 bytes\n"});
    CHECK(file_tool({})->run({{"action", "list"}}, lab.session).text == "a.csv 10 bytes\n");
  }

  TEST_CASE("base64 is that of RFC 4648, and other text is refused") {
    for (const auto& [plain, text] :
         std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {std::string("\xff\0", 2), "/wA="}}) {
      CHECK(encode_base64(plain) == text);
      CHECK(*decode_base64(text) == plain);
    }
    for (const char* bad : {"Zg=", "Zg", "Z===", "Zg==Zg==", "Z*==", "====", "Z=g="})
      CHECK_FALSE(decode_base64(bad));
  }
}

}  // namespace flywheel::testing
