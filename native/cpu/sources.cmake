# The CPU backend's sources. One list is compiled once, the other once for each set of instructions.
set(cpu ${CMAKE_CURRENT_LIST_DIR})
set(LT_CPU_SOURCES
  ${cpu}/backend.cpp
  ${cpu}/codes.cpp
  ${cpu}/cpu.cpp
  ${cpu}/features.cpp
  ${cpu}/memory.cpp
  ${cpu}/nf4.cpp
  ${cpu}/pool.cpp
  ${cpu}/quantize.cpp)
set(LT_CPU_ISA_SOURCES
  ${cpu}/kernels.cpp)
# Their results are other programs' bytes: no fused multiply-add.
set_source_files_properties(${cpu}/codes.cpp ${cpu}/nf4.cpp ${cpu}/quantize.cpp PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
