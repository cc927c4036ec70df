// FLYWHEEL_CHECK stops the process when the program itself is wrong; it stays on in release builds.
#pragma once

#include <cstdio>
#include <cstdlib>

#define FLYWHEEL_CHECK(condition)                                                            \
  ((condition)                                                                               \
       ? void()                                                                              \
       : (std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition), \
          std::abort()))
