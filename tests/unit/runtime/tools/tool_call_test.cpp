// What a model may write as a tool call, and what it is told where it writes something else.
#include "runtime/tools/tool_call.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace flywheel;

namespace {

ToolCall only_call(const std::string& between) {
  const auto parsed = parse_tool_calls("<tool_call>" + between + "</tool_call>", "call_1");
  REQUIRE(parsed.calls.size() == 1);
  return parsed.calls[0];
}

void check_refused(const std::string& between, const std::string& why) {
  CAPTURE(between);
  const ToolCall call = only_call(between);
  CHECK(call.error.find(why) != std::string::npos);
  CHECK(call.error.find('\n') == std::string::npos);
}

}  // namespace

TEST_SUITE("runtime/tools/tool_call") {
  TEST_CASE("a call is taken out of the words around it") {
    const auto parsed = parse_tool_calls(
        "Let me count.\n<tool_call>\n{\"name\": \"python\", \"arguments\": {\"code\": \"1 + "
        "1\"}}\n</tool_call>\nOne moment.",
        "call_2");

    CHECK(parsed.text == "Let me count.\n\nOne moment.");
    REQUIRE(parsed.calls.size() == 1);
    CHECK(parsed.calls[0].error.empty());
    CHECK(parsed.calls[0].id == "call_2_0");
    CHECK(parsed.calls[0].name == "python");
    CHECK(parsed.calls[0].arguments == Json{{"code", "1 + 1"}});
  }

  TEST_CASE("a list between the tags, as SmolLM2 writes it, is its calls in order") {
    const auto parsed = parse_tool_calls(
        "<tool_call>["
        R"({"name": "a", "arguments": {}}, {"name": "b", "arguments": {}})"
        "]</tool_call>",
        "call_1");

    REQUIRE(parsed.calls.size() == 2);
    CHECK(parsed.calls[0].name == "a");
    CHECK(parsed.calls[1].name == "b");
    CHECK(parsed.calls[1].id == "call_1_1");
    CHECK(parsed.text.empty());
  }

  TEST_CASE("words without a call stay as they are to the byte") {
    const std::string words = "  An answer, with <tool> and </tool_call> in it.\n";

    CHECK(parse_tool_calls(words, "call_1").text == words);
    CHECK(parse_tool_calls(words, "call_1").calls.empty());
  }

  TEST_CASE("what is not exactly a call is refused with what is wrong, never guessed at") {
    check_refused("", "nothing between its tags");
    check_refused("{\"name\": \"python\", \"arguments\": {}", "not JSON");
    check_refused("{'name': 'python', 'arguments': {}}", "not JSON");
    check_refused("{\"name\": \"python\", \"arguments\": {}} trailing", "not JSON");
    check_refused("{\"name\": \"a\", \"name\": \"b\", \"arguments\": {}}", "'name' twice");
    check_refused("{\"name\": \"a\", \"arguments\": {\"x\": 1, \"x\": 2}}", "'x' twice");
    check_refused("{\"arguments\": {}}", "no 'name'");
    check_refused("{\"name\": 3, \"arguments\": {}}", "'name' is no text");
    check_refused("{\"name\": \"\", \"arguments\": {}}", "1 to 64 bytes");
    check_refused("{\"name\": \"" + std::string(65, 'x') + "\", \"arguments\": {}}", "1 to 64");
    check_refused("{\"name\": \"python\"}", "no 'arguments'");
    check_refused("{\"name\": \"python\", \"arguments\": \"{}\"}", "must be an object, not string");
    check_refused("{\"name\": \"python\", \"parameters\": {}}", "unknown key 'parameters'");
    check_refused("[]", "list is empty");
    check_refused("42", "must be an object");
    check_refused("[[]]", "must be an object");
    check_refused("{\"name\": \"a\", \"arguments\": {\"x\": 1e999}}", "not JSON");
    check_refused(std::string(tool_call_bytes_max + 1, '['), "bytes, at most");
    check_refused(std::string(tool_call_depth_max + 1, '['), "nests deeper");
  }

  TEST_CASE("the just-valid call is taken: the deepest, the longest, the last of the most") {
    std::string deep = "1";
    for (int i = 0; i < tool_call_depth_max - 2; ++i) deep = "[" + deep + "]";
    CHECK(only_call("{\"name\": \"a\", \"arguments\": {\"x\": " + deep + "}}").error.empty());

    const std::string start = "{\"name\": \"a\", \"arguments\": {\"x\": \"";
    const std::string end = "\"}}";
    const std::string longest(tool_call_bytes_max - start.size() - end.size(), 'x');
    CHECK(only_call(start + longest + end).error.empty());

    std::string most;
    for (std::size_t i = 0; i < tool_calls_max; ++i)
      most += "<tool_call>{\"name\": \"a\", \"arguments\": {}}</tool_call>";
    const auto parsed = parse_tool_calls(most, "call_1");
    REQUIRE(parsed.calls.size() == tool_calls_max);
    CHECK(parsed.calls.back().error.empty());
  }

  TEST_CASE("of too many calls none is run, in one list or in many tags") {
    std::string tags;
    std::string list = "[";
    for (std::size_t i = 0; i <= tool_calls_max; ++i) {
      tags += "<tool_call>{\"name\": \"a\", \"arguments\": {}}</tool_call>";
      list += std::string(i > 0 ? "," : "") + "{\"name\": \"a\", \"arguments\": {}}";
    }
    for (const auto& turn : {tags, "<tool_call>" + list + "]</tool_call>"}) {
      const auto parsed = parse_tool_calls(turn, "call_1");
      REQUIRE(parsed.calls.size() == tool_calls_max);
      for (const ToolCall& call : parsed.calls)
        CHECK(call.error.find("more than 8 tool calls") != std::string::npos);
    }
  }

  TEST_CASE("a tag that is not closed is a broken call, not words") {
    const auto parsed = parse_tool_calls("Wait <tool_call>{\"name\": \"python\"", "call_1");

    REQUIRE(parsed.calls.size() == 1);
    CHECK(parsed.calls[0].error.find("not closed") != std::string::npos);
    CHECK(parsed.text == "Wait");
  }

  TEST_CASE("property: any bytes between any tags end in bounded calls, each with an id") {
    CHECK(rc::check([](const std::vector<std::string>& pieces) {
      std::string turn;
      for (const auto& piece : pieces) turn += "<tool_call>" + piece + "</tool_call>";
      const auto parsed = parse_tool_calls(turn, "call");
      RC_ASSERT(parsed.calls.size() <= tool_calls_max);
      for (const ToolCall& call : parsed.calls) RC_ASSERT(!call.id.empty());
    }));
  }

  TEST_CASE("a call that we write reads back as it was") {
    const auto parsed = parse_tool_calls(
        tool_call_text("python", OrderedJson{{"code", "print(\"</b>\")\n"}}), "call_1");

    REQUIRE(parsed.calls.size() == 1);
    CHECK(parsed.calls[0].error.empty());
    CHECK(parsed.calls[0].arguments["code"] == "print(\"</b>\")\n");
  }
}
