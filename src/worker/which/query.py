# Tells which worker the project's Django settings name. Run as `python -B -c THIS ANSWER MARKER ROOT MODULE MANAGE`: writes
# the marker and one line of JSON to the file ANSWER, so that whatever the settings print cannot be taken for the answer.
import sys

# `-c` puts the current directory first; a `json.py` in the project must not be taken for Python's.
sys.path = [entry for entry in sys.path if entry]

import importlib.util
import json
import os
import platform
import runpy
import signal
import threading
import traceback
from urllib.parse import quote_from_bytes

ANSWER, MARKER, ROOT, MODULE, MANAGE = sys.argv[1:6]
NAME = "REPROQ_WORKER_BIN"
about = {"python": platform.python_version()}


def leave_with_parent():
    # The parent holds the other end of stdin. When it is gone, however it went, nobody waits for an answer any more.
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch():
        os.read(lifeline, 1)
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def plain(value):
    try:
        return str(value).encode("utf-8", "replace").decode("utf-8")[:500]
    except Exception:
        return ""


def problem(error):
    # The last line of the project's own code says more than the last line of all.
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if frame.filename.startswith(ROOT + os.sep)]
    frames = [frame for frame in frames if "site-packages" not in frame.filename]
    found = {"type": plain(type(error).__name__), "message": plain(error)}
    if frames:
        found["file"] = plain(os.path.relpath(frames[-1].filename, ROOT))
        found["line"] = frames[-1].lineno
    return found


def setting(settings):
    value = getattr(settings, NAME, None)
    if value is None:
        return {"kind": "unset"}
    if not value:
        return {"kind": "empty"}
    try:
        return {"kind": "set", "value": quote_from_bytes(os.fsencode(value))}
    except TypeError:
        return {"kind": "wrong_type", "type": plain(type(value).__name__)}


def package():
    # Finds the package without importing it: its models want Django's app registry.
    try:
        spec = importlib.util.find_spec("reproq_django")
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    directories = [os.path.dirname(spec.origin)] if spec.origin else list(spec.submodule_search_locations or [])
    return quote_from_bytes(os.fsencode(os.path.abspath(directories[0]))) if directories else None


def look():
    import django

    about["django"] = plain(django.__version__)
    from django.conf import settings

    # The first access loads the module. Django itself begins with this one too, and `getattr` with a default would take
    # an AttributeError inside the module for a setting that is not there.
    settings.INSTALLED_APPS
    about["settings_module"] = plain(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
    about["setting"] = setting(settings)
    seen = os.environ.get(NAME)
    about["environment"] = None if seen is None else quote_from_bytes(os.fsencode(seen))
    about["package"] = package()


def finish():
    try:
        look()
    except BaseException as error:
        about["problem"] = problem(error)
    part = "%s.%d" % (ANSWER, os.getpid())
    with open(part, "w", encoding="ascii") as file:
        file.write(MARKER + " " + json.dumps(about) + "\n")
    os.replace(part, ANSWER)
    # Threads that the settings started must not keep the answer waiting.
    os._exit(0)


def through_manage():
    # A manage.py that does more than Django's own is run up to the point where it hands over to Django. Should it run
    # something else instead, that gets the most harmless command Django has.
    try:
        from django.core import management
    except ImportError:
        finish()
    management.execute_from_command_line = lambda *args, **kwargs: finish()
    management.ManagementUtility.execute = lambda self: finish()
    sys.argv = [MANAGE, "version"]
    try:
        runpy.run_path(MANAGE, run_name="__main__")
        about["manage_problem"] = {"type": "", "message": "it did not hand over to Django"}
    except BaseException as error:
        about["manage_problem"] = problem(error)


leave_with_parent()
sys.path.insert(0, ROOT)
sys.argv = [os.path.join(ROOT, "manage.py"), "version"]
if MANAGE:
    through_manage()
if MODULE:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", MODULE)
finish()
