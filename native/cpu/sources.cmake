# The CPU backend's sources. One list is compiled once, the other once for each set of instructions.
set(cpu ${CMAKE_CURRENT_LIST_DIR})
set(LT_CPU_SOURCES
  ${cpu}/backend.cpp
  ${cpu}/codes.cpp
  ${cpu}/cpu.cpp
  ${cpu}/features.cpp
  ${cpu}/gemm.cpp
  ${cpu}/gemm_paths.cpp
  ${cpu}/head_loss.cpp
  ${cpu}/lora.cpp
  ${cpu}/matmul.cpp
  ${cpu}/memory.cpp
  ${cpu}/pool.cpp
  ${cpu}/quantize.cpp)
set(LT_CPU_ISA_SOURCES
  ${cpu}/attention.cpp
  ${cpu}/dattention.cpp
  ${cpu}/elementwise.cpp
  ${cpu}/expand.cpp ${cpu}/gemm_units.cpp
  ${cpu}/gemm_loss.cpp
  ${cpu}/gemm_pack.cpp
  ${cpu}/gemm_rows.cpp
  ${cpu}/gemm_table.cpp
  ${cpu}/gemm_tile.cpp
  ${cpu}/gemm_units.cpp
  ${cpu}/kernels.cpp
  ${cpu}/nf4.cpp
  ${cpu}/norm.cpp
  ${cpu}/optimizer.cpp
  ${cpu}/quantize_k.cpp
  ${cpu}/quantize_weighed.cpp
  ${cpu}/rope.cpp
  ${cpu}/rows.cpp
  ${cpu}/sample.cpp)
# Their results are other programs' bytes: no fused multiply-add.
set_source_files_properties(${cpu}/codes.cpp ${cpu}/expand.cpp ${cpu}/gemm_units.cpp ${cpu}/nf4.cpp ${cpu}/quantize.cpp
  ${cpu}/quantize_k.cpp ${cpu}/quantize_weighed.cpp PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
# One micro-kernel each, with instructions beyond the sets above; reached only where the processor has them (gemm_paths.cpp).
set_source_files_properties(${cpu}/gemm_tile.cpp ${cpu}/gemm_rows.cpp PROPERTIES COMPILE_OPTIONS -ffp-contract=fast)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND LT_CPU_SOURCES ${cpu}/gemm_amx.cpp ${cpu}/gemm_avx512bf16.cpp)
  set_source_files_properties(${cpu}/gemm_avx512bf16.cpp PROPERTIES COMPILE_OPTIONS "-mavx512f;-mavx512bw;-mavx512vl;-mavx512bf16")
  set_source_files_properties(${cpu}/gemm_amx.cpp PROPERTIES COMPILE_OPTIONS "-mavx512f;-mavx512bw;-mavx512vl;-mavx512bf16;-mamx-tile;-mamx-bf16")
endif()
