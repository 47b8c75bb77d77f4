"""`rawm` commands as forks of one process that has the package loaded, and what can happen to them."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from support.commands import ENVIRONMENT, ROOT

ONE_THREAD = {"OMP_NUM_THREADS": "1", "RAWM_DEVICE": "cpu", "MLFLOW_DISABLE_TELEMETRY": "true"}


class Jobs:
    """Starts commands in folders. Each is a process of its own, which gets real signals and real limits.

    `harm` is what happens to a command. `kill` = n: SIGKILL right before its n-th file gets its name; `half`: after
    half of that file was written. `file_size`: the most bytes of a file.
    """

    def __enter__(self) -> "Jobs":
        variables = ENVIRONMENT | ONE_THREAD
        variables["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests"), variables.get("PYTHONPATH", "")])
        command = [sys.executable, "-c", "from support.jobs import serve; serve()"]
        self._process = subprocess.Popen(command, env=variables, stdin=-1, stdout=-1, text=True)
        self._output = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.communicate()
        self._output.cleanup()

    def _ask(self, **request: Any) -> int:
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def start(self, folder: Path, *arguments: object, **harm: Any) -> int:
        """Start a command; its process id."""
        argv = ["rawm", *map(str, arguments)]
        return self._ask(argv=argv, folder=str(folder), output=self._output.name, harm=harm)

    def wait(self, process: int) -> tuple[int, str]:
        """The exit status of a command, or minus the signal that ended it, and what it said."""
        status = self._ask(wait=process)
        return status, (Path(self._output.name) / str(process)).read_text()

    def run(self, folder: Path, *arguments: object, **harm: Any) -> tuple[int, str]:
        return self.wait(self.start(folder, *arguments, **harm))


def serve() -> None:
    """Fork for each line of standard input."""
    from rawm.cli import job_server

    job_server.preload()
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
        elif process := os.fork():
            print(process, flush=True)
        else:
            status = 1
            try:
                status = become(request)
            finally:
                os._exit(status)


def become(request: dict[str, Any]) -> int:
    from rawm.cli import job_server

    file = os.open(Path(request["output"]) / str(os.getpid()), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o666)
    nothing = os.open(os.devnull, os.O_RDONLY)
    suffer(**request["harm"])
    job = {"environment": dict(os.environ), "umask": 0o022, "argv": request["argv"], "folder": request["folder"]}
    return job_server.become(job, [nothing, file, file])


def suffer(kill: int = 0, half: bool = False, file_size: int = 0) -> None:
    """Prepare what happens to this process."""
    import resource
    import signal

    rename, named = os.replace, 0

    def replace(source: Any, target: Any, **options: Any) -> None:
        nonlocal named
        named += 1
        if named == kill:
            if half:
                os.truncate(source, os.stat(source).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, target, **options)

    if kill:
        os.replace = replace
    if file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))
