"""Tasks of the tests."""

import os
import random
import signal
import subprocess
import sys
import time

LOADED = time.time()


def loaded():
    """When this module was imported, and by which process the task was started."""
    return [LOADED, os.getppid()]


def version():
    return "first"


def process():
    return {
        "argv": sys.argv[1:],
        "orig_argv": sys.orig_argv[1:],
        "directory": os.getcwd(),
        "group": os.getpgid(0) == os.getpid(),
        "session": os.getsid(0),
        "main": sys.modules["__main__"].__file__,
        "name": sys.modules["__main__"].__name__,
        "path": sys.path[0],
        # But for the child's connection to its client.
        "descriptors": [name for name in sorted(map(int, os.listdir("/proc/self/fd"))) if name < 100],
        "signals": {
            number.name: str(signal.getsignal(number)) for number in signal.valid_signals() if number < 32
        },
        "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "streams": [sys.stdin.encoding, sys.stdout.errors, sys.stderr.line_buffering, sys.stdout.name],
        "umask": os.umask(0o022),
        "limit": len(deep()),
    }


def deep():
    frames = []

    def down():
        frames.append(None)
        down()

    try:
        down()
    except RecursionError:
        pass
    return frames


def numbers():
    return [random.random(), os.urandom(4).hex()]


def echo(value):
    return value


def large(size):
    return "x" * size


def printed(size):
    os.write(1, b"x" * size)
    return 1


def fail():
    raise ValueError("broken \u00e9")


def leave(code):
    sys.exit(code)


def vanish(code):
    os._exit(code)


def by_signal(number):
    os.kill(os.getpid(), number)


def sleep(seconds):
    sys.stderr.write("begun\n")
    sys.stderr.flush()
    time.sleep(seconds)
    return "slept"


def sleep_with_child(file):
    child = subprocess.Popen(["sleep", "60"])
    with open(file, "w") as written:
        written.write(f"{os.getpid()} {child.pid}")
    return sleep(60)


def daemon(file):
    """Leaves a process of another session behind, which holds the pipes."""
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    with open(file, "w") as written:
        written.write(str(child.pid))
    return "left"


def at_exit(file):
    import atexit

    atexit.register(lambda: open(file, "w").write("done"))
    open(file + ".unclosed", "w").write("kept")
    globals()["unclosed"] = open(file + ".global", "w")
    globals()["unclosed"].write("kept too")


def interrupted():
    raise KeyboardInterrupt


def text(value):
    class Odd(Exception):
        pass

    raise Odd(value)
