# Installs the build into an empty place, builds the consumer against that alone, and runs it.
# cmake -DBUILD=… -DWORK=… -DCOMPILER=… -DFLAGS=… -P check.cmake
foreach(input BUILD WORK COMPILER)
  if(NOT DEFINED ${input})
    message(FATAL_ERROR "usage: cmake -DBUILD=… -DWORK=… -DCOMPILER=… [-DFLAGS=…] -P check.cmake")
  endif()
endforeach()

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed (${status}): ${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/build -G Ninja -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_FLAGS=${FLAGS} -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
if(NOT output MATCHES "hello installed package")
  message(FATAL_ERROR "the consumer said: ${output}")
endif()
message(STATUS "${output}")
