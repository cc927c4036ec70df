# How a folder becomes a library, and a folder of tests a test program.

function(flywheel_compile_options target)
  # -Wrestrict is wrong about std::string in g++ 12 (its bug 105651).
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -Werror -Wno-restrict)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

# flywheel_library(NAME [SOURCES file...] LINKS library...): NAME is flywheel_<NAME>; without SOURCES
# it takes every .cpp of the folder.
function(flywheel_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB ARG_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  endif()
  add_library(flywheel_${name} STATIC ${ARG_SOURCES})
  flywheel_compile_options(flywheel_${name})
  target_link_libraries(flywheel_${name} PUBLIC ${ARG_LINKS})
endfunction()

# Gives a target LibTorch and the one precompiled header of torch.
function(flywheel_use_torch target)
  target_link_libraries(${target} PRIVATE flywheel::torch)
  target_compile_options(${target} PRIVATE -fPIC)  # also programs: as the precompiled header is
  if(NOT TARGET flywheel_torch_pch)
    file(WRITE ${PROJECT_BINARY_DIR}/torch_pch.cpp "")
    add_library(flywheel_torch_pch OBJECT ${PROJECT_BINARY_DIR}/torch_pch.cpp)
    flywheel_compile_options(flywheel_torch_pch)
    target_link_libraries(flywheel_torch_pch PRIVATE flywheel::torch)
    target_precompile_headers(flywheel_torch_pch PRIVATE <torch/types.h> <torch/utils.h>)
  endif()
  target_precompile_headers(${target} REUSE_FROM flywheel_torch_pch)
endfunction()

# The one precompiled header of CAF, for the targets that are mostly CAF's templates: the actors, the
# subcommands and their tests. They are thin over libraries, which keep the build type's -O2; half of
# the time to compile an actor is the optimiser at work on message handling code.
function(flywheel_use_caf_header target)
  target_compile_options(${target} PRIVATE -fPIC -O1)
  if(NOT TARGET flywheel_caf_pch)
    file(WRITE ${PROJECT_BINARY_DIR}/caf_pch.cpp "")
    add_library(flywheel_caf_pch OBJECT ${PROJECT_BINARY_DIR}/caf_pch.cpp)
    flywheel_compile_options(flywheel_caf_pch)
    target_compile_options(flywheel_caf_pch PRIVATE -fPIC -O1)
    target_link_libraries(flywheel_caf_pch PRIVATE flywheel_system flywheel_net)
    target_precompile_headers(flywheel_caf_pch PRIVATE <caf/all.hpp> <fmt/format.h>
                              <nlohmann/json.hpp>)
  endif()
  target_precompile_headers(${target} REUSE_FROM flywheel_caf_pch)
endfunction()

# flywheel_tests(NAME LABEL label LINKS library...): every *_test.cpp of the folder in one program.
function(flywheel_tests name)
  cmake_parse_arguments(ARG "" "LABEL" "LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp)
  add_executable(${name}_tests ${sources})
  flywheel_compile_options(${name}_tests)
  # A third of the time to compile a test is its optimisation and the inlined assertions.
  target_compile_options(${name}_tests PRIVATE -O1)
  target_compile_definitions(${name}_tests PRIVATE DOCTEST_CONFIG_SUPER_FAST_ASSERTS)
  target_link_libraries(${name}_tests PRIVATE ${ARG_LINKS} flywheel_test_main)
  add_test(NAME ${name} COMMAND ${name}_tests WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 600)
endfunction()
