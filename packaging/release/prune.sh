#!/usr/bin/env bash
# prune.sh TABLE: keeps the three newest versions, and the version that the action downloads, which TABLE names. What still
# works with an older version is described in docs/install.md. No version is ever published twice, so the tags of immutable
# releases may become unusable.
set -euo pipefail
named=$(sed -n 's/^version //p' "$1")
"$RUNNER_TEMP/reproq" release prune --repo "$GITHUB_REPOSITORY" --keep 3 --allow-immutable ${named:+--protect "v$named"} \
    --audit "$RUNNER_TEMP/prune-audit.jsonl"
