#include "runtime/system/caf_failure.hpp"

#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace flywheel {
namespace {

const caf::atom_value category = caf::atom("flywheel");

}  // namespace

caf::error to_caf(const Error& error) {
  return {static_cast<std::uint8_t>(error.failure), category, caf::make_message(error.message)};
}

Error words_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    const std::string words = exception.what();
    return {Failure::internal, words.substr(0, words.find('\n'))};
  } catch (...) {
    return {Failure::internal, "something that is no std::exception was thrown"};
  }
}

caf::error to_caf(const std::exception_ptr& thrown) {
  return to_caf(words_of(thrown));
}

bool is_failure(const caf::error& error) {
  return error && error.category() == category;
}

Error to_error(const caf::error& error) {
  if (!is_failure(error)) return {Failure::unavailable, describe(error)};
  const auto& context = error.context();
  std::string message;
  if (context.match_elements<std::string>()) message = context.get_as<std::string>(0);
  return {static_cast<Failure>(error.code()), std::move(message)};
}

std::string describe(const caf::error& error) {
  if (!error) return "none";
  if (is_failure(error)) return to_string(to_error(error));
  if (error.category() == caf::atom("system"))
    return caf::to_string(static_cast<caf::sec>(error.code())) + " " +
           caf::to_string(error.context());
  if (error.category() == caf::atom("exit"))
    return caf::to_string(static_cast<caf::exit_reason>(error.code()));
  return caf::to_string(error);
}

void add_failure_category(caf::actor_system_config& config) {
  config.add_error_category(category,
                            [](std::uint8_t code, caf::atom_value, const caf::message& context) {
                              std::string text = to_string(static_cast<Failure>(code));
                              if (context.match_elements<std::string>())
                                text += ": " + context.get_as<std::string>(0);
                              return text;
                            });
}

}  // namespace flywheel
