#include "runtime/net/http_message.hpp"

#include <algorithm>

namespace flywheel {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_equal_without_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string_view view_of(const std::string* value) {
  return value == nullptr ? std::string_view{} : std::string_view{*value};
}

// OpenAI's names for kinds of errors.
const char* error_type_of(int status) {
  if (status == 401) return "authentication_error";
  if (status == 403) return "permission_error";
  if (status == 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

}  // namespace

const std::string* find_value(const NamedValues& values, std::string_view name) {
  for (const NamedValue& entry : values)
    if (entry.name == name) return &entry.value;
  return nullptr;
}

const std::string* find_header(const NamedValues& headers, std::string_view name) {
  for (const NamedValue& entry : headers)
    if (is_equal_without_case(entry.name, name)) return &entry.value;
  return nullptr;
}

std::string_view HttpRequest::parameter(std::string_view name) const {
  return view_of(find_value(parameters, name));
}
std::string_view HttpRequest::query_value(std::string_view name) const {
  return view_of(find_value(query, name));
}
std::string_view HttpRequest::header(std::string_view name) const {
  return view_of(find_header(headers, name));
}

HttpResponse json_response(const Json& body, int status) {
  return {.status = status, .body = dump_json(body)};
}

HttpResponse text_response(std::string body, int status) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

HttpResponse error_response(const Error& error) {
  return error_response(status_of(error.failure), error.message, to_string(error.failure));
}

HttpResponse error_response(int status, std::string_view message, std::string_view code,
                            std::string_view param) {
  Json error{{"message", message}, {"type", error_type_of(status)}, {"code", code}};
  error["param"] = param.empty() ? Json{} : Json{param};
  return json_response({{"error", std::move(error)}}, status);
}

int status_of(Failure failure) {
  switch (failure) {
    case Failure::none:
      return 200;
    case Failure::invalid_argument:
    case Failure::invalid_input:
      return 400;
    case Failure::permission_denied:
      return 403;
    case Failure::not_found:
      return 404;
    case Failure::already_exists:
    case Failure::hash_mismatch:
    case Failure::stale_policy:
      return 409;
    case Failure::resource_exhausted:
      return 429;
    case Failure::deadline_exceeded:
      return 504;
    case Failure::unavailable:
    case Failure::cancelled:
      return 503;
    case Failure::corrupt:
    case Failure::too_new:
    case Failure::internal:
      return 500;
  }
  return 500;
}

Failure failure_of(int status) {
  switch (status) {
    case 401:
    case 403:
      return Failure::permission_denied;
    case 404:
      return Failure::not_found;
    case 409:
      return Failure::already_exists;
    case 413:
    case 429:
    case 431:
      return Failure::resource_exhausted;
    case 408:
    case 504:
      return Failure::deadline_exceeded;
    case 502:
    case 503:
      return Failure::unavailable;
    default:
      break;
  }
  if (status < 400) return Failure::none;
  return status < 500 ? Failure::invalid_argument : Failure::internal;
}

struct StatusReason {
  int status;
  const char* reason;
};
constexpr StatusReason status_reasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

const char* reason_of(int status) {
  for (const StatusReason& each : status_reasons)
    if (each.status == status) return each.reason;
  return "Status";
}

Result<Json> parse_json_body(std::string_view body, std::size_t depth_max) {
  // Counted before parsing, because whoever walks the document later may recurse.
  std::size_t depth = 0;
  bool is_in_text = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (is_in_text) {
      if (c == '\\') ++i;
      if (c == '"') is_in_text = false;
    } else if (c == '"') {
      is_in_text = true;
    } else if (c == '[' || c == '{') {
      if (++depth > depth_max)
        return fail(Failure::invalid_input, "request body: more than " + std::to_string(depth_max) +
                                                " arrays and objects inside each other");
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return parse_json(body, "request body");
}

std::string encode_event(const ServerEvent& event) {
  std::string text;
  text.reserve(event.data.size() + event.type.size() + event.id.size() + 32);
  const auto add = [&text](std::string_view field, std::string_view value) {
    text.append(field).append(": ").append(value).push_back('\n');
  };
  // A line end inside a field would begin another field: a type or an id is cut there.
  const auto one_line = [](std::string_view value) {
    return value.substr(0, value.find_first_of(std::string_view{"\r\n\0", 3}));
  };
  if (!event.type.empty()) add("event", one_line(event.type));
  if (!event.id.empty()) add("id", one_line(event.id));
  std::string_view rest = event.data;
  while (true) {
    const std::size_t end = rest.find_first_of("\r\n");
    add("data", rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(rest.substr(end, 2) == "\r\n" ? end + 2 : end + 1);
  }
  text.push_back('\n');
  return text;
}

Result<std::string> decode_percent(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0 || (high == 0 && low == 0))
        return fail(Failure::invalid_input, "the address has a broken % escape at character " +
                                                std::to_string(i + 1) + " of '" +
                                                std::string{text.substr(0, 80)} + "'");
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

std::string encode_percent(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view kept = "-._~";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
        kept.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += digits[byte >> 4];
      encoded += digits[byte & 15];
    }
  }
  return encoded;
}

}  // namespace flywheel
