// What server and client both speak of: requests, responses, events, and how a Failure looks on the
// wire. Errors have OpenAI's shape: {"error": {"message", "type", "param", "code"}}, where `code`
// is the name of the Failure, so that a client gets back the Error that the server had.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"
#include "runtime/net/authorise.hpp"

namespace flywheel {

struct NamedValue {
  std::string name{};
  std::string value{};
};
using NamedValues = std::vector<NamedValue>;

// The first value of that name, or nothing; header names have no case.
const std::string* find_value(const NamedValues& values, std::string_view name);
const std::string* find_header(const NamedValues& headers, std::string_view name);

struct HttpRequest {
  std::string method{};      // "GET", "POST", ...; a HEAD reaches the handler of GET as "HEAD"
  std::string path{};        // decoded, for example /v1/runs/run_06DW...
  NamedValues parameters{};  // of the route's pattern, decoded
  NamedValues query{};       // decoded, in order
  NamedValues headers{};
  std::string body{};
  Principal principal{};
  std::string id{};       // the x-request-id of the reply
  SteadyTime deadline{};  // when the server answers 504 in the handler's place

  // Empty where absent.
  std::string_view parameter(std::string_view name) const;
  std::string_view query_value(std::string_view name) const;
  std::string_view header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  NamedValues headers{};
};

// One server-sent event. `data` may have several lines; `type` and `id` must have one.
struct ServerEvent {
  std::string data{};
  std::string type{};  // the `event:` field; empty = a plain message
  std::string id{};    // what a client sends as Last-Event-ID when it comes back
};

HttpResponse json_response(const Json& body, int status = 200);
HttpResponse text_response(std::string body, int status = 200);
HttpResponse error_response(const Error& error);
HttpResponse error_response(int status, std::string_view message, std::string_view code,
                            std::string_view param = {});

int status_of(Failure failure);
Failure failure_of(int status);
const char* reason_of(int status);

// The body as JSON with at most `depth_max` nested arrays and objects; invalid_input.
Result<Json> parse_json_body(std::string_view body, std::size_t depth_max = 64);

// `event:`, `id:` and `data:` lines, and the empty line that ends them.
std::string encode_event(const ServerEvent& event);

// %-decoding; invalid_input for a broken escape or a NUL. encode keeps only unreserved characters.
Result<std::string> decode_percent(std::string_view text, bool plus_is_space = false);
std::string encode_percent(std::string_view text);

}  // namespace flywheel
