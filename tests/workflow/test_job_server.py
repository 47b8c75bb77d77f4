"""Small jobs through the job server: as in a process of their own, whatever happens to it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.commands import ENVIRONMENT, ROOT, edit, planned, run, snakemake

RUN = "results/synthetic/runs/finetune/seed0"
TRAIN = ("rawm", "train", "--study", "synthetic", "--method", "finetune", "--seed", "0", "--task", "1")
ONE_THREAD = dict.fromkeys(
    [*(f"{name}_NUM_THREADS" for name in ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")), "VECLIB_MAXIMUM_THREADS"], "1"
)  # as Snakemake says to jobs
FILES = ["detector.safetensors", "history.jsonl", "memory.safetensors"]
LONG = ("studies/synthetic.yaml", "epochs: 60", "epochs: 1500")  # ten seconds and more


def wait_for(condition, seconds=600):
    """Wait until something is true, and return it."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
    return value


def processes(folder):
    """Processes that work in a folder: number -> command line."""
    found = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{name}/cwd") == str(folder):
                found[int(name)] = Path(f"/proc/{name}/cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found


def servers(folder):
    """Numbers of the job server and of the jobs that it has forked, the server first."""
    return sorted(number for number, command in processes(folder).items() if "job_server.serve" in command)


def remains(folder):
    """Files of task 1 that are there, temporary ones included."""
    return sorted(path.name for path in (folder / RUN / "task1").glob("*"))


def started(folder):
    """Whether task 1 trains: its log shows progress."""
    log = folder / "results/synthetic/logs/train_task/finetune_seed0_task1.log"
    return log.is_file() and "task 1/3" in log.read_text()


@pytest.fixture
def untrained(study, tmp_path):
    """The finished study without one of its runs."""
    folder = tmp_path / "study"
    shutil.copytree(study, folder, copy_function=shutil.copy2)
    shutil.rmtree(folder / RUN)
    return folder


@pytest.fixture
def workflow(untrained):
    """Snakemake that trains task 1 of the run for some seconds, in a process group of its own."""
    edit(untrained, *LONG)
    shutil.rmtree(untrained / "results/synthetic/logs/train_task")
    command = ["snakemake", "--snakefile", str(ROOT / "workflow/Snakefile"), "--config", "study=synthetic"]
    process = subprocess.Popen(
        [*command, "--cores", "1", f"{RUN}/task1/detector.safetensors"],
        cwd=untrained,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(lambda: started(untrained))
        assert len(servers(untrained)) == 2
        yield process
    finally:
        process.kill()
        for number in processes(untrained):
            os.kill(number, signal.SIGKILL)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Variables of a process that started a job server, and the folder of the server."""
    code = "from rawm.cli import job_server; print(job_server.start(), flush=True); input()"
    folder, variables = tmp_path_factory.mktemp("server"), ENVIRONMENT | ONE_THREAD
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=variables,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    usage = process.stdout.readline().strip()
    assert os.stat(usage).st_mode & 0o777 == 0o700
    yield variables | {"RAWM_JOB_SERVER": f"{usage}/socket"}, usage
    process.communicate("\n")
    assert not os.path.exists(usage)
    assert not processes(folder)


def test_results_are_those_of_plain_starts_and_the_jobs_resources_are_known(finished, untrained):
    for number in (1, 2, 3):
        run(*TRAIN[:-1], str(number), folder=untrained)
    run("rawm", "evaluate", *TRAIN[2:-2], folder=untrained)
    files = [f"task{number}/{name}.safetensors" for number in (1, 2, 3) for name in ("detector", "memory")]
    for name in [*files, "scores.parquet"]:
        assert (untrained / RUN / name).read_bytes() == (finished / RUN / name).read_bytes(), name
    measured = (finished / "results/synthetic/benchmarks/train_task/finetune_seed0_task1.tsv").read_text().splitlines()
    numbers = dict(zip(*(line.split("\t") for line in measured), strict=True))
    assert numbers["max_vms"] == "-"  # else Snakemake has measured a process of its own
    assert 0.1 < float(numbers["cpu_time"]) <= float(numbers["s"])
    assert 150 < float(numbers["max_rss"]) < 2000


def test_interrupting_leaves_no_process_and_no_half_file(workflow, untrained):
    os.killpg(workflow.pid, signal.SIGINT)  # as Ctrl-C in a terminal
    assert workflow.wait() != 0
    wait_for(lambda: not processes(untrained))
    assert remains(untrained) == []


def test_a_killed_workflow_ends_the_server_after_its_jobs_and_make_run_says_how_to_go_on(workflow, untrained):
    """Kind: what a run leaves behind stops the same command, or is taken for a result.

    Reported: SIGKILL of Snakemake, which leaves a lock. Others, here and in the tests beside: jobs that go on alone,
    half-written files, Ctrl-C, a job server that is killed.
    """
    workflow.kill()
    workflow.wait()
    assert len(servers(untrained)) == 2  # the job goes on, as a job of its own process does
    wait_for(lambda: not processes(untrained))
    assert remains(untrained) == FILES
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, untrained)
    (untrained / "workflow").symlink_to(ROOT / "workflow")
    (untrained / ".venv").mkdir()
    (untrained / ".venv/installed").touch()  # the environment of this test is in PATH
    status, text = run("make", "run", "STUDY=synthetic", "CORES=1", folder=untrained, check=False)
    assert status != 0 and "a killed one left its lock: make unlock, then the same command again" in text
    run("make", "unlock", folder=untrained)
    assert planned(untrained)["evaluate_run finetune"] == 1
    for page in ("README.md", "docs/running.md"):
        assert "`snakemake --unlock`" in (ROOT / page).read_text(encoding="utf-8")


def test_a_job_survives_its_server(workflow, untrained):
    os.kill(servers(untrained)[0], signal.SIGKILL)
    wait_for(lambda: not servers(untrained))
    assert workflow.wait() == 0  # it was started again, in its own process
    assert remains(untrained) == FILES


def test_a_failing_job_shows_its_error(untrained):
    edit(untrained, "methods/finetune.yaml", "learning_rate: ", "learning_rate: 1.0e+30  # ")
    status, text = snakemake(untrained, "--cores", "1", f"{RUN}/task1/detector.safetensors", check=False)
    assert status == 1
    assert "rawm: task 1, epoch 1: training diverged" in text
    assert "Traceback" not in text
    assert remains(untrained) == []


def test_edited_code_is_noticed(untrained, tmp_path):
    code = tmp_path / "code"
    for name in ("rawm", "workflow"):
        shutil.copytree(ROOT / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
    variables = ONE_THREAD | {"PYTHONPATH": str(code)}
    script = f"""
import subprocess
from pathlib import Path
from rawm.cli import job_server
folder = job_server.start()
for edited in (False, True):
    if edited:
        file = Path({str(code / "rawm/errors.py")!r})
        file.write_text(file.read_text() + "print('edited')\\n")
    client = subprocess.Popen({TRAIN[:-1]!r} + ("9",), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text = client.communicate()[0]
    print([text, client.returncode, job_server.usage(folder, client.pid) is not None])
"""
    _, text = run(sys.executable, "-c", script, folder=untrained, variables=variables)
    first, second = text.splitlines()
    problem = "rawm: --task 9: study synthetic has 3 tasks\\n"
    assert first == f"['{problem}', 1, True]"
    assert second == f"['edited\\n{problem}', 1, False]"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_reach_the_job(server, untrained, number):
    variables, _ = server
    edit(untrained, *LONG)
    with open(untrained / "log", "w+") as log:
        client = subprocess.Popen(TRAIN, cwd=untrained, env=variables, stdout=log, stderr=log)
        wait_for(lambda: "task 1/3" in (untrained / "log").read_text())
        assert len(processes(untrained)) == 2  # the client and the job
        client.send_signal(number)
        assert client.wait(600) == (130 if number == signal.SIGINT else -number)
    wait_for(lambda: not processes(untrained))
    assert remains(untrained) == []
    assert "Traceback" not in (untrained / "log").read_text()


def test_the_umask_and_the_folder_are_the_clients(server, untrained):
    variables, folder = server
    command = f"umask 027 && {' '.join(TRAIN)} && echo $$"
    done = subprocess.run(
        ["bash", "-c", command], cwd=untrained, env=variables, capture_output=True, text=True, check=True
    )
    assert (untrained / RUN / "task1/detector.safetensors").stat().st_mode & 0o777 == 0o640
    assert [name for name in os.listdir(folder) if done.stdout.strip() in name.split("-")]  # the server ran it


@pytest.mark.parametrize("more", [{"OMP_NUM_THREADS": "2"}, {"RAWM_CORPORA": "/data"}])
def test_other_variables_need_a_plain_start(server, untrained, more):
    variables, folder = server
    before = os.listdir(folder)
    status, text = run(*TRAIN[:-1], "9", folder=untrained, variables=variables | more, check=False)
    assert (status, text) == (1, "rawm: --task 9: study synthetic has 3 tasks\n")
    assert os.listdir(folder) == before


def test_the_client_loads_nothing_that_takes_long():
    code = "import sys; before = set(sys.modules); import rawm.cli.job_client; print(*(set(sys.modules) - before))"
    loaded = run(sys.executable, "-c", code, folder=ROOT)[1].split()
    assert len(loaded) < 50 and not {"typing", "typer", "pydantic", "numpy", "torch"} & set(loaded)
