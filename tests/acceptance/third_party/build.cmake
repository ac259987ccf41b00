# Installs the build into an empty place and builds the third party's program against that alone.
# cmake -DBUILD=… -DWORK=… -DCOMPILER=… -DFLAGS=… -P build.cmake
foreach(input BUILD WORK COMPILER)
  if(NOT DEFINED ${input})
    message(FATAL_ERROR "usage: cmake -DBUILD=… -DWORK=… -DCOMPILER=… [-DFLAGS=…] -P build.cmake")
  endif()
endforeach()

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed (${status}): ${command}\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/build -G Ninja -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_FLAGS=${FLAGS} -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/build)
