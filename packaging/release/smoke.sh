#!/usr/bin/env bash
# smoke.sh PROGRAM: runs the smoke tests of the suite against a program that was built for a release, on a runner of its platform.
set -euo pipefail
program=$(cd "$(dirname "$1")" && pwd -P)/$(basename "$1")
cd -P "$(dirname "$0")/../.."
exec cargo xtask test --program "$program"
