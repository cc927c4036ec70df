// The allow-list, the schemas, and the bounds that hold whatever a tool does.
#include "runtime/tools/toolbox.hpp"

#include <stdexcept>

#include <doctest/doctest.h>

#include "runtime/tools/tool_schema.hpp"
#include "runtime/tools/tool_session.hpp"

using namespace flywheel;

namespace {

// Does what the test says.
class ScriptedTool final : public Tool {
 public:
  ScriptedTool(std::string name, std::function<ToolResult(const Json&)> act)
      : act_(std::move(act)) {
    spec_.name = std::move(name);
    spec_.description = "For a test.";
    spec_.parameters = OrderedJson::parse(R"({"type": "object", "properties": {
        "code": {"type": "string", "minLength": 1, "maxLength": 20},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "mode": {"type": "string", "enum": ["fast", "slow"]},
        "tags": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
        "place": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
      }, "required": ["code"]})");
  }
  const ToolSpec& spec() const override { return spec_; }
  ToolLimits limits() const override {
    return {.output_bytes_max = 200, .file_bytes_max = 10, .files_max = 2};
  }
  ToolResult run(const Json& arguments, ToolSession&) const override { return act_(arguments); }

 private:
  ToolSpec spec_;
  std::function<ToolResult(const Json&)> act_;
};

struct Lab {
  ToolResult answer{.text = "fine"};
  int calls = 0;
  Toolbox box{{std::make_shared<ScriptedTool>("one",
                                              [this](const Json&) {
                                                ++calls;
                                                return answer;
                                              }),
               std::make_shared<ScriptedTool>("two", [](const Json&) -> ToolResult {
                 throw std::runtime_error{"it fell over"};
               })}};
  std::vector<std::string> allowed{"one"};
  ToolSession session{};

  ToolResult run(const std::string& name, const Json& arguments) {
    ToolCall call;
    call.name = name;
    call.arguments = arguments;
    return box.run(call, allowed, session);
  }
  void check_refused(const Json& arguments, const std::string& why) {
    CAPTURE(arguments.dump());
    const auto result = run("one", arguments);
    CHECK(result.status == ToolStatus::refused);
    CAPTURE(result.text);
    CHECK(result.text.find(why) != std::string::npos);
    CHECK(calls == 0);
  }
};

}  // namespace

TEST_SUITE("runtime/tools/toolbox") {
  TEST_CASE("a call of an allowed tool with right arguments is run") {
    Lab lab;

    const auto result = lab.run("one", {{"code", "x"}, {"count", 9}, {"tags", {"a", "b"}}});

    CHECK(result.status == ToolStatus::done);
    CHECK(result.text == "fine");
    CHECK(lab.calls == 1);
  }

  TEST_CASE("a tool that is not on the task's list is refused as one that does not exist") {
    Lab lab;

    const auto not_allowed = lab.run("two", {{"code", "x"}});
    const auto unknown = lab.run("three", {{"code", "x"}});

    CHECK(not_allowed.status == ToolStatus::refused);
    CHECK(not_allowed.text == "there is no tool 'two' here; there are: one");
    CHECK(unknown.text == "there is no tool 'three' here; there are: one");
    CHECK(lab.calls == 0);
  }

  TEST_CASE("arguments of the wrong kind are refused, naming the argument") {
    Lab lab;
    lab.check_refused(Json::object(), "argument 'code' is missing");
    lab.check_refused({{"code", 3}}, "argument 'code' must be a string, not number");
    lab.check_refused({{"code", ""}}, "argument 'code' is empty");
    lab.check_refused({{"code", std::string(21, 'x')}}, "has 21 bytes, at most 20");
    lab.check_refused({{"code", "x"}, {"cod", "y"}}, "argument 'cod' is not known");
    lab.check_refused({{"code", "x"}, {"count", 0}}, "at least 1");
    lab.check_refused({{"code", "x"}, {"count", 10}}, "at most 9");
    lab.check_refused({{"code", "x"}, {"count", 1.5}}, "must be an integer");
    lab.check_refused({{"code", "x"}, {"mode", "medium"}}, "must be one of [\"fast\",\"slow\"]");
    lab.check_refused({{"code", "x"}, {"tags", {"a", "b", "c"}}}, "has 3 items");
    lab.check_refused({{"code", "x"}, {"tags", {"a", 7}}}, "argument 'tags[1]' must be a string");
    lab.check_refused({{"code", "x"}, {"place", Json::object()}}, "'place.x' is missing");
  }

  TEST_CASE("a call that could not be read is answered with what was wrong with it") {
    Lab lab;
    ToolCall call;
    call.name = "one";
    call.error = "the tool call can't be read: it is not JSON";

    const auto result = lab.box.run(call, lab.allowed, lab.session);

    CHECK(result.status == ToolStatus::refused);
    CHECK(result.text == call.error);
    CHECK(lab.calls == 0);
  }

  TEST_CASE("a flood comes back as its head and its tail, files within their bounds") {
    Lab lab;
    lab.answer.text = "start " + std::string(1'000'000, 'x') + " end";
    lab.answer.files = {{"small.png", "image/png", "123"},
                        {"big.png", "image/png", "12345678901"},
                        {"third", "", ""}};

    const auto result = lab.run("one", {{"code", "x"}});

    CHECK(result.text.starts_with("start xxx"));
    CHECK(result.text.find("bytes left out") != std::string::npos);
    CHECK(result.text.find("x end\n[1 files left out") != std::string::npos);
    CHECK(result.text.size() < 400);
    REQUIRE(result.files.size() == 1);
    CHECK(result.files[0].name == "small.png");
    CHECK(result.text.find("[big.png left out: 11 bytes") != std::string::npos);
  }

  TEST_CASE("a clipped text never holds half a character, and other bytes are replaced") {
    std::string text;
    for (int i = 0; i < 200; ++i) text += "\xC3\xA9";
    for (std::size_t most = 40; most < 60; ++most) {
      const auto clipped = clip_text(text, most);
      CHECK(clipped.size() <= most);
      CHECK(Json::parse(dump_json(Json(clipped))).get<std::string>() == clipped);
      CHECK_NOTHROW((void)Json(clipped).dump());
    }
    CHECK(clip_text("\xff!", 100) == "\xEF\xBF\xBD!");
    CHECK(clip_text("short", 5) == "short");
  }

  TEST_CASE("a tool that throws is unavailable, and the conversation goes on") {
    Lab lab;
    lab.allowed = {"one", "two"};

    const auto result = lab.run("two", {{"code", "x"}});

    CHECK(result.status == ToolStatus::unavailable);
    CHECK(result.text == "two broke down: it fell over");
  }

  TEST_CASE("the schemas are what chat templates take, for allowed tools only") {
    Lab lab;

    const auto schemas = lab.box.schemas(lab.allowed);

    REQUIRE(schemas);
    REQUIRE(schemas->size() == 1);
    CHECK((*schemas)[0]["type"] == "function");
    CHECK((*schemas)[0]["function"]["name"] == "one");
    CHECK((*schemas)[0]["function"]["parameters"]["required"][0] == "code");
    const auto text = tools_system_text("Be brief.", *schemas);
    CHECK(text.starts_with("Be brief.\n\nYou can call these tools:\n<tools>\n{\"name\":\"one\""));
    const std::vector<std::string> missing{"three"};
    CHECK(lab.box.schemas(missing).error().failure == Failure::not_found);
  }

  TEST_CASE("a schema outside the subset is told") {
    CHECK(check_schema(Json::parse(R"({"type": "object", "properties": {}})")));
    CHECK_FALSE(check_schema(Json::parse(R"({"type": "object", "oneOf": []})")));
    CHECK_FALSE(check_schema(Json::parse(R"({"type": "object", "required": ["x"]})")));
  }
}
