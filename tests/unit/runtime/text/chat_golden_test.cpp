#include <map>

#include <doctest/doctest.h>

#include "runtime/model/chat_template.hpp"
#include "tests/unit/runtime/text/gguf_vocabulary.hpp"

using namespace flywheel;

namespace {

const OrderedJson& goldens() {
  static const OrderedJson json =
      OrderedJson::parse(golden::read_text(golden::folder + "chats.json"));
  return json;
}

// What transformers wrote, or null where it refused: then we must refuse too, in one line.
void check_same(const Result<std::string>& ours, const OrderedJson& theirs) {
  if (theirs.is_null()) {
    REQUIRE(!ours.has_value());
    CHECK(ours.error().message.find("line ") != std::string::npos);
    CHECK(ours.error().message.find('\n') == std::string::npos);
    return;
  }
  REQUIRE_MESSAGE(ours.has_value(), ours.error().message);
  CHECK(*ours == theirs.get<std::string>());
}

}  // namespace

TEST_SUITE("text/chat_goldens") {
  TEST_CASE("every conversation is rendered as transformers renders it, in every template") {
    std::map<std::string, OrderedJson> conversations;
    for (const auto& conversation : goldens().at("conversations"))
      conversations[conversation.at("name").get<std::string>()] = conversation;
    std::map<std::string, std::shared_ptr<const ChatTemplate>> templates;
    REQUIRE(goldens().at("chats").size() >= 15 * 2 * 4);
    for (const auto& chat : goldens().at("chats")) {
      const auto file = chat.at("template").get<std::string>();
      const auto name = chat.at("conversation").get<std::string>();
      CAPTURE(file);
      CAPTURE(name);
      auto& chosen = templates[file];
      if (!chosen)
        chosen = parse_chat_template(golden::read_text(golden::folder + "templates/" + file), file)
                     .value();
      const auto& conversation = conversations.at(name);
      check_same(
          chosen->render(conversation.at("messages"), chat.at("add_generation_prompt").get<bool>(),
                         conversation.at("variables")),
          chat.at("text"));
    }
  }

  TEST_CASE("every expression and block gives what Jinja gives") {
    REQUIRE(goldens().at("snippets").size() > 100);
    for (const auto& snippet : goldens().at("snippets")) {
      const auto source = snippet.at("template").get<std::string>();
      CAPTURE(source);
      const auto parsed = parse_chat_template(source, "snippet");
      if (!parsed) {
        check_same(fail(parsed.error()), snippet.at("text"));
        continue;
      }
      check_same((*parsed)->render(OrderedJson::array(), false, goldens().at("context")),
                 snippet.at("text"));
    }
  }

  TEST_CASE("the template inside the SmolLM2 file is the one that the goldens were made with") {
    CHECK(golden::smollm_vocabulary().chat_template ==
          golden::read_text(golden::folder + "templates/smollm2.jinja"));
  }
}
