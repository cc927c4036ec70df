#include "runtime/model/checkpoint.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "runtime/base/json.hpp"
#include "runtime/model/checkpoint_weights.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> refuse(const std::string& where, const std::string& what) {
  return fail(Failure::invalid_input, where + ": " + what);
}

Result<Json> read_json(const std::string& path) {
  FLYWHEEL_TRY(const std::string text, read_text_file(path));
  return parse_json(text, path);
}

// Templates come as text, or as a list of named ones of which "default" is for conversation.
Result<std::string> template_of(const Json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array())
    for (const Json& entry : value)
      if (entry.is_object() && entry.value("name", Json{}) == "default" &&
          entry.value("template", Json{}).is_string())
        return entry["template"].get<std::string>();
  return refuse(where, "field 'chat_template' is neither text nor a list with a 'default'");
}

// A template that parses may still use what only a conversation brings to light.
Result<std::shared_ptr<const ChatTemplate>> open_template(std::string source,
                                                          const Tokenizer& tokenizer,
                                                          const std::string& where) {
  FLYWHEEL_TRY(auto chat_template, parse_chat_template(std::move(source), where));
  const auto text_of = [&](Token token) {
    return token < 0 ? std::string{} : tokenizer.bytes_of(token);
  };
  const Json messages = Json::array({{{"role", "user"}, {"content", "x"}}});
  const Json variables{{"bos_token", text_of(tokenizer.begin_token())},
                       {"eos_token", text_of(tokenizer.end_token())}};
  FLYWHEEL_TRY_VOID(chat_template->render(messages, true, variables));
  return chat_template;
}

// What the configuration says must be possible with this vocabulary.
Result<> agree(ModelConfig& config, const Tokenizer& tokenizer, const std::string& where) {
  if (tokenizer.vocabulary_size() > static_cast<std::size_t>(config.vocabulary_size))
    return refuse(where, fmt::format("the tokenizer has {} tokens, the model an embedding of {}",
                                     tokenizer.vocabulary_size(), config.vocabulary_size));
  if (config.end_tokens.empty() && tokenizer.end_token() >= 0)
    config.end_tokens = {tokenizer.end_token()};
  if (config.end_tokens.empty())
    return refuse(where,
                  "no token ends a turn: neither config.json and generation_config.json "
                  "(eos_token_id) nor tokenizer_config.json (eos_token) names one");
  return {};
}

Result<Checkpoint> load_gguf(const std::string& path) {
  FLYWHEEL_TRY(const GgufFile file, GgufFile::open(path));
  Checkpoint checkpoint;
  FLYWHEEL_TRY(checkpoint.config, model_config_from_gguf(file));
  FLYWHEEL_TRY(GgufVocabulary vocabulary, vocabulary_from_gguf(file));
  FLYWHEEL_TRY(checkpoint.tokenizer, tokenizer_from_gguf(std::move(vocabulary), path));
  FLYWHEEL_TRY_VOID(agree(checkpoint.config, *checkpoint.tokenizer, path));
  if (file.has("tokenizer.chat_template")) {
    FLYWHEEL_TRY(std::string source, file.text("tokenizer.chat_template"));
    FLYWHEEL_TRY(checkpoint.chat_template,
                 open_template(std::move(source), *checkpoint.tokenizer,
                               path + ": metadata key 'tokenizer.chat_template'"));
  }
  FLYWHEEL_TRY(checkpoint.weights, weights_from_gguf(file, checkpoint.config));
  return checkpoint;
}

Result<Checkpoint> load_folder(const std::string& folder) {
  Checkpoint checkpoint;
  FLYWHEEL_TRY(checkpoint.config, config_from_folder(folder));
  const std::string tokenizer_path = folder + "/tokenizer.json";
  const std::string settings_path = folder + "/tokenizer_config.json";
  const std::string template_path = folder + "/chat_template.jinja";
  FLYWHEEL_TRY(const Json tokenizer, read_json(tokenizer_path));
  Json settings;
  if (fs::exists(settings_path)) {
    FLYWHEEL_TRY(settings, read_json(settings_path));
  }
  FLYWHEEL_TRY(checkpoint.tokenizer, tokenizer_from_json(tokenizer, settings, tokenizer_path));
  FLYWHEEL_TRY_VOID(agree(checkpoint.config, *checkpoint.tokenizer, folder));

  std::string source;
  std::string source_path = template_path;  // transformers prefers it to the settings' field
  if (fs::exists(template_path)) {
    FLYWHEEL_TRY(source, read_text_file(template_path));
  } else if (settings.is_object() && settings.contains("chat_template") &&
             !settings["chat_template"].is_null()) {
    source_path = settings_path;
    FLYWHEEL_TRY(source, template_of(settings["chat_template"], settings_path));
  }
  if (!source.empty()) {
    FLYWHEEL_TRY(checkpoint.chat_template,
                 open_template(std::move(source), *checkpoint.tokenizer, source_path));
  }
  FLYWHEEL_TRY(checkpoint.weights, weights_from_folder(folder, checkpoint.config));
  return checkpoint;
}

}  // namespace

Result<Checkpoint> load_checkpoint(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return load_folder(path);
  if (path.ends_with(".gguf")) return load_gguf(path);
  if (!fs::exists(path, ignored))
    return fail(Failure::not_found, path + ": there is no such folder or file");
  return refuse(path, "neither a Hugging Face folder nor a .gguf file");
}

}  // namespace flywheel
