"""The ``reproq`` command. The program itself is a native executable; this package only finds it."""

from __future__ import annotations

import os
import sys
import sysconfig

__all__ = ["find_reproq_bin"]


def find_reproq_bin() -> str:
    """Return the path of the ``reproq`` executable that was installed with this package.

    ``PATH`` is never searched: the worker that ``reproq`` installs has the same name.
    """
    name = "reproq" + (sysconfig.get_config_var("EXE") or "")
    package = os.path.dirname(os.path.abspath(__file__))
    candidates = [os.path.join(directory, name) for directory in _directories(package)]
    for candidate in candidates:
        if os.path.isfile(candidate):
            return candidate
    raise FileNotFoundError("reproq is not installed next to its Python package; looked for " + ", ".join(candidates))


def _directories(package: str) -> list[str]:
    scripts = "Scripts" if os.name == "nt" else "bin"
    site_packages = os.path.dirname(package)
    directories = [
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", vars={"base": sys.base_prefix}),
    ]
    # `pip install --prefix`: PREFIX/lib/pythonX.Y/site-packages on Unix, PREFIX\Lib\site-packages on Windows.
    levels = 2 if os.name == "nt" else 3
    prefix = site_packages
    for _ in range(levels):
        prefix = os.path.dirname(prefix)
    directories.append(os.path.join(prefix, scripts))
    # `pip install --target`.
    directories.append(os.path.join(site_packages, scripts))
    # `pip install --user`.
    user = sysconfig.get_preferred_scheme("user") if sys.version_info >= (3, 10) else ("nt_user" if os.name == "nt" else "posix_user")
    directories.append(sysconfig.get_path("scripts", scheme=user))
    return list(dict.fromkeys(directories))
