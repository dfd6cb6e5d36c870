"""The fork server of `reproq worker --prefork`.

It imports Django and the modules of the tasks once, then forks a child for each task. A child runs the executor as `python -m`
would and cannot be told from a new interpreter by what it prints, writes or returns. `reproq` starts this file, watches it, and
hands it the connections of the clients; a client is what the worker starts in the place of Python.

Messages of the keeper: `C` with the descriptor of a connection, `D` to finish the running tasks and end, `K` to end them. The
answer is one line of JSON, when everything is imported.
Messages of a client: one request with four descriptors (standard input, output, error, and a socket to the child), then `S` and
a signal number, or `B` if it has all it needs. Answers: `P` and the child's process ID, `E` and its wait status, or `N` if there is
no child. The child starts when its socket says `G`, and writes its exit code there after its last output.
"""

import ast
import atexit
import contextlib
import errno
import fcntl
import gc
import importlib
import importlib.util
import io
import json
import os
import runpy
import select
import signal
import socket
import stat
import struct
import sys
import threading
import time
import traceback
import warnings

try:
    import ctypes
except ImportError:
    # Python can be built without it.
    ctypes = None

# How long a client may take to send its request, in seconds. It sends it at once, unless it is stopped.
REQUEST_SECONDS = 1
# How long a child may take to end after it has written its exit code, in seconds.
END_SECONDS = 5
MAX_REQUEST = 64 * 1024 * 1024
MAX_DESCRIPTORS = 4
# The descriptor of a child's connection to its client is not lower.
FIRST_NUMBER = 100
# Signals that cannot be handled, and those that Python ignores by itself.
ALWAYS_THE_SAME = {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ}
# The files whose import failed.
FAILED = set()
# What the imported code has set for the signals that the server itself handles.
HANDLERS = {}
# What the module `__main__` has before its code runs.
OF_A_NEW_MAIN = {"__annotations__", "__builtins__", "__doc__", "__loader__", "__name__", "__package__", "__spec__"}


# Before the first task: import everything, and find out whether it may be forked.


def load(executor, allowed):
    """Imports what the executor and the tasks need. Returns the problems of the tasks' modules."""
    executor_spec = importlib.util.find_spec(executor)
    if executor_spec is None:
        return [f"there is no module `{executor}`"]
    # What settings see of the command line.
    sys.argv = [executor_spec.origin or executor]
    import django

    django.setup()
    problems = []
    for entry in allowed:
        for module in modules_of(entry):
            problem = import_problem(module)
            if problem:
                problems.append(problem)
    for module in imported_by(executor_spec.origin):
        try:
            importlib.import_module(module)
        except Exception:
            # An import that the executor tries, or makes in one of its functions; it will fail there if it is needed.
            pass
    return problems


def modules_of(entry):
    """The modules that an entry of the allow-list names: a module, a prefix that ends in a dot, a task, or `*`."""
    if entry != "*":
        return [entry.rstrip(".")]
    from django.apps import apps

    names = [f"{app.name}.tasks" for app in apps.get_app_configs()]
    return [name for name in names if importlib.util.find_spec(name)]


def import_problem(name):
    """Imports a module, or the module that contains this name. Returns why that fails."""
    while name:
        try:
            importlib.import_module(name)
            return None
        except ModuleNotFoundError as error:
            if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
                FAILED.update(files_of(error))
                return f"`{name}` cannot be imported: {first_line(error)}"
        except BaseException as error:
            FAILED.update(files_of(error))
            return f"`{name}` cannot be imported: {first_line(error)}"
        # The last part may be a task, or a prefix that is no module.
        name = name.rpartition(".")[0]
    return None


def files_of(error):
    """The files in which an import failed. They are not among the imported modules."""
    found = {frame.filename for frame in traceback.extract_tb(error.__traceback__)}
    if isinstance(error, SyntaxError) and error.filename:
        found.add(error.filename)
    return {file for file in found if os.path.isfile(file)}


def first_line(error):
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]


def imported_by(path):
    """The modules that a file imports anywhere. The file itself is not imported: `python -m` would warn about that."""
    if not path or not path.endswith(".py"):
        return []
    with open(path, "rb") as file:
        tree = ast.parse(file.read(), path)
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return names


def reasons_not_to_fork(own):
    """What would break in a child: threads, connections and event loops that exist already."""
    reasons = []
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            reasons.append(f"the thread `{thread.name}` was started while the code was imported")
    if not reasons:
        reasons.extend(native_threads())
    connections = sys.modules.get("django.db")
    if connections:
        for connection in connections.connections.all(initialized_only=True):
            if connection.connection is not None:
                reasons.append(f"the database connection `{connection.alias}` was opened while the code was imported")
            for alias in getattr(connection, "_connection_pools", None) or ():
                reasons.append(f"the connection pool of the database `{alias}` was opened while the code was imported")
    for descriptor in open_descriptors():
        if descriptor not in own:
            reason = shared_descriptor(descriptor)
            if reason:
                reasons.append(reason)
    monkey = sys.modules.get("gevent.monkey")
    if monkey and getattr(monkey, "saved", None):
        reasons.append("gevent has replaced the standard library's functions")
    return list(dict.fromkeys(reasons))


def native_threads():
    """Threads that Python does not know. Libraries such as OpenBLAS end theirs before a fork, so one is tried first."""
    if not os.path.isdir("/proc/self/task"):
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    names = []
    for task in os.listdir("/proc/self/task"):
        if int(task) != os.getpid():
            with open(f"/proc/self/task/{task}/comm") as file:
                names.append(file.read().strip())
    return [f"a library has started the thread `{name}`" for name in names]


def open_descriptors():
    for directory in ("/proc/self/fd", "/dev/fd"):
        if os.path.isdir(directory):
            return sorted(int(name) for name in os.listdir(directory) if name.isdigit())
    return []


def shared_descriptor(descriptor):
    """Why this descriptor must not be shared by several processes."""
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISSOCK(mode):
            with socket.socket(fileno=os.dup(descriptor)) as found:
                if found.type == socket.SOCK_STREAM:
                    return f"a connection to {peer(found)} was opened while the code was imported"
        elif "eventpoll" in os.readlink(f"/proc/self/fd/{descriptor}"):
            return "an event loop was started while the code was imported"
    except OSError:
        # Closed meanwhile, or a system without /proc.
        pass
    return None


def peer(connection):
    try:
        address = connection.getpeername()
    except OSError:
        return "nowhere"
    if isinstance(address, tuple):
        return f"{address[0]}:{address[1]}"
    return repr(address) if address else "a process of this machine"


def warnings_about_forking():
    """What works in a child, but not as one might expect."""
    known = {"ddtrace": "ddtrace", "newrelic.agent": "New Relic's agent", "grpc": "gRPC"}
    found = [f"{name} is imported; see its documentation about forking" for module, name in known.items() if module in sys.modules]
    logging = sys.modules.get("logging")
    for reference in getattr(logging, "_handlerList", ()):
        handler = reference()
        if isinstance(handler, logging.FileHandler) and handler.mode.startswith("w"):
            found.append(f"the log file {handler.baseFilename} is opened with the mode `w`, so tasks write over each other's lines")
    database = sys.modules.get("django.db")
    for alias, settings in database.connections.settings.items() if database else ():
        if (settings.get("OPTIONS") or {}).get("pool"):
            found.append(f"the database `{alias}` has a connection pool, which each task would open for itself alone")
    return found


def files():
    """The files of all imported modules."""
    found = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    found.update(FAILED)
    return sorted(os.path.abspath(file) for file in found if isinstance(file, str) and file != globals().get("__file__"))


# Serving.


class Task:
    """A child, and the client that waits for it."""

    def __init__(self, pid, client):
        self.pid = pid
        self.client = client
        # When it is killed, because its client has left.
        self.deadline = None


class Server:
    def __init__(self, control, executor):
        self.control = control
        self.executor = executor
        self.is_draining = False
        self.tasks = {}
        self.poll = select.poll()
        self.wake, self.wake_writer = socket.socketpair()
        self.wake.setblocking(False)
        self.wake_writer.setblocking(False)
        signal.set_wakeup_fd(self.wake_writer.fileno(), warn_on_full_buffer=False)
        self.poll.register(control, select.POLLIN)
        self.poll.register(self.wake, select.POLLIN)

    def run(self):
        """Until the keeper ends or says so, and no child is left."""
        while not (self.is_draining and not self.tasks):
            for descriptor, _ in self.poll.poll(self.timeout()):
                if descriptor == self.wake.fileno():
                    self.drain_wake()
                elif self.control is not None and descriptor == self.control.fileno():
                    self.from_keeper()
                else:
                    self.from_client(descriptor)
            self.reap()
            self.kill_late()

    def timeout(self):
        deadlines = [task.deadline for task in self.tasks.values() if task.deadline is not None]
        if not deadlines:
            return None
        return max(0, min(deadlines) - time.monotonic()) * 1000 + 1

    def drain_wake(self):
        try:
            while self.wake.recv(4096):
                pass
        except BlockingIOError:
            pass

    def from_keeper(self):
        try:
            data, descriptors = receive(self.control, 1, 1)
        except ValueError:
            # No more files can be opened here. The client's connection is closed, so it starts Python itself.
            return
        except OSError:
            data, descriptors = b"", []
        if data == b"C":
            if descriptors:
                self.accept(socket.socket(fileno=descriptors[0]))
            return
        # No connection follows; what runs may finish.
        self.is_draining = True
        if data == b"K":
            # The worker has ended, and its tasks end with it.
            for task in self.tasks.values():
                kill_group(task.pid, signal.SIGKILL)
        elif not data:
            # The keeper has ended.
            self.poll.unregister(self.control)
            self.control.close()
            self.control = None

    def accept(self, client):
        try:
            if not is_same_user(client):
                client.close()
                return
            client.settimeout(REQUEST_SECONDS)
            asked, descriptors = request(client)
        except (OSError, ValueError, EOFError):
            # It has ended, or it does not speak this protocol. In either case it has no child.
            client.close()
            return
        try:
            self.start(client, asked, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def start(self, client, asked, descriptors):
        try:
            pid = os.fork()
        except OSError:
            # Too many processes, or no memory: the client starts Python itself, and reports what the system says.
            with contextlib.suppress(OSError):
                client.sendall(b"N")
            client.close()
            return
        if pid == 0:
            self.become(client, asked, descriptors)
        try:
            # The child does the same; the first one counts.
            os.setpgid(pid, pid)
        except OSError:
            pass
        task = self.tasks[pid] = Task(pid, client)
        try:
            client.sendall(struct.pack("=cI", b"P", pid))
            client.setblocking(False)
            self.poll.register(client, select.POLLIN)
        except OSError:
            self.leave(task)

    def from_client(self, descriptor):
        task = next((task for task in self.tasks.values() if task.client and task.client.fileno() == descriptor), None)
        if task is None:
            return
        try:
            data = task.client.recv(2)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data[:1] == b"S" and len(data) == 2:
            kill_group(task.pid, data[1])
        elif data == b"B":
            self.leave(task)
            task.deadline = time.monotonic() + END_SECONDS
        else:
            # It was killed: the worker has given up this task.
            self.leave(task)
            kill_group(task.pid, signal.SIGKILL)

    def leave(self, task):
        if task.client is not None:
            try:
                self.poll.unregister(task.client)
            except KeyError:
                pass
            task.client.close()
            task.client = None

    def kill_late(self):
        now = time.monotonic()
        for task in self.tasks.values():
            if task.deadline is not None and task.deadline <= now:
                kill_group(task.pid, signal.SIGKILL)
                task.deadline = None

    def reap(self):
        for task in list(self.tasks.values()):
            if os.waitid(os.P_PID, task.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            # What is left of the task, while its process ID cannot belong to another process.
            kill_group(task.pid, signal.SIGKILL)
            _, status = os.waitpid(task.pid, 0)
            del self.tasks[task.pid]
            if task.client is not None:
                try:
                    task.client.sendall(struct.pack("=ci", b"E", status))
                except OSError:
                    pass
            self.leave(task)

    # In the child.

    def become(self, client, asked, descriptors):
        """Becomes the process of the task. Never returns."""
        try:
            code = self.run_child(client, asked, descriptors)
        except BaseException:
            # Only a defect of this file gets here.
            traceback.print_exc()
            code = 1
        os._exit(code)

    def run_child(self, client, asked, descriptors):
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        set_signals(frozenset(asked["ignored"]))
        # Exactly what belongs to the server: a descriptor that the project's code opened stays open.
        for own in [self.control, self.wake, self.wake_writer, client, *(task.client for task in self.tasks.values())]:
            if own is not None:
                own.close()
        *streams, connection = descriptors
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
            os.close(descriptor)
        # Out of the way: the files of the task get the numbers that they have in a new interpreter.
        with contextlib.suppress(OSError):
            high = fcntl.fcntl(connection, fcntl.F_DUPFD_CLOEXEC, FIRST_NUMBER)
            os.close(connection)
            connection = high
        be_killed_first()
        numpy = sys.modules.get("numpy.random")
        if numpy:
            numpy.seed()
        own_pid = os.getpid()
        if os.read(connection, 1) != b"G":
            return 0
        code, by_signal = run_module(self.executor, asked["arguments"])
        code = end_of_interpreter(code)
        if os.getpid() == own_pid:
            release_output()
            if by_signal is None:
                write_code(connection, code)
            close_connections()
        if by_signal is not None:
            signal.signal(by_signal, signal.SIG_DFL)
            os.kill(os.getpid(), by_signal)
        return code

def by_default(number):
    return signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL


def ignore_no_signal():
    """Signals that are ignored here from now on are those that the imported code ignores."""
    for number in signal.valid_signals() - ALWAYS_THE_SAME:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, by_default(number))


def take_signals():
    """Handles the signals of the server, after the import: what the imported code has set is for the tasks."""
    # Some platforms send TERM and INT to every process, and the worker must be the first to end.
    own = {signal.SIGCHLD: lambda number, frame: None, signal.SIGTERM: signal.SIG_IGN, signal.SIGINT: signal.SIG_IGN}
    HANDLERS.update({number: signal.signal(number, handler) for number, handler in own.items()})


def set_signals(ignored):
    """In a child: handles what the imported code handles, and ignores what the client ignores, as a program that it starts."""
    for number in signal.valid_signals() - ALWAYS_THE_SAME:
        now = signal.getsignal(number)
        wanted = HANDLERS.get(number, now)
        if number in ignored and wanted == by_default(number):
            wanted = signal.SIG_IGN
        if now != wanted:
            signal.signal(number, wanted)


def receive(connection, length, most):
    """Reads from a socket, with descriptors that are not inherited by programs."""
    descriptors = []
    space = socket.CMSG_SPACE(most * struct.calcsize("i"))
    data, messages, flags, _ = connection.recvmsg(length, space, getattr(socket, "MSG_CMSG_CLOEXEC", 0))
    for level, kind, content in messages:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            count = len(content) // struct.calcsize("i")
            descriptors.extend(struct.unpack(f"{count}i", content[: count * struct.calcsize("i")]))
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    if flags & socket.MSG_CTRUNC:
        for descriptor in descriptors:
            os.close(descriptor)
        raise ValueError("descriptors were lost")
    return data, descriptors


def request(client):
    """A request and its descriptors: a length, then JSON with the arguments and the signals that are ignored."""
    data, descriptors = receive(client, 65536, MAX_DESCRIPTORS)
    try:
        if len(descriptors) != MAX_DESCRIPTORS:
            raise ValueError("a request has four descriptors")
        while len(data) < 4:
            data += more(client, 65536)
        (length,) = struct.unpack_from("=I", data)
        if length > MAX_REQUEST:
            raise ValueError("the request is too long")
        data = data[4:]
        while len(data) < length:
            data += more(client, length - len(data))
        asked = json.loads(data)
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return asked, descriptors


def more(client, length):
    data = client.recv(length)
    if not data:
        raise EOFError
    return data


def is_same_user(client):
    if hasattr(socket, "SO_PEERCRED"):
        _, user, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    else:
        # LOCAL_PEERCRED of macOS: a version, then the user.
        _, user = struct.unpack_from("2I", client.getsockopt(0, 1, 76))
    return user == os.geteuid()


def kill_group(pid, number):
    try:
        os.killpg(pid, number)
    except OSError:
        # The group is empty, or (macOS) has ended and is not reaped yet.
        pass


def be_killed_first():
    """If memory runs out, a task is killed rather than the server of all tasks."""
    try:
        with open("/proc/self/oom_score_adj", "r+") as file:
            score = int(file.read())
            file.seek(0)
            file.write(str(min(1000, score + 100)))
    except (OSError, ValueError):
        pass


def run_module(module, arguments):
    """Runs a module as `python -m` does. Returns the exit code, and the signal by which the process must end."""
    main = sys.modules["__main__"].__dict__
    for name in main.keys() - OF_A_NEW_MAIN:
        del main[name]
    # The same depth is left to the task, although the frames of this file are below it.
    sys.setrecursionlimit(sys.getrecursionlimit() + depth())
    sys.argv = ["-m", *arguments]
    sys.orig_argv[1:] = ["-m", module, *arguments]
    try:
        runpy._run_module_as_main(module)
    except SystemExit as end:
        return exit_code(end), None
    except BaseException as error:
        shown(error)
        if isinstance(error, KeyboardInterrupt):
            return 1, signal.SIGINT
        return 1, None
    return 0, None


def depth():
    frame, count = sys._getframe(1), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count


def shown(error):
    """Shows an error as the interpreter does, without the lines of this file."""
    lines = error.__traceback__
    while lines is not None and lines.tb_frame.f_code.co_filename == __file__:
        lines = lines.tb_next
    error.__traceback__ = lines
    try:
        sys.excepthook(type(error), error, lines)
    except SystemExit:
        pass


def exit_code(end):
    """The exit code of `SystemExit`, as the interpreter computes it."""
    code = end.code
    if code is None:
        return 0
    if isinstance(code, int):
        # More than a C integer holds is -1.
        return int(code) & 0xFF if -(2**63) <= code < 2**63 else 255
    flush(sys.stdout)
    try:
        sys.stderr.write(str(code) + "\n")
    except Exception:
        pass
    return 1


def end_of_interpreter(code):
    """What the interpreter does at its end: threads, exit handlers, buffered output, and files that nobody closed."""
    try:
        threading._shutdown()
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    is_written = flush(sys.stdout)
    flush(sys.stderr)
    # Runs the finalizers of what refers to itself. Older objects are frozen, so this is quick.
    gc.collect()
    for found in gc.get_objects():
        # Not `isinstance`, which evaluates objects that are lazy.
        if issubclass(type(found), (io.BufferedWriter, io.BufferedRandom, io.TextIOWrapper)):
            flush(found)
    flush_c()
    return code if is_written else 120


def flush(stream):
    try:
        if stream is not None and not stream.closed:
            stream.flush()
    except Exception:
        return False
    return True


def flush_c():
    """Writes what C code has buffered, as the end of a process does."""
    if ctypes:
        ctypes.CDLL(None).fflush(None)


def release_output():
    """Closes the pipes to the client, which then knows that nothing follows, while this process is still ending."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)


def write_code(connection, code):
    try:
        os.write(connection, bytes([code]))
    except OSError as error:
        # The task closed it, or its client is gone.
        if error.errno not in (errno.EBADF, errno.EPIPE, errno.ECONNRESET):
            raise


def close_connections():
    """Tells the databases that this process ends, which the interpreter does when it deletes their connections."""
    database = sys.modules.get("django.db")
    if database:
        try:
            database.connections.close_all()
        except Exception:
            pass


def prepare_libpq():
    """Has the cryptography of psycopg's libpq set itself up here. Otherwise each task does that when it connects, which takes a fifth
    of its processor time and 3 MiB of memory. No connection is made."""
    pq = sys.modules.get("psycopg.pq")
    if pq:
        with contextlib.suppress(Exception):
            none = pq.PGconn.connect_start(b"refused=before it connects")
            none.encrypt_password(b"", b"", b"scram-sha-256")
            none.finish()


def fork_milliseconds():
    """How long a fork and the end of the child take: more with each megabyte that is imported."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        times.append((time.perf_counter() - begun) * 1000)
    return sorted(times)[2]


def loaded(options, own):
    """Imports everything, and says whether it may be forked."""
    try:
        problems = load(options["executor"], options["allowed"])
    except BaseException as error:
        traceback.print_exc()
        FAILED.update(files_of(error))
        problems = [first_line(error)]
    take_signals()
    problems = problems or reasons_not_to_fork(own)
    # Whatever the imported code printed is printed once.
    flush(sys.stdout)
    flush(sys.stderr)
    return {"problems": problems, "warnings": warnings_about_forking(), "files": files()}


def main(control, options):
    options = json.loads(options)
    if not sys.flags.safe_path:
        sys.path[0] = os.getcwd()
    if control == "check":
        # The project's code may print to standard output.
        own = os.dup(1)
        os.dup2(2, 1)
        answer = loaded(options, {0, 1, 2, own})
        if not answer["problems"]:
            answer["fork_milliseconds"] = fork_milliseconds()
        os.write(own, json.dumps(answer).encode())
        os._exit(0)
    control = socket.socket(fileno=int(control))
    control.set_inheritable(False)
    ignore_no_signal()
    answer = loaded(options, {0, 1, 2, control.fileno()})
    control.sendall(json.dumps(answer).encode() + b"\n")
    if answer["problems"]:
        # Not `sys.exit`, which waits for the threads that the imported code has started.
        os._exit(1)
    prepare_libpq()
    gc.collect()
    gc.freeze()
    Server(control, options["executor"]).run()
    os._exit(0)


main(*sys.argv[-2:])
