"""Starts that must be refused: soon, with an exit code, and with a sentence that says what and where."""

import socket
import subprocess

import pytest

from conveyor import BINARIES, Conveyor, refused_start

FREE = ["--orders", "0", "--deliveries", "0", "--pricing", "0"]


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_is_named(taken_port, tmp_path):
    code, said = refused_start("hello", ["--urls", f"http://127.0.0.1:{taken_port}"], cwd=tmp_path)
    assert code == 1
    assert f"127.0.0.1:{taken_port}: Address already in use" in said
    assert "failed while stopping" not in said


def test_a_taken_port_of_one_application_ends_the_whole_host(taken_port, tmp_path):
    code, said = refused_start("conveyor", ["--data", "data", "--orders", "0", "--deliveries", "0", "--pricing", str(taken_port)], cwd=tmp_path)
    assert code == 1
    assert f"*:{taken_port}: Address already in use" in said
    assert "failed while stopping" not in said
    # What had begun was taken back: the same data serve again.
    conveyor = Conveyor(tmp_path / "data").start()
    order_id, created = conveyor.create_order()
    assert created.status == 201
    conveyor.wait_until_delivered([order_id])
    assert conveyor.stop() == 0


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    code, said = refused_start("conveyor", ["--data", "file/data", *FREE], cwd=tmp_path)
    assert code == 1
    assert "file/data/orders.db" in said
    assert "Not a directory" in said


def test_a_data_directory_on_a_read_only_disk_is_named(tmp_path, small_disk):
    small_disk.remount("ro")
    code, said = refused_start("conveyor", ["--data", str(small_disk.path / "data"), *FREE])
    assert code == 1
    assert f"{small_disk.path}/data" in said
    assert "Read-only file system" in said


@pytest.mark.parametrize("broken", ["orders.db", "deliveries.db"])
def test_a_corrupt_database_is_named_and_left_alone(tmp_path, broken):
    conveyor = Conveyor(tmp_path / "data").start()
    order_id, _ = conveyor.create_order()
    conveyor.wait_until_delivered([order_id])
    assert conveyor.stop() == 0

    file = tmp_path / "data" / broken
    damaged = bytearray(file.read_bytes())
    for page in range(0, len(damaged), 4096):
        damaged[page + (100 if page == 0 else 0):page + 400] = b"\xff" * 300
    file.write_bytes(damaged)
    code, said = refused_start("conveyor", ["--data", str(tmp_path / "data"), *FREE])
    assert code == 1
    assert str(file) in said
    assert "backup" in said
    assert file.read_bytes() == damaged


@pytest.mark.parametrize("text, where, expected", [
    ('{\n  "server": {\n    "maxBodyBytes": "lots"\n  }\n}\n', "appsettings.json:3: server:maxBodyBytes", 'expected an integer, got "lots"'),
    ('{\n  "server": {\n    "requestTimeout": "soon"\n  }\n}\n', "appsettings.json:3: server:requestTimeout", "expected a duration"),
    ('{\n  "messaging": {\n    "concurrency": 0\n  }\n}\n', "messaging:concurrency is set by ./appsettings.json:3", "must be 1 to 10000"),
    ('{\n  "sqlite": {\n    "queueLimit": 0\n  }\n}\n', "sqlite:queueLimit is set by ./appsettings.json:3", "must be at least 1"),
    ('{\n  "orders": {\n    "sqlite": {\n      "readConnections": "many"\n    }\n  }\n}\n', "appsettings.json:4: sqlite:readConnections", "expected an integer"),
    ('{\n  "server": {\n    "maxBodyBytes": 12,,\n  }\n}\n', "appsettings.json:3", "expected a key in double quotes"),
])
def test_malformed_configuration_is_told_with_its_place_and_what_is_expected(tmp_path, text, where, expected):
    (tmp_path / "appsettings.json").write_text(text)
    code, said = refused_start("conveyor", ["--data", "data", *FREE], cwd=tmp_path)
    assert code == 1
    assert any(where in line and expected in line for line in said.splitlines()), said


def test_every_mistake_of_a_file_is_told_at_once(tmp_path):
    (tmp_path / "appsettings.json").write_text('{\n  "server": {\n    "maxBodyBytes": "lots",\n    "requestTimeout": "soon"\n  }\n}\n')
    code, said = refused_start("hello", ["--urls", "http://127.0.0.1:0"], cwd=tmp_path)
    assert code == 1
    assert "appsettings.json:3: server:maxBodyBytes" in said
    assert "appsettings.json:4: server:requestTimeout" in said


@pytest.mark.parametrize("arguments, place, expected", [
    (["--orders", "70000"], "--orders", "a port from 0 to 65535"),
    (["--server:requestTimeout=soon"], "--server:requestTimeout", "expected a duration"),
    (["--dta", "x"], "--dta", "did you mean --data?"),
    (["colour"], "colour", "--help"),
])
def test_a_wrong_argument_is_named(tmp_path, arguments, place, expected):
    code, said = refused_start("conveyor", ["--data", "data", *FREE, *arguments], cwd=tmp_path)
    assert code == 1
    assert place in said
    assert expected in said


def test_a_start_that_lacks_memory_or_threads_says_so(tmp_path):
    """Whatever fails first: the program says what it lacks, and does not crash."""
    said = set()
    for limit in range(50_000, 90_000, 10_000):  # KiB: no room for the threads
        code = f'ulimit -v {limit}; exec "{BINARIES}/trouble" --data "{tmp_path}/{limit}" --urls http://127.0.0.1:0'
        started = subprocess.Popen(["bash", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
        try:
            output, _ = started.communicate(timeout=3)
        except subprocess.TimeoutExpired:
            started.kill()  # it runs
            started.communicate()
            continue
        last = output.strip().splitlines()[-1] if output.strip() else ""
        if "error while loading shared libraries" in output:
            continue
        assert started.returncode == 1, f"{limit} KiB: {started.returncode}\n{output}"
        assert last.startswith("trouble: "), f"{limit} KiB:\n{output}"
        said.add(last.split(": ", 1)[1][:30])
    assert said, "every one started"
