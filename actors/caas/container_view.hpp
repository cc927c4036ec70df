// How containers, commands and files look in answers. A container is one object for both kinds of
// client: OpenAI's fields (status, expires_after, ...) beside ours (state, reason, ...).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/json.hpp"
#include "runtime/sandbox/container.hpp"
#include "storage/container_store.hpp"

namespace flywheel {

Json container_json(const ContainerRecord& record);

// `end` of an ExecResult and what it came with, without the output.
Json exec_outcome_json(const ExecResult& result);
// The same with the output.
Json exec_json(const ExecResult& result, bool wants_base64);
// What is kept of it in the trajectory, and back again.
Json logged_result(const ExecResult& result);
Json exec_json_of_logged(const Json& logged, bool wants_base64);

// What is kept of a request that was refused, and so did nothing. Older logs lack the failure.
Json logged_refusal(const Error& error);
bool is_refusal(const Json& logged);
Error error_of_logged(const Json& logged);

ExecResult result_of_logged(const Json& logged);  // as far as a log holds it
Json stats_json(const ContainerStats& stats);
Json file_json(const FileEntry& entry, std::string_view folder);

// A name and its bytes: {"name": text}, or {"name_base64": base 64}.
void put_bytes(Json& object, const std::string& name, std::string_view bytes, bool wants_base64);

// The greatest prefix that does not end inside a UTF-8 character (at most 3 bytes shorter).
std::size_t complete_utf8_size(std::string_view bytes);

// OpenAI's view of a file: its id holds its path, so that nothing needs to be remembered.
std::string container_file_id(std::string_view path);
Result<std::string> path_of_file_id(std::string_view id);  // not_found
Json openai_file_json(ContainerId container, std::string_view path, const FileEntry& entry);

}  // namespace flywheel
