"""A PostgreSQL server and a RabbitMQ node of one's own: own folder, free ports, ended by process id, and by the kernel if this process dies."""

import contextlib
import ctypes
import os
import pathlib
import pwd
import random
import signal
import socket
import subprocess
import time

USER = "conveyor"


def free_port():
    """Below those the kernel gives to clients: a server that is stopped for a while finds its port again."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


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

    def wait_until_ready(self, seconds=600):  # on a fresh machine that is busy, Erlang alone may take a minute
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
    """`settings`: more of postgresql.conf."""

    def __init__(self, folder, **settings):
        folder.mkdir()
        self.folder, self.settings, self.identity = folder, settings, {}
        if os.geteuid() == 0:  # it refuses to run as root
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            self.identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        # Debian keeps the server's programs off the PATH, a folder a version.
        self.programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
        subprocess.run([self.programs / "initdb", "-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                       cwd=folder, check=True, stdout=subprocess.DEVNULL, **self.identity)
        self.port = free_port()
        self.start()

    def start(self):
        more = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        self.server = Server(self.folder, "ready to accept connections", str(self.programs / "postgres"),
                             ["-D", str(self.folder / "data"), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
                              "-c", "unix_socket_directories=", *more], **self.identity)

    def wait_until_ready(self):
        self.server.wait_until_ready()

    @property
    def connection_string(self):
        return self.connection_string_by(self.port)

    def connection_string_by(self, port):
        return f"Host=127.0.0.1;Port={port};Database=postgres;Username={USER}"

    def rows(self, statement):
        """What a statement returns, as lists of texts; asked of the server itself, not of a service."""
        told = subprocess.run([self.programs / "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port),
                               "-U", USER, "-d", "postgres", "-c", statement], capture_output=True, text=True, timeout=300)
        if told.returncode != 0:
            raise RuntimeError(f"{statement}: {told.stderr}")
        return [line.split("\t") for line in told.stdout.splitlines()]

    def stop_at_once(self):
        """Ends without writing anything back, as in a power cut of the server alone; `start` recovers from the log."""
        self.server.stop(signal.SIGQUIT)

    def stop(self):
        self.server.stop(signal.SIGINT)


class RabbitMQ:
    """`settings`: more of the application `rabbit`, as Erlang terms."""

    def __init__(self, folder, **settings):
        folder.mkdir()
        self.folder = folder
        self.port, distribution, names = free_port(), free_port(), free_port()
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.default = 127.0.0.1:{self.port}\ndisk_free_limit.absolute = 1MB\n")
        more = "".join(f" -rabbit {name} {value}" for name, value in settings.items())
        (folder / "enabled_plugins").write_text("[].\n")
        # Before the node: one that finds no epmd starts a daemon, which would stay.
        self.epmd = Server(folder, "epmd running", "epmd", ["-d", "-port", str(names), "-address", "127.0.0.1"])
        self.epmd.wait_until_ready()
        self.environment = {
            "HOME": str(folder), "LC_ALL": "C.UTF-8",
            "ERL_EPMD_PORT": str(names), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"conveyor{self.port}@localhost", "RABBITMQ_NODE_PORT": str(self.port), "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"), "RABBITMQ_LOG_BASE": str(folder / "log"), "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"), "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}" + more,
            "RABBITMQ_SERVER_ERL_ARGS": "+S 1:1 +sbwt none"}
        self.start()

    def start(self):
        self.node = Server(self.folder, "startup complete", "/usr/lib/rabbitmq/bin/rabbitmq-server", ["-noinput"], self.environment)

    def wait_until_ready(self):
        self.node.wait_until_ready()

    def control(self, *words):
        """rabbitmqctl; takes a second or two. Returns what it said."""
        return subprocess.run(["/usr/lib/rabbitmq/bin/rabbitmqctl", "-q", *words], cwd=self.folder, env={**os.environ, **self.environment},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=True).stdout

    def kill(self):
        """SIGKILL; `start` finds its queues again."""
        self.node.stop()

    def stop(self):
        self.node.stop()  # its data goes with it
        self.epmd.stop(signal.SIGTERM)
