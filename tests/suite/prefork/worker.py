#!/usr/bin/env python3
"""A worker that a test controls: it starts its Python for each task as the real one does, and answers in lines of JSON."""

import json
import os
import signal
import subprocess
import sys

CONFIG = next((word[9:] for word in sys.argv if word.startswith("--config=")), None)
PYTHON = json.load(open(CONFIG))["worker"]["python_bin"] if CONFIG else os.environ["PLAIN_PYTHON"]
STARTED = {}


def ignore(numbers):
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def begin(request):
    python = os.environ["PLAIN_PYTHON"] if request.get("plain") else PYTHON
    arguments = request.get("arguments") or [
        *["-m", request.get("executor", "test_executor"), "--result-id", "1", "--attempt", "1", "--payload-stdin"]
    ]
    environment = {**os.environ, **request.get("environment", {})}
    process = subprocess.Popen(
        [python, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
        preexec_fn=lambda: ignore(request.get("ignored", [])),
        close_fds=False,
        cwd=request.get("directory"),
        env=environment,
    )
    payload = request.get("payload", json.dumps(request.get("spec", {})))
    if "wait_for_output" in request:
        # Otherwise it is written when the end is awaited, and the task does not begin before.
        process.stdin.write(payload.encode())
        process.stdin.close()
        process.stdin = None
        if request["wait_for_output"]:
            process.stderr.readline()
    return process, payload.encode()


def result(process, payload):
    stdout, stderr = process.communicate(payload if process.stdin else None, timeout=120)
    return {
        "code": process.returncode,
        "stdout": stdout.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode(),
        "stderr": stderr.decode("utf-8", "replace"),
    }


def answer(request):
    if "run" in request:
        return result(*begin(request["run"]))
    if "many" in request:
        started = [begin(each) for each in request["many"]]
        return [result(*each) for each in started]
    if "begin" in request:
        started = begin(request["begin"])
        STARTED[started[0].pid] = started
        return started[0].pid
    if "signal" in request:
        os.kill(request["pid"], request["signal"])
        return None
    if "end" in request:
        return result(*STARTED.pop(request["end"]))
    if "exit" in request:
        sys.exit(request["exit"])
    if "become" in request:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"pid": os.getpid(), "python": PYTHON}


print(json.dumps({"pid": os.getpid(), "python": PYTHON}), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
