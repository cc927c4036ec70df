// The tool that asks another model.
#include "runtime/tools/model_tool.hpp"

#include <doctest/doctest.h>

#include "runtime/tools/tool_session.hpp"
#include "runtime/tools/toolbox.hpp"

using namespace flywheel;

namespace {

struct Lab {
  std::vector<ModelQuestion> asked{};
  Result<std::string> answer{"four"};
  Toolbox box{{model_tool({"policy"},
                          [this](const ModelQuestion& question) {
                            asked.push_back(question);
                            return answer;
                          },
                          {.wall_time_max = std::chrono::seconds{3}})}};

  ToolResult ask(const Json& arguments) {
    ToolCall call;
    call.name = "model";
    call.arguments = arguments;
    ToolSession session;
    const std::vector<std::string> allowed{"model"};
    return box.run(call, allowed, session);
  }
};

}  // namespace

TEST_SUITE("runtime/tools/model_tool") {
  TEST_CASE("a question goes to the named model with the call's deadline") {
    Lab lab;

    const auto result = lab.ask({{"model", "policy"}, {"question", "2 + 2?"}});

    CHECK(result.text == "four");
    REQUIRE(lab.asked.size() == 1);
    CHECK(lab.asked[0].question == "2 + 2?");
    CHECK(lab.asked[0].wait_max == std::chrono::seconds{3});
  }

  TEST_CASE("a model that is not on the list is refused and not asked") {
    Lab lab;
    CHECK(lab.ask({{"model", "other"}, {"question", "?"}}).status == ToolStatus::refused);
    CHECK(lab.ask({{"model", "policy"}, {"question", ""}}).status == ToolStatus::refused);
    CHECK(lab.asked.empty());
  }

  TEST_CASE("a model that does not answer in time, or can't, says which") {
    Lab lab;
    lab.answer = fail(Failure::deadline_exceeded, "no answer in 3 s");
    CHECK(lab.ask({{"model", "policy"}, {"question", "?"}}).status == ToolStatus::timeout);
    lab.answer = fail(Failure::unavailable, "its sampler does not run");
    const auto result = lab.ask({{"model", "policy"}, {"question", "?"}});
    CHECK(result.status == ToolStatus::unavailable);
    CHECK(result.text == "policy did not answer: its sampler does not run");
  }
}
