# Reports what the project's Django knows. Run as `python -B -c THIS MARKER SCOPE ROOT MODULE MANAGE`: writes lines to standard
# output, each the marker, the name of a part, and JSON. SCOPE is `settings`, `tasks` or `recurring`; each has more parts.
import sys

# `-c` puts the current directory first; a `json.py` in the project must not be taken for Python's.
sys.path = [entry for entry in sys.path if entry]

import datetime
import importlib
import importlib.util
import json
import os
import pkgutil
import platform
import runpy
import signal
import threading
import traceback
from urllib.parse import quote_from_bytes

# Only this script writes to standard output. What the project and its child processes print goes to standard error.
answer = os.dup(1)
os.dup2(2, 1)

MARKER, SCOPE, ROOT, MODULE, MANAGE = sys.argv[1:6]
NAME = "REPROQ_WORKER_BIN"
MOST = 10000
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


def write(part, value):
    # What printed before this script started may have left an unfinished line.
    left = ("\n%s %s %s\n" % (MARKER, part, json.dumps(value, allow_nan=False))).encode("ascii")
    while left:
        left = left[os.write(answer, left):]


def plain(value, most=500):
    try:
        return str(value).encode("utf-8", "replace").decode("utf-8")[:most]
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


def simple(value, depth=0):
    # As JSON. What JSON cannot express becomes the name of its type.
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if value - value == 0 else {"$type": "float"}
    if isinstance(value, datetime.timedelta):
        return {"$type": "timedelta", "seconds": value.total_seconds()}
    if depth < 6 and isinstance(value, dict) and len(value) <= MOST:
        return {plain(key): simple(entry, depth + 1) for key, entry in value.items()}
    if depth < 6 and isinstance(value, (list, tuple, set, frozenset)) and len(value) <= MOST:
        return [simple(entry, depth + 1) for entry in value]
    # Texts that Django translates or computes later, and paths.
    is_text = isinstance(value, (str, os.PathLike)) or type(value).__name__ == "__proxy__"
    try:
        text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
        text.encode("utf-8")
        if is_text:
            return text
    except Exception:
        pass
    return {"$type": plain(type(value).__name__)}


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
    return os.path.abspath(directories[0]) if directories else None


def package_version():
    from importlib import metadata

    for name in ["reproq-django", "reproq_django"]:
        try:
            return plain(metadata.version(name))
        except metadata.PackageNotFoundError:
            pass
    return None


def databases(settings):
    found = []
    for alias, database in dict(getattr(settings, "DATABASES", None) or {}).items():
        if isinstance(database, dict):
            keys = ["ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS"]
            values = {key.lower(): simple(database.get(key, "")) for key in keys}
            found.append(dict(values, alias=plain(alias)))
    return found


def task_backends(settings):
    found = []
    for alias, backend in dict(getattr(settings, "TASKS", None) or {}).items():
        if isinstance(backend, dict):
            keys = {"backend": backend.get("BACKEND"), "queues": backend.get("QUEUES", ["default"])}
            values = {key: simple(value) for key, value in keys.items()}
            found.append(dict(values, alias=plain(alias), options=simple(backend.get("OPTIONS") or {})))
    return found


def queue_databases(settings):
    # As a list, because the first pattern that matches a queue counts.
    routes = getattr(settings, "REPROQ_QUEUE_DATABASES", None)
    routes = list(routes.items())[:MOST] if isinstance(routes, dict) else []
    return [[plain(queue), plain(alias)] for queue, alias in routes if isinstance(queue, str) and isinstance(alias, str)]


def look():
    import django

    about["django"] = plain(django.__version__)
    from django.conf import settings

    # The first access loads the module. Django itself begins with this one too, and `getattr` with a default would take
    # an AttributeError inside the module for a setting that is not there.
    apps = settings.INSTALLED_APPS
    about["settings_module"] = plain(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
    about["setting"] = setting(settings)
    seen = os.environ.get(NAME)
    about["environment"] = None if seen is None else quote_from_bytes(os.fsencode(seen))
    directory = package()
    if directory:
        about["package"] = quote_from_bytes(os.fsencode(directory))
        about["package_version"] = package_version()
    about["installed_apps"] = [plain(app) for app in apps]
    about["databases"] = databases(settings)
    about["task_backends"] = task_backends(settings)
    about["queue_databases"] = queue_databases(settings)
    names = [name for name in dir(settings) if name.startswith("REPROQ_") and name.isupper()]
    about["settings"] = {name: simple(getattr(settings, name, None)) for name in names}


def submodules(module):
    # All modules of a package, each imported before its own modules are looked for.
    yield module
    for entry in pkgutil.iter_modules(getattr(module, "__path__", [])):
        found = load(module.__name__ + "." + entry.name)
        if found:
            yield from submodules(found)


def load(name):
    try:
        return importlib.import_module(name)
    except BaseException as error:
        problems.append(dict(problem(error), module=plain(name)))
        return None


def task_of(value):
    # A task, which may be wrapped by a decorator, and its dotted path.
    for candidate in [value, getattr(value, "task", None)]:
        path = getattr(candidate, "module_path", None)
        if isinstance(path, str) and "." in path.strip("."):
            return candidate, plain(path)
    return None, None


def described(task):
    names = ["backend", "queue_name", "priority", "takes_context", "run_after"]
    names += ["lock_key", "concurrency_key", "concurrency_limit"]
    return {name: simple(getattr(task, name, None)) for name in names}


def task_paths(module):
    for name, value in list(vars(module).items()):
        try:
            task, path = task_of(value)
            if not path:
                continue
            # `other = task.using(…)` has the path of the task, and not what it says about itself.
            if path == module.__name__ + "." + name or path not in attributes:
                attributes[path] = described(task)
        except Exception:
            continue
        yield path


def tasks():
    from django.apps import apps
    from django.conf import settings

    # What `django.setup()` does, without the project's logging: it may create files.
    apps.populate(settings.INSTALLED_APPS)
    paths = set()
    for config in apps.get_app_configs():
        name = config.name + ".tasks"
        if importlib.util.find_spec(name) is None:
            continue
        module = load(name)
        for each in submodules(module) if module else []:
            paths.update(task_paths(each))
    return sorted(paths)


def recurring():
    from reproq_django.recurring import get_recurring_tasks
    from reproq_django.serialization import encode_args_kwargs

    names = ["key", "schedule", "task_path", "queue_name", "priority", "max_attempts", "enabled"]
    names += ["concurrency_key", "concurrency_limit"]
    found = []
    for schedule in get_recurring_tasks():
        args, kwargs = encode_args_kwargs(tuple(schedule.args), dict(schedule.kwargs))
        # As a text, because reading it would change its numbers.
        payload = json.dumps({"args": args, "kwargs": kwargs}, allow_nan=False)
        found.append(dict({name: simple(getattr(schedule, name)) for name in names}, payload=payload))
    return found


def part(name, read):
    try:
        found = {name: read()}
    except BaseException as error:
        found = {"problem": problem(error)}
    found["problems"] = problems[:]
    if name == "tasks":
        found["attributes"] = attributes
    write(name, found)


def finish():
    try:
        look()
    except BaseException as error:
        about["problem"] = problem(error)
    write("settings", about)
    if "problem" not in about and SCOPE in ["tasks", "recurring"]:
        part("tasks", tasks)
        if SCOPE == "recurring":
            part("recurring", recurring)
    # Threads that the settings started must not keep the answer waiting.
    os._exit(0)


def through_manage():
    # A manage.py that does more than Django's own is run up to the point where it hands over to Django. Should it run
    # something else instead, that gets the most harmless command Django has.
    try:
        from django.core import management
    except ImportError:
        finish()
    before = dict(os.environ)

    def handed_over(*args, **kwargs):
        changed = [name for name, value in os.environ.items() if before.get(name) != value]
        about["manage_variables"] = sorted(plain(name) for name in changed)[:MOST]
        finish()

    management.execute_from_command_line = handed_over
    management.ManagementUtility.execute = handed_over
    sys.argv = [MANAGE, "version"]
    try:
        runpy.run_path(MANAGE, run_name="__main__")
        about["manage_problem"] = {"type": "", "message": "it did not hand over to Django"}
    except BaseException as error:
        about["manage_problem"] = problem(error)


problems = []
attributes = {}
leave_with_parent()
sys.path.insert(0, ROOT)
sys.argv = [os.path.join(ROOT, "manage.py"), "version"]
if MANAGE:
    through_manage()
if MODULE:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", MODULE)
finish()
