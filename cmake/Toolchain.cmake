# Compiler cache, linker and sanitizers.
find_program(CCACHE ccache)
if(CCACHE)
  # The sloppiness lets precompiled headers be cached; the base folder lets checkouts share entries.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  add_compile_options(-fpch-preprocess)
endif()

find_program(MOLD mold)
find_program(LLD ld.lld)
if(MOLD)
  add_link_options(-fuse-ld=mold)
elseif(LLD)
  add_link_options(-fuse-ld=lld)
endif()

set(FLYWHEEL_SANITIZE "" CACHE STRING "address or thread: build with that sanitizer")
if(FLYWHEEL_SANITIZE)
  add_compile_options(-fsanitize=${FLYWHEEL_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FLYWHEEL_SANITIZE})
  # g++ 12 takes std::regex for uninitialised where it is instrumented.
  add_compile_options(-Wno-maybe-uninitialized)
endif()
