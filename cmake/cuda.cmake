# Kernels on the GPU: luthier_add_cuda_kernels(NAME) adds the static library NAME of every kernels/*.cu for all
# architectures of cuda-archs.cmake, and NAME_spills, a target that fails when ptxas had to spill registers in a
# kernel that is not listed with a reason in kernels/spills.txt. Needs luthier_cuda_defaults() and
# enable_language(CUDA).
include(${CMAKE_CURRENT_LIST_DIR}/cuda-archs.cmake)
set(LUTHIER_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

# Before enable_language(CUDA).
macro(luthier_cuda_defaults)
  set(CMAKE_CUDA_ARCHITECTURES ${LUTHIER_CUDA_ARCHS})
  set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
  endif()
endmacro()

function(luthier_add_cuda_kernels name)
  set(dir ${LUTHIER_CMAKE_DIR}/../kernels)
  file(GLOB kernels CONFIGURE_DEPENDS ${dir}/*.cu)
  add_library(${name} STATIC ${kernels})
  target_include_directories(${name} PUBLIC ${dir})
  target_compile_features(${name} PUBLIC cuda_std_17)
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Xptxas=-v;-lineinfo>)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON
    CUDA_COMPILER_LAUNCHER ${LUTHIER_CMAKE_DIR}/ptxas-log)   # keeps what ptxas says beside each object
  add_custom_target(${name}_spills ALL
    COMMAND ${LUTHIER_CMAKE_DIR}/check-spills ${dir}/spills.txt $<TARGET_OBJECTS:${name}>
    COMMAND_EXPAND_LISTS VERBATIM
    DEPENDS ${name})
endfunction()
