# LibTorch from the carrier wheel in .deps/site (scripts/setup), or from -DLIBTORCH_ROOT=FOLDER, the
# folder that holds include/ and lib/. The wheel's own CMake files ask for a whole CUDA toolkit, so
# the target is made here.
set(LIBTORCH_ROOT ${PROJECT_SOURCE_DIR}/.deps/site/torch CACHE PATH "folder with include/ and lib/ of LibTorch")
if(NOT EXISTS ${LIBTORCH_ROOT}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "LibTorch is not in ${LIBTORCH_ROOT}: run scripts/setup, or pass -DLIBTORCH_ROOT=FOLDER")
endif()

# The wheel brings headers of another fmt without its library; Debian's must be found before them.
find_path(FMT_INCLUDE_DIR fmt/format.h REQUIRED)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/before_torch)
file(CREATE_LINK ${FMT_INCLUDE_DIR}/fmt ${PROJECT_BINARY_DIR}/before_torch/fmt SYMBOLIC)

add_library(flywheel::torch INTERFACE IMPORTED GLOBAL)
target_include_directories(
  flywheel::torch SYSTEM
  INTERFACE ${PROJECT_BINARY_DIR}/before_torch ${LIBTORCH_ROOT}/include
            ${LIBTORCH_ROOT}/include/torch/csrc/api/include)
# Not libtorch.so: it asks for libtorch_cuda.so, and that for a whole CUDA toolkit.
target_link_libraries(flywheel::torch INTERFACE ${LIBTORCH_ROOT}/lib/libtorch_cpu.so
                                                ${LIBTORCH_ROOT}/lib/libc10.so Threads::Threads)
