"""Give a command to the job server, and behave as the process that runs it.

Only what starts within milliseconds is imported here. `rawm/cli/job_server.py` is the other side.
"""

import json
import os
import signal
import socket
import sys

import rawm

FIRST_ANSWER_S = 120  # the server may still load torch
LENGTH = 4  # bytes of a length or a wait status, big-endian
HELLO, ACCEPTED = b"h", b"a"
FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTSTP", "SIGCONT")


def hand_over(address: str) -> None:
    """Let the job server run this command, and exit as it does; return where the command must be run here."""
    with socket.socket(socket.AF_UNIX) as server:
        try:
            if not _accepted(server, address):
                return
            _forward_signals(server)
            answer = server.recv(LENGTH, socket.MSG_WAITALL)
        except OSError:
            answer = b""
        if len(answer) == LENGTH:
            _exit_as(int.from_bytes(answer))
    # The server was killed, and the job with it: it is started again here.
    for name in FORWARDED:
        number = getattr(signal, name)
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)


def identity() -> list[str]:
    """What client and server must have in common: the interpreter and the package."""
    return [sys.prefix, *map(os.path.realpath, rawm.__path__)]


def _accepted(server: socket.socket, address: str) -> bool:
    """Connect, send the command with the files of this process, and return whether the server runs it."""
    server.settimeout(FIRST_ANSWER_S)
    server.connect(address)
    if server.recv(1) != HELLO:
        return False
    server.settimeout(None)
    socket.send_fds(server, [HELLO], [0, 1, 2])
    text = json.dumps(_request()).encode()
    server.sendall(len(text).to_bytes(LENGTH) + text)
    return server.recv(1) == ACCEPTED


def _request() -> dict[str, object]:
    mask = os.umask(0)
    os.umask(mask)
    return {
        "argv": sys.argv,
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "umask": mask,
        "identity": identity(),
        "process": f"{os.getpid()}-{os.getppid()}",
    }


def _forward_signals(server: socket.socket) -> None:
    """Send the signals that this process gets to the one that runs the job; those that are ignored stay ignored."""

    def forward(number: int, frame: object) -> None:
        stop = number == signal.SIGTSTP
        server.sendall(bytes([signal.SIGSTOP if stop else number]))
        if stop:
            os.kill(os.getpid(), signal.SIGSTOP)

    for name in FORWARDED:
        number = getattr(signal, name)
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, forward)


def _exit_as(status: int) -> None:
    """End as the process whose wait status this is."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code & 0xFF)
