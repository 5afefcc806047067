"""A real SLURM of one node for as long as the tests last: munge, slurmctld and slurmd in a folder of their own; needs root.

python tests/launch/slurm/real_slurm.py COMMAND ...     runs a command beside it
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
CONFIGURATION = """
# A task that goes into the queue again begins once its credential is void: in ten seconds, where SLURM takes two minutes.
ClusterName=tinyexp
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
KillWait=60
OverTimeLimit=0
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """What is not installed, or not allowed; empty where SLURM can be started."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed; on Debian: apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "its daemons are started as root"


@contextlib.contextmanager
def running():
    """Start it; gives its configuration, for the variable SLURM_CONF. All that was started is ended."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short, as a socket's path has to be
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    path = folder / "slurm.conf"
    path.write_text(CONFIGURATION.format(folder=folder, host=host, ports=free_ports(2)))
    environment = os.environ | {"SLURM_CONF": str(path)}
    commands = [
        ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
        + [f"--{name}={folder}/munge.{name}" for name in ("pid-file", "log-file", "seed-file")],
        ["slurmctld", "-D", "-f", str(path)],
        ["slurmd", "-D", "-f", str(path), "-N", host],
    ]
    daemons = []
    try:
        for command in commands:
            log = (folder / f"{command[0]}.out").open("wb")
            daemons.append(
                subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
            )
            log.close()
            if command[0] == "munged":
                until((folder / "munge.socket").exists, folder)
        until(lambda: "idle" in answer(environment, "sinfo", "--noheader", "--format=%t"), folder)
        yield path
        subprocess.run(["scancel", "--user=root"], env=environment, check=False, timeout=60)
        until(lambda: not answer(environment, "squeue", "--noheader").strip(), folder)
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(30)
            daemon.kill()
            daemon.wait()
        shutil.rmtree(folder)


def answer(environment, *command):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout if done.returncode == 0 else ""


def until(condition, folder):
    end = time.monotonic() + 120
    while not condition():
        said = "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in folder.glob("*.log"))
        assert time.monotonic() < end, f"SLURM does not start or stop\n{said}"
        time.sleep(0.2)


def free_ports(count):
    """Ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


if __name__ == "__main__":
    if problem := missing():
        sys.exit(problem)
    with running() as configuration:
        sys.exit(
            subprocess.run(
                sys.argv[1:], env=os.environ | {"SLURM_CONF": str(configuration)}, check=False
            ).returncode
        )
