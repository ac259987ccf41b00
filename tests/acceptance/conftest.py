import pathlib
import subprocess

import pytest

from trouble_service import Trouble


def pytest_configure(config):
    config.addinivalue_line("markers", "kill: ends processes with SIGKILL, many times")
    config.addinivalue_line("markers", "third_party: needs the program of third_party/, built on the installed package")
    config.addinivalue_line("markers", "served: starts and uses the programs; runs with the address sanitizer, too")
    config.addinivalue_line("markers", "browser: clicks through a page; runs with the Python of build/venv")


class SmallDisk:
    """A file system of its own, of a size. Needs root."""

    def __init__(self, path, size):
        self.path = path
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=True)

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.path)], check=True)

    def close(self):
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)


@pytest.fixture
def small_disk(tmp_path):
    disk = SmallDisk(pathlib.Path(tmp_path) / "disk", "2m")
    yield disk
    disk.close()


@pytest.fixture
def trouble_service(tmp_path):
    """Starts the service with arguments; it is gone after the test."""
    started = []

    def start(*arguments, data=tmp_path / "data", **surroundings):
        started.append(Trouble(data, *arguments, **surroundings))
        return started[-1].start()

    yield start
    for each in started:
        each.running.close()
