# FILE packed with gzip as PACKED, the same bytes each time. cmake -DGZIP=… -DFILE=… -DPACKED=… -P pack.cmake
execute_process(COMMAND ${GZIP} -9 -n -c ${FILE} OUTPUT_FILE ${PACKED} COMMAND_ERROR_IS_FATAL ANY)
