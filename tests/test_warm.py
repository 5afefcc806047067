"""What is begun warm is as what is begun as ever: the same streams, codes, signals and bits."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from multiprocessing import parent_process
from pathlib import Path

import pytest
import warm
from small_runs import SET, results, run_command, small_plan

ASKED = """
import os, sys, signal
print(os.getcwd(), sys.argv[1:], os.environ.get("MINE"), "OTHER" in os.environ, sys.stdin.read(), sorted(os.listdir("/proc/self/fd"))[:3])
print("said", file=sys.stderr)
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, signal.getsignal(signal.SIGINT) is signal.default_int_handler, len(os.listdir("/proc/self/fd")))
sys.exit(7)
"""


@pytest.fixture(autouse=True)
def _is_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc/self/task").exists():
        pytest.skip("without /proc all begins as ever")
    monkeypatch.delenv("TINYEXP_TESTS_COLD", raising=False)


def both(code: str, *arguments: str, **options: object) -> tuple[tuple[int, str, str], ...]:
    words = [sys.executable, "-c", code, *arguments]
    options = {"capture_output": True, "text": True, "timeout": 60, **options}
    done = (warm.run(words, **options), subprocess.run(words, check=False, **options))  # type: ignore[call-overload]
    return tuple((one.returncode, one.stdout, one.stderr) for one in done)


def test_streams_folder_environment_files_and_signals_are_the_same(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OTHER"} | {"MINE": "yes"}
    begun_warm, as_ever = both(ASKED, "a b", cwd=tmp_path, env=environment, input="given")
    assert begun_warm == as_ever
    assert begun_warm[0] == 7


@pytest.mark.parametrize(
    ("code", "returned"),
    [
        ("import sys; sys.exit('no')", 1),
        ("1 / 0", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("import os; os._exit(5)", 5),
        ("import atexit; atexit.register(print, 'over'); print('first')", 0),
        ("import threading; threading.Timer(0.2, print, ['late']).start()", 0),
    ],
)
def test_every_end_is_told_as_ever(code: str, returned: int) -> None:
    begun_warm, as_ever = both(code)
    assert begun_warm[:2] == as_ever[:2]
    assert begun_warm[0] == returned
    assert begun_warm[2].splitlines()[-1:] == as_ever[2].splitlines()[-1:]


def test_what_is_ignored_is_what_whoever_asks_ignores() -> None:
    code = "import signal; print([one.name for one in signal.valid_signals() if signal.getsignal(one) is signal.SIG_IGN])"
    told = []
    for handler in (signal.SIG_IGN, signal.default_int_handler):
        before = signal.signal(signal.SIGINT, handler)
        try:
            begun_warm, as_ever = both(code)
        finally:
            signal.signal(signal.SIGINT, before)
        assert begun_warm == as_ever
        told.append("'SIGINT'" in begun_warm[1])
    assert told == [True, False]


def test_all_processes_of_a_test_run_share_what_was_loaded() -> None:
    told = "import os; print(os.getppid())"
    ask = f"import sys, warm; sys.exit(warm.run([sys.executable, '-c', {told!r}]).returncode)"
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    ours = warm.run([sys.executable, "-c", told], capture_output=True, check=True)
    for name, is_shared in ((run, True), ("another", False)):
        environment = os.environ | {"PYTEST_XDIST_TESTRUNUID": name, "PYTHONPATH": str(Path(__file__).parent)}
        theirs = subprocess.run([sys.executable, "-c", ask], capture_output=True, check=True, env=environment)
        assert (theirs.stdout == ours.stdout) == is_shared


def test_a_script_has_its_folder_its_name_and_its_words(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("word = 'found'\n")
    script = tmp_path / "script.py"
    script.write_text("import sys, beside\nprint(beside.word, __name__, __file__, sys.argv)\nsys.exit(3)\n")
    words, told = [sys.executable, str(script), "a b"], {"capture_output": True, "text": True}
    begun_warm, as_ever = warm.run(words, **told), subprocess.run(words, check=False, **told)
    assert "found __main__" in begun_warm.stdout
    assert (begun_warm.returncode, begun_warm.stdout) == (as_ever.returncode, as_ever.stdout)


def test_one_that_takes_too_long_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.3)


def test_it_can_be_signalled_waited_for_and_asked_for_its_group() -> None:
    with warm.Popen(
        [sys.executable, "-c", "import os, time; print(os.getpgid(0), flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM
    assert process.poll() == -signal.SIGTERM


def test_what_changes_how_libraries_load_begins_as_ever(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").touch()
    words = [sys.executable, "-m", "tinyexp", "status"]
    assert warm._can_be_warm(words, os.environ)
    for variable, value in (("OMP_NUM_THREADS", "7"), ("LC_ALL", "xx_XX"), ("PYTHONPATH", str(tmp_path))):
        assert not warm._can_be_warm(words, {**os.environ, variable: value})
    assert not warm._can_be_warm(["bash", "-c", "true"], os.environ)


@pytest.mark.slow
def test_a_run_has_the_same_bits(tmp_path: Path) -> None:
    for folder, run in (("warm", warm.run), ("cold", subprocess.run)):
        done = run(run_command(tmp_path / folder), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert results(small_plan(tmp_path / "warm")) == results(small_plan(tmp_path / "cold"))
    assert SET, "what the runs were trained with"


def _work(number: int, folder: str) -> None:
    parent = parent_process()
    assert parent is not None
    assert parent.is_alive()
    (Path(folder) / "done").write_text(f"{Path.cwd()} {'torch' in sys.modules}")
    if number < 0:
        os.kill(os.getpid(), -number)
    sys.exit(number)


@pytest.mark.parametrize("number", [0, 3, -signal.SIGKILL])
def test_a_worker_that_is_spawned_is_warm_and_ends_as_ever(tmp_path: Path, number: int) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(number, str(tmp_path)))
    process.start()
    process.join(60)
    assert process.exitcode == number
    assert (tmp_path / "done").read_text() == f"{Path.cwd()} True"
    process.close()
