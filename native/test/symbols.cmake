# What the files compiled for one set of instructions define stands in their own namespace: a function that another file also defines (an
# inline one that was not inlined, a template's instance) would be merged by the linker, and might run where the processor lacks it.
foreach(object ${OBJECTS})
  execute_process(COMMAND ${NM} -C --defined-only --extern-only ${object} OUTPUT_VARIABLE symbols RESULT_VARIABLE rc)
  if(NOT rc EQUAL 0)
    message(FATAL_ERROR "nm failed on ${object}")
  endif()
  string(REPLACE "\n" ";" symbols "${symbols}")
  foreach(symbol ${symbols})
    if(NOT symbol MATCHES "luthier::cpu::${ISA}::")
      message(SEND_ERROR "${object} defines ${symbol} outside luthier::cpu::${ISA}")
    endif()
  endforeach()
endforeach()
