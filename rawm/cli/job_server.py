"""A process that has torch and the package loaded, and forks for each small job of a workflow.

Importing torch takes several times as long as training a task does. The workflow starts this process (`start`), and its
jobs find it by the variable RAWM_JOB_SERVER (`rawm/cli/job_client.py`). The fork that runs a job gets the command line,
environment, folder, umask, standard streams and signals of the job's own process. Where the outcome could differ, since
other code is on disk than was loaded, or variables or the package are others, a command is refused and runs in its own
process. The server has no threads and computes nothing. It ends with the process that started it, after the jobs that
run then.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import rawm
from rawm.cli.job_client import ACCEPTED, HELLO, LENGTH, identity

PRELOADED = ("study", "runs", "metrics", "features", "tasks", "detectors", "methods", "training")  # packages
#: Variables that no library reads while it is loaded, and that differ between jobs.
FREE = frozenset({"RAWM_JOB_SERVER", "TMPDIR", "TMP", "TEMP", "TEMPDIR", "_", "SHLVL", "PWD", "OLDPWD"})
THREADS = ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")
REQUEST_S = 10  # a client sends its command at once


def start() -> Path | None:
    """Start a server that ends with this process; its jobs' usage is in the folder returned.

    Sets RAWM_JOB_SERVER for the processes that this one starts. Where there can be no server, returns None.
    """
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return None
    folder = Path(tempfile.mkdtemp(prefix="rawm-"))  # of mode 0700
    watched, alive = os.pipe()
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(str(folder / "socket"))
        except OSError:  # the path is too long, or the file system has no sockets
            folder.rmdir()
            return None
        listener.listen(128)
        code = f"from rawm.cli import job_server; job_server.serve({listener.fileno()}, {watched}, {str(folder)!r})"
        variables = {f"{name}_NUM_THREADS": "1" for name in THREADS} | {"VECLIB_MAXIMUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(listener.fileno(), watched),
            start_new_session=True,  # signals of the terminal reach it through the clients, once
        )
    os.close(watched)
    os.environ["RAWM_JOB_SERVER"] = str(folder / "socket")

    @atexit.register
    def stop() -> None:
        os.close(alive)
        process.wait()

    return folder


class Usage(NamedTuple):
    """What a job used, as the kernel counted it."""

    cpu_s: float
    memory_mb: float  # the most at one time
    read_mb: float
    written_mb: float


def usage(folder: Path, process: int) -> Usage | None:
    """What the job used whose client, or whose client's parent, was this process; None where the server ran none.

    Can be asked once for each job, since numbers of processes return.
    """
    for file in [*folder.glob(f"{process}-*"), *folder.glob(f"*-{process}")]:
        text = file.read_text()
        file.unlink()
        return Usage(*json.loads(text)) if text else None
    return None


def serve(listener: int, watched: int, folder: str) -> None:
    """Run the jobs that clients of a listening socket ask for, until the other end of the pipe `watched` is closed."""
    server = Server(socket.socket(fileno=listener), watched, Path(folder))
    try:
        server.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Job(NamedTuple):
    """A job that runs: its client and its process."""

    client: socket.socket
    process: int  # a file descriptor, which no other process can take over
    number: int
    name: str  # under which its usage is looked up


class Server:
    def __init__(self, listener: socket.socket, watched: int, folder: Path) -> None:
        self.listener, self.watched, self.folder = listener, watched, folder
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ)
        self.selector.register(watched, selectors.EVENT_READ)
        self.jobs: list[Job] = []
        self.loaded: dict[str, tuple[int, int]] | None = None  # files of the package when it was loaded
        self.watching = True

    def run(self) -> None:
        """Handle one event after another: a client, a signal for a job, the end of a job, the end of the workflow."""
        while self.watching or self.jobs:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self.receive()
                elif key.fileobj == self.watched:
                    self.close()
                elif key.fileobj == key.data.process:
                    self.finish(key.data)
                else:
                    self.signal(key.data)

    def close(self) -> None:
        """Take no more jobs."""
        self.selector.unregister(self.listener)
        self.selector.unregister(self.watched)
        self.listener.close()
        self.watching = False

    def receive(self) -> None:
        """Read the command of a client and start it; close the connection where it must run elsewhere."""
        if not self.watching:
            return
        if self.loaded is None:
            self.loaded = package_files()
            preload()
        client, _ = self.listener.accept()
        client.settimeout(REQUEST_S)
        files: list[int] = []
        try:
            client.sendall(HELLO)
            _, files, _, _ = socket.recv_fds(client, 1, 3)
            length = int.from_bytes(client.recv(LENGTH, socket.MSG_WAITALL))
            request = json.loads(client.recv(length, socket.MSG_WAITALL))
            if len(files) == 3 and self.suits(request):
                client.sendall(ACCEPTED)
                client.settimeout(None)
                self.fork(client, files, request)
                return
        except (OSError, ValueError):
            pass  # the client has gone
        finally:
            for file in files:
                os.close(file)
        client.close()

    def suits(self, request: dict[str, Any]) -> bool:
        """Whether a fork of this process would run the command as its own process does."""
        theirs, ours = (
            {name: value for name, value in variables.items() if name not in FREE}
            for variables in (request["environment"], os.environ)
        )
        return (
            theirs == ours
            and request["identity"] == identity()
            and self.loaded == package_files()
            and len(os.listdir("/proc/self/task")) == 1
        )

    def fork(self, client: socket.socket, files: list[int], request: dict[str, Any]) -> None:
        """Start a job."""
        server, status = os.getpid(), 1
        number = os.fork()
        if number == 0:
            try:
                end_with(server)
                for other in self.jobs:
                    other.client.close()
                self.listener.close()
                os.close(self.watched)
                status = become(request, files)
            finally:
                os._exit(status)
        job = Job(client, os.pidfd_open(number), number, request["process"])
        self.jobs.append(job)
        self.selector.register(job.client, selectors.EVENT_READ, job)
        self.selector.register(job.process, selectors.EVENT_READ, job)

    def signal(self, job: Job) -> None:
        """Pass on the signals that a client got; without the client, kill its job."""
        if job not in self.jobs:
            return
        try:
            numbers = job.client.recv(64)
        except OSError:
            numbers = b""
        for number in numbers or [signal.SIGKILL]:
            signal.pidfd_send_signal(job.process, number)
        if not numbers:
            self.selector.unregister(job.client)

    def finish(self, job: Job) -> None:
        """Note what a job has used, and tell its client how it ended."""
        _, status, used = os.wait4(job.number, 0)
        cpu_s, blocks = used.ru_utime + used.ru_stime, 2048  # of 512 bytes in a MB
        numbers = (cpu_s, used.ru_maxrss / 1024, used.ru_inblock / blocks, used.ru_oublock / blocks)
        with suppress(OSError):
            (self.folder / job.name).write_text(json.dumps(numbers))
        self.jobs.remove(job)
        self.selector.unregister(job.process)
        os.close(job.process)
        if job.client in self.selector.get_map():
            self.selector.unregister(job.client)
            with suppress(OSError):  # the client has just been killed
                job.client.sendall(status.to_bytes(LENGTH))
        job.client.close()


def package_files() -> dict[str, tuple[int, int]]:
    """The package's modules: path -> time of the last change and size."""
    found = {}
    for folder, _, names in os.walk(rawm.__path__[0]):
        for name in names:
            if name.endswith(".py"):
                state = os.stat(path := os.path.join(folder, name))
                found[path] = state.st_mtime_ns, state.st_size
    return found


def preload() -> None:
    """Import what training and evaluation use; end where they would use a GPU, which a fork cannot share."""
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # does not start CUDA
    import torch

    if os.environ.get("RAWM_DEVICE") != "cpu" and (torch.cuda.is_available() or torch.backends.mps.is_available()):
        sys.exit()
    del os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"]
    from rawm.cli import verbs  # noqa: F401
    from rawm.training.eager import skip_compiler

    skip_compiler()
    for package in PRELOADED:
        for module in pkgutil.walk_packages([f"{rawm.__path__[0]}/{package}"], f"rawm.{package}."):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()  # else collections in the forks would copy all memory


def end_with(server: int) -> None:
    """Let this process be killed when the server ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != server:
        os._exit(1)


def become(request: dict[str, Any], files: list[int]) -> int:
    """Run the command in this process, as if it had been started for it, and return its exit status."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.umask(request["umask"])
    status = 0
    try:
        os.chdir(request["folder"])
        sys.argv = request["argv"]
        from rawm.cli.verbs import main

        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()  # as at the end of every Python process: wait for threads, then run exit handlers
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status & 0xFF
