# The CPU backend's sources. One list is compiled once, the other once for each set of instructions.
set(cpu ${CMAKE_CURRENT_LIST_DIR})
set(LT_CPU_SOURCES
  ${cpu}/backend.cpp
  ${cpu}/cpu.cpp
  ${cpu}/features.cpp
  ${cpu}/memory.cpp
  ${cpu}/pool.cpp)
set(LT_CPU_ISA_SOURCES
  ${cpu}/kernels.cpp)
