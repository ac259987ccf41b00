# Where Swagger UI is not, configuring says what brings it, and what does without. cmake -DSOURCE=… -DWORK=… -DCOMPILER=… -P without_page.cmake
file(REMOVE_RECURSE ${WORK})
set(configure ${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK} -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${COMPILER} -DMAMEY_TESTS=OFF -DMAMEY_SAMPLES=OFF
              -DMAMEY_SWAGGER_UI=${WORK}/nowhere)

execute_process(COMMAND ${configure} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
string(REGEX REPLACE "[ \n]+" " " output "${output}")
if(status EQUAL 0 OR NOT output MATCHES "`scripts/setup build` fetches it.*-DMAMEY_DOCS_PAGE=OFF builds without the page")
  message(FATAL_ERROR "expected what is missing and the two ways out, got (${status}):\n${output}")
endif()

execute_process(COMMAND ${configure} -DMAMEY_DOCS_PAGE=OFF COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK} --target mamey/web/CMakeFiles/mamey_web.dir/page_files.cpp.o COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
