def pytest_configure(config):
    config.addinivalue_line("markers", "kill: ends processes with SIGKILL, many times")
