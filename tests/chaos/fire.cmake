# Messages nobody can handle, faults that last, rolling restarts: on a private PostgreSQL and RabbitMQ. scripts/setup makes the environment with pika.
if(TARGET mamey_persistence_postgres AND TARGET mamey_messaging_rabbitmq)
  add_executable(troubled troubled/main.cpp)
  target_link_libraries(troubled PRIVATE mamey::host mamey::persistence_postgres mamey::messaging_rabbitmq mamey_own_code)
  add_test(NAME chaos_fire
    COMMAND ${PROJECT_SOURCE_DIR}/build/venv/bin/python -m pytest -q -s -p no:cacheprovider -m "not long"
            test_troubled_messages.py test_failure_storm.py test_rolling_restart.py
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set_tests_properties(chaos_fire PROPERTIES LABELS chaos TIMEOUT 2400 ENVIRONMENT "MAMEY_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
endif()
