#include "actors/caas/multipart.hpp"

namespace flywheel {
namespace {

constexpr std::size_t parts_max = 64;

// The value of `name="value"` or `name=value` among a header's parameters.
std::string parameter(std::string_view header, std::string_view name) {
  for (std::size_t at = header.find(name); at != std::string_view::npos;
       at = header.find(name, at + 1)) {
    const bool begins = at > 0 && (header[at - 1] == ' ' || header[at - 1] == ';');
    const std::size_t equals = at + name.size();
    if (!begins || equals >= header.size() || header[equals] != '=') continue;
    std::string_view value = header.substr(equals + 1);
    if (!value.starts_with('"')) return std::string{value.substr(0, value.find_first_of("; \r\n"))};
    std::string text;
    for (std::size_t i = 1; i < value.size() && value[i] != '"'; ++i) {
      if (value[i] == '\\' && i + 1 < value.size()) ++i;
      text += value[i];
    }
    return text;
  }
  return {};
}

}  // namespace

Result<FilePart> file_part(std::string_view content_type, std::string_view body) {
  const auto refuse = [](std::string what) {
    return fail(Failure::invalid_input, "upload: " + std::move(what));
  };
  if (!content_type.starts_with("multipart/form-data"))
    return refuse(
        "multipart/form-data with a part 'file' is expected (a file_id names nothing "
        "here)");
  const std::string boundary = parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > 70) return refuse("the boundary is missing");
  const std::string delimiter = "\r\n--" + boundary;
  // The first delimiter may stand at the very beginning.
  std::size_t at = 0;
  if (body.starts_with(std::string_view{delimiter}.substr(2)))
    at = delimiter.size() - 2;
  else if (const auto first = body.find(delimiter); first != std::string_view::npos)
    at = first + delimiter.size();
  else
    return refuse("the boundary is not in the body");
  for (std::size_t count = 0; count < parts_max; ++count) {
    if (body.substr(at, 2) == "--") return refuse("there is no part 'file'");
    const auto head_begin = body.find("\r\n", at);
    const auto head_end = body.find("\r\n\r\n", at);
    const auto end = body.find(delimiter, head_end == std::string_view::npos ? at : head_end + 2);
    if (head_end == std::string_view::npos || end == std::string_view::npos)
      return refuse("the body is cut short");
    const std::string_view head = body.substr(head_begin, head_end - head_begin);
    if (parameter(head, "name") == "file") {
      FilePart part{parameter(head, "filename"), {}};
      const std::size_t bytes_begin = head_end + 4;
      if (end > bytes_begin) part.bytes = body.substr(bytes_begin, end - bytes_begin);
      return part;
    }
    at = end + delimiter.size();
  }
  return refuse("more than 64 parts");
}

}  // namespace flywheel
