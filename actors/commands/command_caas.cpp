// flywheel caas: serves containers over HTTP until it is stopped; its images and tokens.
#include <csignal>
#include <filesystem>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <sys/resource.h>

#include "actors/caas/caas.hpp"
#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"
#include "runtime/net/http_server.hpp"
#include "runtime/sandbox/image.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

volatile std::sig_atomic_t stops = 0;

void on_stop(int) {
  stops = stops + 1;
}

struct Options {
  std::string state = ".flywheel-caas";
  std::string address = "127.0.0.1";
  std::uint16_t port = 8090;
  std::string socket{};
  std::string certificate{};
  std::string key{};
  bool needs_token = false;
  std::size_t containers = 4096;
  std::size_t containers_per_owner = 0;  // 0: as many as there may be
  std::uint64_t memory_mib = 0;          // 0: half of the machine's, as the next
  std::uint64_t disk_mib = 0;
  std::string token_name{};
  std::string token_role = "researcher";
  std::uint64_t token_days = 90;
  std::string recipe{};
  std::uint64_t build_minutes = 30;
};

std::string image_folder(const Options& options) {
  return options.state + "/images";
}

std::string token_path(const Options& options) {
  return options.state + "/tokens.json";
}

Json started_json(const Caas& caas, const HttpServer& server, const Options& options) {
  Json json = caas.health();
  json["address"] = options.address;
  json["port"] = server.port();
  json["socket"] = options.socket;
  json["state"] = options.state;
  json["lost"] = caas.lost_count();
  return json;
}

void say_started(const Caas& caas, const HttpServer& server, const Options& options) {
  const Json health = caas.health();
  const char* scheme = options.certificate.empty() ? "http" : "https";
  print(fmt::format("containers are served at {}://{}:{}{}\n", scheme, options.address,
                    server.port(), options.socket.empty() ? "" : " and at " + options.socket));
  print(fmt::format("state in {}; cgroups {}; {}\n", options.state, health.value("cgroups", "none"),
                    health.value("isolation", "")));
  for (const Json& warning : health["warnings"])
    print("note: " + warning.get<std::string>() + "\n");
  if (caas.lost_count() > 0)
    print(
        fmt::format("{} containers of an earlier run that was not stopped are now 'failed', "
                    "daemon_restarted\n",
                    caas.lost_count()));
  print(fmt::format("try: curl -s {}://{}:{}/v1/containers -d '{{}}'\n", scheme, options.address,
                    server.port()));
}

// Each container and each command holds a few descriptors.
void raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<int> serve(const GlobalOptions& global, const Options& options) {
  // First of all: whoever is told that it runs may stop it at once.
  std::signal(SIGINT, on_stop);
  std::signal(SIGTERM, on_stop);
  CaasConfig config{.state_folder = options.state};
  raise_open_files();
  config.limits.container_count_max = options.containers;
  config.limits.container_count_max_per_owner =
      options.containers_per_owner == 0 ? options.containers : options.containers_per_owner;
  config.limits.memory_bytes_max = options.memory_mib << 20;
  config.limits.disk_bytes_max = options.disk_mib << 20;
  FLYWHEEL_TRY(auto caas, Caas::open(std::move(config)));
  FLYWHEEL_TRY(auto tokens, TokenStore::open(token_path(options)));
  HttpServer server{{.address = options.address,
                     .port = options.port,
                     .socket_path = options.socket,
                     .certificate_path = options.certificate,
                     .key_path = options.key,
                     .tokens = tokens,
                     .loopback_needs_token = options.needs_token}};
  caas->add_routes(server);
  FLYWHEEL_TRY_VOID(server.start());
  if (global.json)
    print(started_json(*caas, server, options).dump() + "\n");
  else
    say_started(*caas, server, options);
  while (stops == 0) std::this_thread::sleep_for(50ms);
  const std::size_t living = caas->living_count();
  server.stop(1s);
  caas.reset();
  if (!global.json) print(fmt::format("stopped; {} containers ended\n", living));
  return exit_done;
}

// The text of a token is shown once and stored nowhere.
Result<int> add_token(const GlobalOptions& global, const Options& options) {
  FLYWHEEL_TRY(const auto role, parse_access_role(options.token_role));
  std::error_code code;
  std::filesystem::create_directories(options.state, code);
  FLYWHEEL_TRY(auto tokens, TokenStore::open(token_path(options)));
  const std::chrono::seconds lifetime{options.token_days * 24 * 3600};
  FLYWHEEL_TRY(const std::string text, tokens->add(options.token_name, role, lifetime));
  if (global.json)
    print_json({{"name", options.token_name}, {"role", to_string(role)}, {"token", text}});
  else
    print(text + "\n");
  return exit_done;
}

Json image_json(const ImageFacts& facts) {
  return {{"name", facts.name},
          {"hash", facts.hash},
          {"bytes", facts.size_bytes},
          {"files", facts.file_count},
          {"archives", facts.archives}};
}

Result<int> build(const GlobalOptions& global, const Options& options) {
  FLYWHEEL_TRY(const auto recipe, read_image_recipe(options.recipe));
  ImageBuildOptions how{.time_max = std::chrono::minutes{options.build_minutes}};
  if (!global.json) how.on_step = [](const std::string& step) { print(step + "\n"); };
  std::error_code code;
  std::filesystem::create_directories(image_folder(options), code);
  FLYWHEEL_TRY(const auto facts, build_image(recipe, image_folder(options), how));
  if (global.json)
    print_json(image_json(facts));
  else
    print(
        fmt::format("image {}: {} files, {:.1f} MiB, hash {}; use it with {{\"image\": \"{}\"}}\n",
                    facts.name, facts.file_count, static_cast<double>(facts.size_bytes) / (1 << 20),
                    facts.hash, facts.name));
  return exit_done;
}

Result<int> list_images(const GlobalOptions& global, const Options& options) {
  Json images = Json::array({{{"name", "host"}}});
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator{image_folder(options), code})
    if (const auto facts = read_image_facts(entry.path().string()))
      images.push_back(image_json(*facts));
  if (global.json) {
    print_json(images);
    return exit_done;
  }
  for (const Json& image : images)
    print(image.contains("hash") ? fmt::format("{}  {}  {} files\n", image.value("name", ""),
                                               image.value("hash", ""), image.value("files", 0))
                                 : std::string{"host  this machine's own /usr\n"});
  return exit_done;
}

void add_image_commands(CLI::App& app, const std::shared_ptr<Options>& options, CLI::App*& build,
                        CLI::App*& list) {
  CLI::App* image = app.add_subcommand("image", "Images: what containers start from.");
  image->require_subcommand(1);
  build = image->add_subcommand("build", "Build an image from Debian packages and wheels.");
  build->add_option("file", options->recipe, "YAML: name, packages, archives, wheels")->required();
  build->add_option("--minutes", options->build_minutes, "Give up after so long")
      ->capture_default_str();
  list = image->add_subcommand("list", "The images of the state folder.");
}

}  // namespace

Command add_caas(CLI::App& program, const GlobalOptions& global) {
  CLI::App* app =
      add_subcommand(program, "caas", "Serve containers on demand over HTTP, until it is stopped.",
                     "flywheel caas --port 8090");
  auto options = std::make_shared<Options>();
  app->add_option("--state", options->state, "The folder of its records, images and boxes")
      ->capture_default_str();
  app->add_option("--address", options->address, "The IP address to listen on")
      ->capture_default_str();
  app->add_option("--port", options->port, "The port; 0 takes any free one")->capture_default_str();
  app->add_option("--socket", options->socket, "A unix socket to listen on too");
  app->add_option("--certificate", options->certificate, "PEM chain: serves TLS");
  app->add_option("--key", options->key, "PEM key of the certificate");
  app->add_flag("--require-token", options->needs_token, "Ask for tokens on loopback too");
  app->add_option("--containers", options->containers, "How many may live at once")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app->add_option("--containers-per-owner", options->containers_per_owner,
                  "How many of them one person may have; 0 = all of them")
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str();
  app->add_option("--memory-mib", options->memory_mib,
                  "The most memory that a container may ask for; 0 = half of the machine's")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  app->add_option("--disk-mib", options->disk_mib,
                  "The most that a container may ask to write; it lies in memory; 0 = half of it")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  CLI::App* token = app->add_subcommand("token", "Make an access token and print it.");
  token->add_option("name", options->token_name, "The person or program it is for")->required();
  token->add_option("--role", options->token_role, "researcher or operator")->capture_default_str();
  token->add_option("--days", options->token_days, "How long it lives; 0 = for ever")
      ->capture_default_str();
  CLI::App* image_build = nullptr;
  CLI::App* image_list = nullptr;
  add_image_commands(*app, options, image_build, image_list);
  return {app, [&global, options, token, image_build, image_list] {
            if (token->parsed()) return add_token(global, *options);
            if (image_build->parsed()) return build(global, *options);
            if (image_list->parsed()) return list_images(global, *options);
            return serve(global, *options);
          }};
}

}  // namespace flywheel
