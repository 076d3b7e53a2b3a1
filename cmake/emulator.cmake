# Kernels on the CPU: luthier_add_emulated_kernels(NAME MODE) adds
#   NAME            static library of every kernels/*.cu, compiled as C++ against the emulator
#   NAME_emulator   static library of the emulator, which is also the CUDA runtime of the program
# MODE: plain | sm75 | asan (and UBSan) | tsan | msan | cov.  tsan and msan need clang (luthier_choose_compiler).
set(LUTHIER_EMULATOR_MODES plain sm75 asan tsan msan cov)
set(LUTHIER_KERNELS_DIR ${CMAKE_CURRENT_LIST_DIR}/../kernels)
# gcc 12 knows ThreadSanitizer's fibers too, but a switch costs 20 times as much, and it has no MemorySanitizer.
set(LUTHIER_CLANGS clang++-19 clang++-18 clang++-20 clang++)

# Before project(): the compiler a mode needs, unless the user named one.
macro(luthier_choose_compiler mode)
  if("${mode}" MATCHES "^(tsan|msan)$" AND NOT DEFINED CMAKE_CXX_COMPILER)
    find_program(LUTHIER_CLANGXX NAMES ${LUTHIER_CLANGS})
    if(NOT LUTHIER_CLANGXX)
      message(FATAL_ERROR "KE_MODE=${mode} needs clang++ (apt-get install clang-19)")
    endif()
    set(CMAKE_CXX_COMPILER ${LUTHIER_CLANGXX})
  endif()
endmacro()

# CUDA's own headers declare what the emulator implements; nvcc itself is not needed.
function(luthier_find_cuda_headers out)
  find_path(LUTHIER_CUDA_HEADERS cuda_bf16.h HINTS $ENV{CUDA_PATH}/include PATHS /usr/local/cuda/include)
  if(LUTHIER_CUDA_HEADERS)
    set(${out} ${LUTHIER_CUDA_HEADERS} PARENT_SCOPE)
  else()
    set(${out} "" PARENT_SCOPE)
  endif()
endfunction()

# Uninitialised variables become a pattern where the compiler can do it, except where a sanitizer watches them itself.
set(LUTHIER_FLAGS_plain -O2 -g1 -ftrivial-auto-var-init=pattern)
set(LUTHIER_FLAGS_sm75 -O1 -g1 -ftrivial-auto-var-init=pattern)
set(LUTHIER_FLAGS_asan -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined,bounds-strict -fno-sanitize-recover=all -ftrivial-auto-var-init=pattern)
set(LUTHIER_FLAGS_tsan -O1 -g1 -fno-omit-frame-pointer)
set(LUTHIER_FLAGS_msan -O1 -g1 -fno-omit-frame-pointer -fsanitize=memory)
set(LUTHIER_FLAGS_cov -O0 -g --coverage)

function(luthier_add_emulated_kernels name mode)
  if(NOT mode IN_LIST LUTHIER_EMULATOR_MODES)
    message(FATAL_ERROR "emulator mode '${mode}' is none of ${LUTHIER_EMULATOR_MODES}")
  endif()
  luthier_find_cuda_headers(headers)
  if(NOT headers)
    message(FATAL_ERROR "the CUDA headers (cuda_runtime.h, cuda_bf16.h) are missing; set CUDA_PATH to a CUDA toolkit 12 or 13")
  endif()
  file(GLOB kernels CONFIGURE_DEPENDS ${LUTHIER_KERNELS_DIR}/*.cu)
  file(GLOB emulator CONFIGURE_DEPENDS ${LUTHIER_KERNELS_DIR}/emulator/*.cpp)
  set_source_files_properties(${kernels} PROPERTIES LANGUAGE CXX)

  add_library(${name}_emulator STATIC ${emulator})
  target_include_directories(${name}_emulator PUBLIC ${LUTHIER_KERNELS_DIR})
  target_include_directories(${name}_emulator SYSTEM PUBLIC ${headers})
  target_compile_features(${name}_emulator PUBLIC cxx_std_17)
  target_compile_options(${name}_emulator PUBLIC -fno-strict-aliasing -Wall -Wextra -Wno-unknown-pragmas ${LUTHIER_FLAGS_${mode}})
  set_target_properties(${name}_emulator PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(mode STREQUAL "sm75")
    target_compile_definitions(${name}_emulator PUBLIC KE_EMU_ARCH=750)
  endif()
  if(mode STREQUAL "tsan")   # the emulator itself is not instrumented: see emulator/sanitizers.h
    target_compile_definitions(${name}_emulator PUBLIC KE_TSAN)
    target_compile_options(${name}_emulator PRIVATE -O2 INTERFACE -fsanitize=thread)
    target_link_options(${name}_emulator INTERFACE -fsanitize=thread)
  else()
    target_link_options(${name}_emulator INTERFACE ${LUTHIER_FLAGS_${mode}})
  endif()

  add_library(${name} STATIC ${kernels})
  target_link_libraries(${name} PUBLIC ${name}_emulator)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_precompile_headers(${name} PRIVATE ${LUTHIER_KERNELS_DIR}/ke/ke.h)
endfunction()
