"""An executor for tests: the task of a payload is a function, and its result is printed as the worker expects it."""

import json
import sys
import traceback


def main():
    import django

    spec = json.load(sys.stdin)
    django.setup()
    module, _, name = spec["task_path"].rpartition(".")
    try:
        value = getattr(__import__(module, fromlist=[name]), name)(*spec.get("args", []))
    except Exception as error:
        failed = {"ok": False, "exception_class": type(error).__name__, "message": str(error)}
        print(json.dumps({**failed, "traceback": traceback.format_exc()}))
        sys.exit(1)
    print(json.dumps({"ok": True, "return": value}))


main()
