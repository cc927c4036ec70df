// Files: our own routes name them by ?path=, OpenAI's by id; both are one resource.
//
//   GET    .../files?path=F             the bytes (Range too)
//   GET    .../files?path=D&list=true   what is in a folder
//   GET    .../files?path=D&tar=true    a folder as tar
//   PUT    .../files?path=F[&mode=755]  one file
//   PUT    .../files?path=D&tar=true    unpacks a tar there
//   DELETE .../files?path=F
//
//   GET    .../files                    OpenAI's list
//   POST   .../files                    OpenAI's upload
//   GET    .../files/ID[/content]       facts or bytes of one of them
//   DELETE .../files/ID
#include <shared_mutex>
#include <utility>

#include <fmt/format.h>

#include "actors/caas/caas_routes.hpp"
#include "actors/caas/container_view.hpp"
#include "actors/caas/multipart.hpp"
#include "actors/caas/tar_scan.hpp"
#include "runtime/base/base64.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t file_body_bytes_max = 64 << 20;
constexpr std::size_t logged_file_bytes_max = 1 << 20;
constexpr const char* openai_folder = "/mnt/data";

struct Place {
  std::shared_ptr<LiveContainer> live{};
  std::shared_ptr<Container> box{};
  std::string path{};
};

Result<std::string> checked_path(std::string_view path) {
  if (path.empty()) return fail(Failure::invalid_input, "path: which file? send ?path=/tmp/NAME");
  if (path.size() > 4096) return fail(Failure::invalid_input, "path: more than 4096 bytes");
  if (path.find('\0') != std::string_view::npos)
    return fail(Failure::invalid_input, "path: holds a NUL");
  // The box resolves paths inside itself, so that none leads out; a path with .. is refused all the
  // same, because whoever sends one means something else than what would happen.
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto end = rest.find('/');
    if (rest.substr(0, end) == "..")
      return fail(Failure::invalid_input, "path: '..' is not taken: name the file from / on");
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return std::string{path};
}

HttpResponse put_refusal(const Error& error) {
  if (error.failure == Failure::resource_exhausted)
    return error_response(507, error.message, to_string(error.failure));
  return refusal(error);
}

// Answers on a worker, with the box; a replay is made to catch up first.
void with_box(CaasState& state, const HttpRequest& request, const Responder& responder, Verb verb,
              std::string_view kind, const Json& logged,
              const std::function<HttpResponse(const Place&)>& work) {
  auto live = asked_live(state, request, verb);
  if (!live) return void(responder.send(live.error()));
  const auto go_on = [&state, live = *live, responder, work] {
    answer_later(state, responder, [&state, live, work] {
      auto box = running_box(state, *live);
      const std::shared_lock lock{live->files_mutex};
      return box ? work(Place{live, *box, {}}) : box.error();
    });
  };
  when_ready(
      state, *live, kind, logged, responder,
      [responder, is_put = kind == "put_file"](const Json& result) {
        const bool is_refused_put = is_put && is_refusal(result);
        responder.send(is_refused_put ? put_refusal(error_of_logged(result)) : replayed(result));
      },
      go_on);
}

struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // one past the last
};

// "bytes=a-b", "bytes=a-" or "bytes=-n"; nothing for anything else.
std::optional<ByteRange> parse_range(std::string_view text, std::uint64_t size) {
  if (!text.starts_with("bytes=") || text.find(',') != std::string_view::npos) return std::nullopt;
  text.remove_prefix(6);
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    if (digits.empty() || digits.size() > 18) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
  };
  const auto first = number(text.substr(0, dash));
  const auto last = number(text.substr(dash + 1));
  if (!first) {
    if (!last || dash != 0) return std::nullopt;
    return ByteRange{size - std::min(size, *last), size};
  }
  if (dash + 1 < text.size() && !last) return std::nullopt;
  return ByteRange{*first, last ? std::min(size, *last + 1) : size};
}

HttpResponse bytes_response(std::string bytes) {
  return {.content_type = "application/octet-stream",
          .body = std::move(bytes),
          .headers = {{"accept-ranges", "bytes"}, {"x-content-type-options", "nosniff"}}};
}

HttpResponse read_file_of(Container& box, const std::string& path, std::string_view range_text) {
  const auto entry = box.stat_file(path);
  if (!entry) return refusal(entry.error());
  if (entry->kind == FileKind::folder)
    return refusal({Failure::invalid_argument,
                    path + " is a folder: add &list=true for what is in it, or &tar=true"});
  // Of the file that is opened, wherever a link leads; that of the link is another.
  std::uint64_t size = 0;
  if (auto looked = box.get_file(path, 0, 0, &size); !looked) return refusal(looked.error());
  if (range_text.empty()) {
    if (size > file_body_bytes_max)
      return error_response(413,
                            fmt::format("{} has {} bytes, and one answer at most {}: ask for "
                                        "ranges",
                                        path, size, file_body_bytes_max),
                            to_string(Failure::resource_exhausted));
    auto bytes = box.get_file(path, 0, file_body_bytes_max);
    return bytes ? bytes_response(std::move(*bytes)) : refusal(bytes.error());
  }
  const auto range = parse_range(range_text, size);
  if (!range || range->begin >= range->end) {
    auto response = error_response(416, fmt::format("no such range in {} bytes", size),
                                   to_string(Failure::invalid_argument));
    response.headers.push_back({"content-range", fmt::format("bytes */{}", size)});
    return response;
  }
  const std::uint64_t wanted =
      std::min<std::uint64_t>(range->end - range->begin, file_body_bytes_max);
  auto bytes = box.get_file(path, range->begin, wanted);
  if (!bytes) return refusal(bytes.error());
  const std::uint64_t end = range->begin + bytes->size();
  HttpResponse response = bytes_response(std::move(*bytes));
  response.status = 206;
  response.headers.push_back(
      {"content-range", fmt::format("bytes {}-{}/{}", range->begin, end - 1, size)});
  return response;
}

HttpResponse list_folder(Container& box, const std::string& path) {
  const auto entries = box.list_files(path);
  if (!entries) return refusal(entries.error());
  Json data = Json::array();
  for (const FileEntry& entry : *entries) data.push_back(file_json(entry, path));
  return json_response({{"object", "list"}, {"has_more", false}, {"data", std::move(data)}});
}

// tar runs inside the container, with the rights of its commands.
HttpResponse tar_out(Container& box, const std::string& path) {
  ExecSpec spec;
  spec.command = {"tar", "-C", path, "-cf", "-", "."};
  spec.wall_time_max = 60s;
  spec.output_bytes_max = file_body_bytes_max;
  auto result = box.run(spec);
  if (!result) return refusal(result.error());
  if (result->is_truncated)
    return error_response(413,
                          fmt::format("the tar of {} is larger than {} bytes: take its folders one "
                                      "by one",
                                      path, file_body_bytes_max),
                          to_string(Failure::resource_exhausted));
  if (result->end != ExecEnd::exited || result->exit_code != 0)
    return refusal({Failure::invalid_argument,
                    fmt::format("tar of {}: {}", path, result->error_output.substr(0, 300))});
  HttpResponse response = bytes_response(std::move(result->output));
  response.content_type = "application/x-tar";
  return response;
}

HttpResponse tar_in(Container& box, const std::string& path, const std::string& body) {
  const auto scan = scan_tar(body);
  if (!scan) return refusal(scan.error());
  if (auto made = box.make_folder(path); !made) return refusal(made.error());
  ExecSpec spec;
  spec.command = {"tar", "-C", path, "--no-same-owner", "--no-same-permissions", "-xf", "-"};
  spec.input = body;
  spec.wall_time_max = 60s;
  spec.output_bytes_max = 4096;
  const auto result = box.run(spec);
  if (!result) return refusal(result.error());
  if (result->end != ExecEnd::exited || result->exit_code != 0)
    return refusal({Failure::invalid_input,
                    fmt::format("unpacking into {}: {} {}", path, to_string(result->end),
                                result->error_output.substr(0, 300))});
  return json_response({{"path", path}, {"entries", scan->entry_count}, {"bytes", body.size()}});
}

void get_files(CaasState& state, const HttpRequest& request, const Responder& responder) {
  if (find_value(request.query, "path") == nullptr)
    return with_box(
        state, request, responder, Verb::read, "list_files", Json::object(),
        [id = std::string{request.parameter("id")}](const Place& place) {
          const auto entries = place.box->list_files(openai_folder);
          Json data = Json::array();
          if (entries)
            for (const FileEntry& entry : *entries)
              if (entry.kind == FileKind::file)
                data.push_back(openai_file_json(
                    place.live->id, std::string{openai_folder} + "/" + entry.name, entry));
          return json_response({{"object", "list"},
                                {"first_id", data.empty() ? Json{} : data.front()["id"]},
                                {"last_id", data.empty() ? Json{} : data.back()["id"]},
                                {"has_more", false},
                                {"data", std::move(data)}});
        });
  const auto path = checked_path(request.query_value("path"));
  if (!path) return void(responder.send(refusal(path.error())));
  const bool lists = request.query_value("list") == "true";
  const bool tars = request.query_value("tar") == "true";
  with_box(state, request, responder, Verb::read, "get_file", Json::object(),
           [path = *path, lists, tars,
            range = std::string{request.header("range")}](const Place& place) {
             if (lists) return list_folder(*place.box, path);
             if (tars) return tar_out(*place.box, path);
             return read_file_of(*place.box, path, range);
           });
}

// Puts a file and notes it in the trajectory, so that a replay can do it again.
HttpResponse put_logged(CaasState& state, const Place& place, const std::string& path,
                        const std::string& bytes, const Json& logged, std::uint32_t mode,
                        const std::function<Json()>& answer) {
  const std::uint64_t number = state.execs.next_command(*place.live);
  const std::uint64_t started_ms = wall_ms(state);
  const auto put = place.box->put_file(path, bytes, mode);
  const Json result = put ? answer() : logged_refusal(put.error());
  state.execs.log(*place.live, number, {started_ms, "put_file", logged, result});
  return put ? json_response(result) : put_refusal(put.error());
}

// Small files are kept whole, of large ones the hash: a replay knows them, but can't write them.
Json logged_put(const std::string& path, const std::string& bytes, std::uint32_t mode) {
  Json logged{{"path", path}, {"mode", mode}, {"hash", to_string(hash_text(bytes))}};
  if (bytes.size() <= logged_file_bytes_max) logged["bytes"] = encode_base64(bytes);
  return logged;
}

std::optional<std::uint32_t> mode_of(std::string_view text) {
  if (text.empty()) return 0644;
  std::uint32_t mode = 0;
  for (const char c : text) {
    if (c < '0' || c > '7' || mode > 0777) return std::nullopt;
    mode = mode * 8 + static_cast<std::uint32_t>(c - '0');
  }
  return mode <= 0777 ? std::optional{mode} : std::nullopt;
}

void put_files(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto path = checked_path(request.query_value("path"));
  if (!path) return void(responder.send(refusal(path.error())));
  const auto mode = mode_of(request.query_value("mode"));
  if (!mode)
    return void(
        responder.send(refusal({Failure::invalid_input, "mode: an octal number of at most 777"})));
  if (request.query_value("tar") == "true")
    return with_box(
        state, request, responder, Verb::update, "put_tar", Json::object(),
        [&state, path = *path, body = request.body](const Place& place) {
          const std::uint64_t number = state.execs.next_command(*place.live);
          auto response = tar_in(*place.box, path, body);
          state.execs.log(
              *place.live, number,
              {wall_ms(state), "put_tar", {{"path", path}}, {{"status", response.status}}});
          return response;
        });
  const Json logged = logged_put(*path, request.body, *mode);
  with_box(state, request, responder, Verb::update, "put_file", logged,
           [&state, path = *path, body = request.body, mode = *mode, logged](const Place& place) {
             return put_logged(state, place, path, body, logged, mode, [&] {
               return Json{{"path", path}, {"bytes", body.size()}};
             });
           });
}

HttpResponse remove_logged(CaasState& state, const Place& place, const std::string& path,
                           const Json& answer) {
  const std::uint64_t number = state.execs.next_command(*place.live);
  const auto removed = place.box->remove_file(path);
  const Json result = removed ? answer : logged_refusal(removed.error());
  state.execs.log(*place.live, number, {wall_ms(state), "remove_file", {{"path", path}}, result});
  return removed ? json_response(result) : refusal(removed.error());
}

void delete_files(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto path = checked_path(request.query_value("path"));
  if (!path) return void(responder.send(refusal(path.error())));
  with_box(state, request, responder, Verb::update, "remove_file", {{"path", *path}},
           [&state, path = *path](const Place& place) {
             return remove_logged(state, place, path, {{"path", path}, {"deleted", true}});
           });
}

// OpenAI's upload: multipart/form-data with a part `file`; its name is the file's.
void upload(CaasState& state, const HttpRequest& request, const Responder& responder) {
  auto part = file_part(request.header("content-type"), request.body);
  if (!part) return void(responder.send(refusal(part.error())));
  const auto slash = part->file_name.rfind('/');
  const std::string name =
      slash == std::string::npos ? part->file_name : part->file_name.substr(slash + 1);
  if (name.empty() || name == "." || name == "..")
    return void(responder.send(
        refusal({Failure::invalid_input, "the part 'file' has no file name that can be used"})));
  const std::string path = std::string{openai_folder} + "/" + name;
  const Json logged = logged_put(path, part->bytes, 0644);
  with_box(state, request, responder, Verb::update, "put_file", logged,
           [&state, path, name, bytes = std::move(part->bytes), logged](const Place& place) {
             if (auto made = place.box->make_folder(openai_folder); !made)
               return refusal(made.error());
             return put_logged(state, place, path, bytes, logged, 0644, [&] {
               const FileEntry entry{.name = name,
                                     .size_bytes = bytes.size(),
                                     .changed_ms = static_cast<std::int64_t>(wall_ms(state))};
               return openai_file_json(place.live->id, path, entry);
             });
           });
}

enum class FileUse : std::uint8_t { facts, content, removal };

HttpResponse use_file(CaasState& state, const Place& place, const std::string& file_id,
                      FileUse use) {
  const auto path = path_of_file_id(file_id);
  if (!path) return refusal(path.error());
  const auto entry = place.box->stat_file(*path);
  if (!entry || entry->kind != FileKind::file)
    return refusal({Failure::not_found, "there is no file " + file_id});
  if (use == FileUse::content) return read_file_of(*place.box, *path, {});
  if (use == FileUse::removal)
    return remove_logged(
        state, place, *path,
        {{"id", file_id}, {"object", "container.file.deleted"}, {"deleted", true}});
  return json_response(openai_file_json(place.live->id, *path, *entry));
}

HttpHandler file_handler(CaasState& state, Verb verb, FileUse use) {
  return [&state, verb, use](HttpRequest request, Responder responder) {
    with_box(state, request, responder, verb, "use_file", Json::object(),
             [&state, use, id = std::string{request.parameter("file")}](const Place& place) {
               return use_file(state, place, id, use);
             });
  };
}

}  // namespace

void add_file_routes(HttpServer& server, CaasState& state) {
  const auto add = [&](std::string method, std::string pattern, Verb verb, HttpHandler handler) {
    server.add({.method = std::move(method),
                .pattern = "/v1/containers/{id}/files" + std::move(pattern),
                .verb = verb,
                .object = ObjectKind::container,
                .handler = std::move(handler),
                .answer_time_max = 120s,
                .body_bytes_max = file_body_bytes_max});
  };
  add("GET", "", Verb::read, with_state(state, get_files));
  add("PUT", "", Verb::update, with_state(state, put_files));
  add("POST", "", Verb::update, with_state(state, upload));
  add("DELETE", "", Verb::update, with_state(state, delete_files));
  add("GET", "/{file}", Verb::read, file_handler(state, Verb::read, FileUse::facts));
  add("GET", "/{file}/content", Verb::read, file_handler(state, Verb::read, FileUse::content));
  add("DELETE", "/{file}", Verb::update, file_handler(state, Verb::update, FileUse::removal));
}

}  // namespace flywheel
