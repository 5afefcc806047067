"""Stands between a run and its command, so that neither outlives the other: run as a program, with the words of the command.

The command runs in a process group of its own. When standard input ends, because whoever asked for it is gone, the whole
group is ended at once: an orphan would write into a folder that the next attempt needs.
"""

import errno
import os
import signal
import subprocess
import sys
import threading


def main() -> None:
    """Run the command; leaves with its exit code, or with its signal as shells tell it."""
    # What a shell starts in the background ignores SIGINT, and so would all that it starts: the command is to hear it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603 - what the user's file says
    except OSError as error:
        is_bare = error.errno == errno.ENOEXEC
        hint = (
            " Is it a script whose first line does not say what runs it, as #!/usr/bin/env python3?"
            if is_bare
            else ""
        )
        told = f"tinyexp: {sys.argv[1]}: cannot be started ({error.strerror}).{hint}"
        print(told, file=sys.stderr)  # noqa: T201
        raise SystemExit(127) from error
    # What the run is asked to stop with goes to the command; the guard waits for it.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    code = command.wait()
    os._exit(code if code >= 0 else 128 - code)


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
