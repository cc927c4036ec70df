// flywheel caas: serves containers over HTTP until it is stopped; its images and tokens.
#include <csignal>
#include <filesystem>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "actors/caas/caas.hpp"
#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"
#include "runtime/net/http_server.hpp"

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
  std::string token_name{};
  std::string token_role = "researcher";
  std::uint64_t token_days = 90;
};

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

Result<int> serve(const GlobalOptions& global, const Options& options) {
  CaasConfig config{.state_folder = options.state};
  config.limits.container_count_max = config.limits.container_count_max_per_owner =
      options.containers;
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
  std::signal(SIGINT, on_stop);
  std::signal(SIGTERM, on_stop);
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
  CLI::App* token = app->add_subcommand("token", "Make an access token and print it.");
  token->add_option("name", options->token_name, "The person or program it is for")->required();
  token->add_option("--role", options->token_role, "researcher or operator")->capture_default_str();
  token->add_option("--days", options->token_days, "How long it lives; 0 = for ever")
      ->capture_default_str();
  return {app, [&global, options, token] {
            return token->parsed() ? add_token(global, *options) : serve(global, *options);
          }};
}

}  // namespace flywheel
