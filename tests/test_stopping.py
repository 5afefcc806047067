"""A signal ends a command with a line and its exit code, at whatever moment it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tinyexp import stopping
from tinyexp.config.load import load_experiment
from tinyexp.errors import InterruptedRunError
from tinyexp.launch.tryout import try_run

ROOT = Path(stopping.__file__).parents[1]
CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 143, "SIGUSR1": 143}
HOOK = """
import importlib.abc, os, signal, sys
class Hook(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r} and os.environ.pop("SEND", ""):
            os.kill(os.getpid(), signal.{sent})
sys.meta_path.insert(0, Hook())
"""
"""A ``sitecustomize`` that sends the signal as a module begins to be loaded."""
MODULES = ["tinyexp.cli", "pydantic", "tinyexp.launch.session", "tinyexp.launch.local"]


def prepared() -> None:
    """As a shell starts a command in the foreground."""
    for name in CODES:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def signalled(sent: str, module: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command, given in a folder, that gets a signal as it begins to load a module."""
    (folder / "sitecustomize.py").write_text(HOOK.format(module=module, sent=sent))
    return subprocess.run(
        [sys.executable, "-m", "tinyexp", *words],
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "SEND": "yes"},
        cwd=folder,
        preexec_fn=prepared,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("sent", "module"), [*((sent, "click.core") for sent in CODES), *(("SIGINT", name) for name in MODULES)]
)
def test_a_signal_while_a_command_is_being_loaded_is_a_line_and_its_code(
    tmp_path: Path, sent: str, module: str
) -> None:
    done = signalled(sent, module, tmp_path, "run-all", "--only", "tiny-design1", "--runs", "runs")
    assert done.returncode == CODES[sent], done
    assert done.stderr.splitlines()[-1] in {
        f"tinyexp: stopped by {sent}; give the same command again to go on.",
        "tinyexp: stopped, nothing is lost. To go on: tinyexp run-all --only tiny-design1 --runs runs",
    }
    assert "Traceback" not in done.stderr
    assert "Aborted" not in done.stderr


def test_a_signal_while_something_is_loaded_in_the_midst_of_work_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    """Some modules are loaded only where a report needs them, and loading may take seconds on a busy machine."""
    runs, out = ROOT / "reports" / "embedded" / "runs", tmp_path / "reports" / "new"
    done = signalled(
        "SIGINT", "tinyexp.selfcheck", tmp_path, "report", "--runs", str(runs), "--out", str(out)
    )
    assert done.returncode == CODES["SIGINT"], done
    assert done.stderr == "tinyexp: stopped by SIGINT; give the same command again to go on.\n"
    assert list(out.parent.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("sent", CODES)
def test_a_signal_at_any_moment_from_the_start_is_a_line_and_its_code(tmp_path: Path, sent: str) -> None:
    """Until Python itself has begun, which takes it some 20 ms, nothing of ours can hear a signal.

    Sixteen moments in a second and a half, which the four signals have in turn: one hears as another does.
    """
    for moment in range(list(CODES).index(sent), 16, len(CODES)):
        asked = subprocess.Popen(
            [sys.executable, "-m", "tinyexp", "run-all", "--only", "tiny-design*", "--runs", str(tmp_path)],
            preexec_fn=prepared,  # noqa: PLW1509 - a test has one thread
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(0.1 * (1 + moment))
        asked.send_signal(getattr(signal, sent))
        _, said = asked.communicate(timeout=60)
        assert asked.returncode == CODES[sent], (moment, said)
        assert said.splitlines()[-1].startswith("tinyexp: stopped")
        assert "Traceback" not in said


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A small program in which ``send`` sends it the signal."""
    head = "import os, signal, sys\nfrom tinyexp import stopping\nsend = lambda: os.kill(os.getpid(), signal.SIGTERM)\n"
    return subprocess.run(
        [sys.executable, "-c", head + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_a_command_has_begun_is_cleared_away_as_it_stops() -> None:
    done = run("stopping.hear()\ntry:\n    send()\nfinally:\n    print('cleared')\n")
    assert done.stdout == "cleared\n"


def test_a_second_signal_leaves_at_once() -> None:
    done = run("stopping.hear()\ntry:\n    send()\nfinally:\n    send()\n    print('never')\n")
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == "tinyexp: stopped by SIGTERM; give the same command again to go on.\n"


def test_whoever_hears_signals_by_the_time_a_module_is_loaded_is_told(tmp_path: Path) -> None:
    """And once the command is over, nothing is raised any more."""
    (tmp_path / "loaded.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    code = (
        "sys.path.insert(0, sys.argv[1])\nstopping.hear()\nimport loaded\nwith stopping.heeded() as asked:\n"
    )
    done = run(f"{code}    print(asked(), flush=True)\n    import time; time.sleep(0.1)\n", str(tmp_path))
    assert done.stdout == "143\n"
    over = "sys.path.insert(0, sys.argv[1])\nstopping.hear()\nimport loaded, time\nstopping.deafen(3)\ntime.sleep(0.1)\nsys.exit(3)"
    done = run(over, str(tmp_path))
    assert (done.returncode, done.stderr) == (3, "")


def test_a_signal_that_a_library_swallows_is_not_forgotten() -> None:
    done = run(
        "stopping.hear()\ntry:\n    send()\nexcept BaseException:\n    pass\nprint(stopping.code_so_far())"
    )
    assert done.stdout == "143\n"


def test_a_signal_where_nothing_can_be_raised_leaves_at_once() -> None:
    done = run("stopping.hear()\nclass A:\n    def __del__(self): send()\nA()\nprint('never')\n")
    assert (done.returncode, done.stdout) == (143, "")
    assert "Traceback" not in done.stderr


def test_what_whoever_started_it_has_it_ignore_stays_ignored() -> None:
    """As ``nohup`` does with the signal of a terminal that vanishes."""
    done = run(
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nstopping.hear()\nos.kill(os.getpid(), signal.SIGHUP)\nprint(1)"
    )
    assert (done.returncode, done.stdout) == (0, "1\n")


def test_a_command_that_is_over_keeps_its_exit_code() -> None:
    done = run("stopping.hear()\nstopping.deafen(3)\nimport atexit\natexit.register(send)\nsys.exit(3)")
    assert (done.returncode, done.stderr) == (3, "")


def test_a_process_that_is_started_hears_no_terminal_before_it_is_ready() -> None:
    child = "import os, signal; from tinyexp import stopping; os.kill(os.getpid(), signal.SIGUSR1); heard = []; stopping.hear_as_worker(lambda *_: heard.append(1)); print(len(heard))"
    done = run(
        "import subprocess\nwith stopping.held_back():\n"
        "    child = subprocess.Popen([sys.executable, '-c', sys.argv[1]])\nsys.exit(child.wait())\n",
        child,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_a_try_that_is_stopped_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while what trains is being loaded, which takes seconds."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = signal.getsignal(signal.SIGTERM)

    def stopped(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise InterruptedRunError("stopped", 143)

    monkeypatch.setattr("tinyexp.launch.tryout.prepare", stopped)
    with pytest.raises(stopping.Stopped) as end:
        try_run(load_experiment("tiny-design1", "embedded"), 0, Path("data"), print)
    assert end.value.exit_code == 143
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGTERM) is before
