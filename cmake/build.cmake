# cmake -DSOURCE=native -DBINARY=target/native -DOUTPUT=dir -P build.cmake
# Configures and builds the native libraries and copies the .so files to OUTPUT. Called by Maven (java/engine/pom.xml).
foreach(v SOURCE BINARY OUTPUT)
  if(NOT DEFINED ${v})
    message(FATAL_ERROR "build.cmake: -D${v}=... is missing")
  endif()
endforeach()
include(ProcessorCount)
ProcessorCount(cores)
if(cores EQUAL 0)
  set(cores 1)
endif()
execute_process(
  COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -DCMAKE_BUILD_TYPE=Release -DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${OUTPUT}
  RESULT_VARIABLE rc)
if(NOT rc EQUAL 0)
  message(FATAL_ERROR "the native build could not be configured; it needs CMake >= 3.20 and g++ >= 11 (apt-get install cmake g++)")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BINARY} --parallel ${cores} RESULT_VARIABLE rc)
if(NOT rc EQUAL 0)
  message(FATAL_ERROR "the native build failed; the compiler's messages stand above")
endif()
