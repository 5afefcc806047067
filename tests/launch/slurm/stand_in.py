"""A SLURM of one file: ``sbatch``, ``squeue``, ``scancel``, ``scontrol`` and ``sacct`` that run tasks as processes of this machine.

There is no daemon: each call first looks which processes have ended, and starts tasks for which there is room. Files in the
state's folder make it misbehave: ``fail-NAME`` (the program says its text and fails), ``slow-NAME`` (it takes so many
seconds), ``instant`` (each call ends as many tasks well as may run, without a process). ``calls.log`` has a line for each call.
"""

# ruff: noqa: T201 - programs print
import contextlib
import fcntl
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

MAX_ARRAY = 1001
LIVING = ("PENDING", "RUNNING", "COMPLETING")


def install(folder):
    """Put the programs into a folder of the state's; gives the folder for PATH."""
    (folder / "bin").mkdir(parents=True)
    for name in ("sbatch", "squeue", "scancel", "scontrol", "sacct"):
        path = folder / "bin" / name
        words = shlex.join([sys.executable, "-I", "-S", __file__, str(folder), name])
        path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        path.chmod(0o755)
    return folder / "bin"


class Cluster:
    """The state, held by one call at a time."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.lock = (self.folder / "lock").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        path = self.folder / "state.json"
        self.jobs = json.loads(path.read_text()) if path.exists() else {}
        return self

    def __exit__(self, *_):
        aside = self.folder / "state.tmp"
        aside.write_text(json.dumps(self.jobs))
        aside.replace(self.folder / "state.json")
        self.lock.close()

    def advance(self):
        for number, job in self.jobs.items():
            for index, task in job["tasks"].items():
                if task["state"] in ("RUNNING", "COMPLETING") and is_gone(task["pid"]):
                    self.ended(number, index, task)
            if job["after"] and self.is_under_way(job["after"]):
                continue
            if (self.folder / "instant").exists():
                pending = [index for index, task in job["tasks"].items() if task["state"] == "PENDING"]
                for index in pending[: job["at_once"]]:
                    self.end_well(job, index)
                continue
            for index, task in job["tasks"].items():
                busy = sum(one["state"] in ("RUNNING", "COMPLETING") for one in job["tasks"].values())
                if task["state"] == "PENDING" and busy < job["at_once"]:
                    self.start(number, job, index, task)

    def is_under_way(self, number):
        return any(task["state"] in LIVING for task in self.jobs.get(number, {"tasks": {}})["tasks"].values())

    def end_well(self, job, index):
        path = Path(job["folder"]) / "ends" / f"{index}.json"
        path.write_text('{"exit_code": 0, "message": ""}')
        job["tasks"][index]["state"] = "COMPLETED"

    def start(self, number, job, index, task):
        code = self.code(number, index)
        code.unlink(missing_ok=True)
        environment = {
            **os.environ,
            "SLURM_JOB_ID": f"9{number}{index}",
            "SLURM_ARRAY_JOB_ID": number,
            "SLURM_ARRAY_TASK_ID": index,
            "SLURM_PROCID": "0",
            "SLURM_NTASKS": "1",
        }
        if task["restarts"]:
            environment["SLURM_RESTART_COUNT"] = str(task["restarts"])
        # A shell that is no parent's child any more writes down how the task ended.
        lines = 'bash "$1" & echo $! >"$2.pid"; wait $!; echo $? >"$2"'
        with (Path(job["folder"]) / job["output"].replace("%a", index)).open("ab") as output:
            subprocess.Popen(
                ["sh", "-c", lines, "sh", job["script"], str(code)],
                cwd=job["folder"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        pid = Path(f"{code}.pid")
        while not (pid.exists() and pid.read_text().endswith("\n")):
            time.sleep(0.01)
        task |= {"state": "RUNNING", "pid": int(pid.read_text())}
        pid.unlink()

    def ended(self, number, index, task):
        code = self.code(number, index)
        end = time.monotonic() + 2
        while not code.exists() and time.monotonic() < end:
            time.sleep(0.01)
        task["code"] = int(code.read_text() or 1) if code.exists() else 1
        if task.pop("again", False):
            task |= {"state": "PENDING", "restarts": task["restarts"] + 1}
        elif task.pop("cancelled", False):
            task["state"] = "CANCELLED"
        else:
            task["state"] = "FAILED" if task["code"] else "COMPLETED"

    def code(self, number, index):
        return self.folder / f"code-{number}-{index}"

    def chosen(self, words):
        """The tasks that words name: ``5``, ``5_3``, ``5_[0-2,7]``, ``--name=...``."""
        for word in words:
            number, _, indices = word.partition("_")
            for own, job in self.jobs.items():
                if word == f"--name={job['name']}" or own == number:
                    wanted = numbers(indices.strip("[]")) if indices else None
                    for index, task in job["tasks"].items():
                        if wanted is None or int(index) in wanted:
                            yield own, index, task


def numbers(text):
    found = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def terminate(pid):
    """All processes of a task, as SLURM does it; children first."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has ended since
            for child in children.read_text().split():
                terminate(int(child))
    if pid != os.getpid():  # the task itself may be asking
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def fail(words):
    print(words, file=sys.stderr)
    sys.exit(1)


def sbatch(cluster, words):
    script = Path(words[-1])
    text = script.read_text()
    lines = [line for line in text.splitlines() if line.startswith("#SBATCH ")]
    given = [word for line in lines for word in shlex.split(line.removeprefix("#SBATCH "))]
    options = dict(word.partition("=")[::2] for word in [*given, *words[:-1]])
    if options.get("--partition", "main") != "main":
        fail(
            f"sbatch: error: invalid partition specified: {options['--partition']}\nsbatch: error: Batch job submission failed: Invalid partition name specified"
        )
    last, at_once = re.fullmatch(r"0-(\d+)%(\d+)", options["--array"]).groups()
    if int(last) >= limit(cluster):
        fail("sbatch: error: Batch job submission failed: Invalid job array specification")
    number = str(100 + len(cluster.jobs))
    copy = cluster.folder / f"script-{number}"
    copy.write_text(text)
    cluster.jobs[number] = {
        "name": options["--job-name"],
        "folder": str(Path.cwd()),
        "script": str(copy),
        "output": options["--output"],
        "options": options,
        "at_once": int(at_once),
        "after": options.get("--dependency", "").rpartition(":")[2],
        "tasks": {
            str(index): {"state": "PENDING", "restarts": 0, "pid": 0} for index in range(int(last) + 1)
        },
    }
    cluster.advance()
    print(number)


def squeue(cluster, words):
    options = dict(word.partition("=")[::2] for word in words)
    names = options["--name"].split(",")
    assert options["--format"] == "%F %K %T %j"
    for number, job in cluster.jobs.items():
        for index, task in job["tasks"].items():
            if job["name"] in names and task["state"] in LIVING:
                print(number, index, task["state"], job["name"])


def scancel(cluster, words):
    options = [word for word in words if word.startswith("-") and not word.startswith("--name")]
    for _, _, task in cluster.chosen([word for word in words if word not in options]):
        if options:  # --signal=TERM --batch
            os.kill(task["pid"], signal.SIGTERM)
        elif task["state"] == "PENDING":
            task["state"] = "CANCELLED"
        elif task["state"] == "RUNNING":
            task |= {"state": "COMPLETING", "cancelled": True}
            terminate(task["pid"])


def scontrol(cluster, words):
    words = [word for word in words if word != "--oneliner"]
    if words[:2] == ["show", "config"]:
        print(
            f"Configuration data as of now\nMaxArraySize            = {limit(cluster)}\nMaxJobCount = 10000"
        )
    elif words[0] == "requeue":
        for _, _, task in cluster.chosen(words[1:]):
            task |= {"state": "COMPLETING", "again": True}
            terminate(task["pid"])
    else:
        found = [*cluster.chosen(words[2:])]
        if not found:
            fail("slurm_load_jobs error: Invalid job id specified")
        for number, index, task in found:
            print(
                f"JobId=9{number}{index} ArrayJobId={number} ArrayTaskId={index} JobState={task['state']} Reason=None ExitCode={task.get('code', 0)}:0"
            )


def sacct(cluster, words):
    fail("Slurm accounting storage is disabled")


def limit(cluster):
    path = cluster.folder / "max-array"
    return int(path.read_text()) if path.exists() else MAX_ARRAY


def main(folder, name, words):
    with (folder / "calls.log").open("a") as log:
        log.write(f"{name} {shlex.join(words)}\n")
    for path in folder.glob(f"slow-{name}"):
        time.sleep(float(path.read_text()))
    for path in folder.glob(f"fail-{name}"):
        fail(path.read_text())
    with Cluster(folder) as cluster:
        cluster.advance()
        {"sbatch": sbatch, "squeue": squeue, "scancel": scancel, "scontrol": scontrol, "sacct": sacct}[name](
            cluster, words
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
