// Failure as a CAF error category, both ways: actors answer with the same Error that libraries
// return.
#pragma once

#include <exception>
#include <string>

#include <caf/actor_system_config.hpp>
#include <caf/error.hpp>

#include "runtime/base/failure.hpp"

namespace flywheel {

caf::error to_caf(const Error& error);

// What a handler threw: the first line of its words, for those of libtorch have a backtrace below.
Error words_of(const std::exception_ptr& thrown);
caf::error to_caf(const std::exception_ptr& thrown);

// An actor that dies of what a handler threw tells its words to who watches it. CAF by itself keeps
// none of them and prints a line to standard output, which belongs to what --json prints.
template <class Self>
void keep_words(Self self) {
  self->set_exception_handler(
      [](std::exception_ptr& thrown) -> caf::error { return to_caf(thrown); });
}

bool is_failure(const caf::error& error);

// The Error that to_caf() made; for any other error, `unavailable` with CAF's own words.
Error to_error(const caf::error& error);

// CAF's own words for its own errors: request_timeout, request_receiver_down, ...
std::string describe(const caf::error& error);

void add_failure_category(caf::actor_system_config& config);

}  // namespace flywheel
