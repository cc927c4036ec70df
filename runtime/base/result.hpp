// Result<T> is a value or an Error; no exceptions cross a library's border.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "runtime/base/failure.hpp"

namespace flywheel {

template <class T = void>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Failure failure, std::string message) {
  return tl::unexpected<Error>{Error{failure, std::move(message)}};
}

inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>{std::move(error)};
}

}  // namespace flywheel

#define FLYWHEEL_JOIN_(a, b) a##b
#define FLYWHEEL_JOIN(a, b) FLYWHEEL_JOIN_(a, b)

// Returns the error of `expression` from the enclosing function, if it has one.
#define FLYWHEEL_TRY_VOID(expression)                                  \
  do {                                                                 \
    auto result_ = (expression);                                       \
    if (!result_) return ::flywheel::fail(std::move(result_.error())); \
  } while (false)

// FLYWHEEL_TRY(auto value, expression): declares `value`, or returns the error.
#define FLYWHEEL_TRY(declaration, expression) \
  FLYWHEEL_TRY_IMPL_(FLYWHEEL_JOIN(result_, __LINE__), declaration, expression)
#define FLYWHEEL_TRY_IMPL_(result, declaration, expression)        \
  auto result = (expression);                                      \
  if (!result) return ::flywheel::fail(std::move(result.error())); \
  declaration = std::move(*result)
