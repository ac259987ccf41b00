"""A PostgreSQL server and a RabbitMQ node of one's own: own folder, free ports, ended by process id, and by the kernel if this process dies."""

import ctypes
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import time

USER = "conveyor"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Server:
    """A process whose log says when it is ready."""

    def __init__(self, folder, sign, program, arguments, environment=None, **identity):
        self.sign, self.log = sign, folder / f"{pathlib.Path(program).name}.log"
        with open(self.log, "wb") as log:
            # A group of its own: what it starts ends with it, and a Ctrl-C is for the demo alone.
            self.process = subprocess.Popen([program, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                            env={**os.environ, **(environment or {})}, start_new_session=True, preexec_fn=die_with_parent, **identity)

    def wait_until_ready(self, seconds=120):
        deadline = time.monotonic() + seconds
        while self.sign not in self.log.read_text(errors="replace"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.process.args[0]} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # what it left
        except ProcessLookupError:
            pass
        self.process.wait()


class PostgreSQL:
    def __init__(self, folder):
        folder.mkdir()
        identity = {}
        if os.geteuid() == 0:  # it refuses to run as root
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        # Debian keeps the server's programs off the PATH, a folder a version.
        programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
        subprocess.run([programs / "initdb", "-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                       cwd=folder, check=True, stdout=subprocess.DEVNULL, **identity)
        self.port = free_port()
        self.server = Server(folder, "ready to accept connections", str(programs / "postgres"),
                             ["-D", str(folder / "data"), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
                              "-c", "unix_socket_directories="], **identity)

    def wait_until_ready(self):
        self.server.wait_until_ready()

    @property
    def connection_string(self):
        return f"Host=127.0.0.1;Port={self.port};Database=postgres;Username={USER}"

    def stop(self):
        self.server.stop(signal.SIGINT)


class RabbitMQ:
    def __init__(self, folder):
        folder.mkdir()
        self.port, distribution, names = free_port(), free_port(), free_port()
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.default = 127.0.0.1:{self.port}\ndisk_free_limit.absolute = 1MB\n")
        (folder / "enabled_plugins").write_text("[].\n")
        # Before the node: one that finds no epmd starts a daemon, which would stay.
        self.epmd = Server(folder, "epmd running", "epmd", ["-d", "-port", str(names), "-address", "127.0.0.1"])
        self.epmd.wait_until_ready()
        self.node = Server(folder, "startup complete", "/usr/lib/rabbitmq/bin/rabbitmq-server", ["-noinput"], {
            "HOME": str(folder), "LC_ALL": "C.UTF-8",
            "ERL_EPMD_PORT": str(names), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"conveyor{self.port}@localhost", "RABBITMQ_NODE_PORT": str(self.port), "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"), "RABBITMQ_LOG_BASE": str(folder / "log"), "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"), "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_SERVER_ERL_ARGS": "+S 1:1 +sbwt none +stbt db"})

    def wait_until_ready(self):
        self.node.wait_until_ready()

    def stop(self):
        self.node.stop()  # its data goes with it
        self.epmd.stop(signal.SIGTERM)
