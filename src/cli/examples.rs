//! The examples at the end of each command's `--help`. A test parses each of them, and finds every command here.

pub(super) const INIT: &str = "\
Examples:
  reproq init --dry-run                      Show what would be done
  reproq init                                Show it, ask, and do what is missing
  reproq init --yes --skip-migrate           Leave the database alone, and do not ask";

pub(super) const INSTALL: &str = "\
Examples:
  reproq install                             Install the locked release, or the latest if none is locked
  reproq install --tag v0.0.144              Install a specific release
  reproq install --locked --no-django        Install exactly what reproq.lock pins, as in CI or a container build
  reproq install --dry-run                   Show what would be done, and from where";

pub(super) const LOCK: &str = "\
Examples:
  reproq lock                                Lock the current release, or the latest if there is none
  reproq lock --tag v0.0.144                 Lock a specific release
  reproq lock --check                        Exit with 3 if reproq.lock would change";

pub(super) const UPGRADE: &str = "\
Examples:
  reproq upgrade                             Install and lock the latest release
  reproq upgrade --check                     Exit with 3 if a newer release exists
  reproq upgrade --tag v0.0.140 --allow-downgrade";

pub(super) const ROLLBACK: &str = "\
Examples:
  reproq rollback                            Restore the previous binary and its lockfile
  reproq versions                            Show which version that is";

pub(super) const VERIFY: &str = "\
Examples:
  reproq verify                              Compare the installed binary with its receipt and reproq.lock
  reproq verify --online                     Also compare it with the published asset
  reproq verify FILE --bundle FILE.sigstore.json --repo OWNER/NAME --tag v0.0.144";

pub(super) const TRUST: &str = "\
Examples:
  reproq trust show                          Show which roots attestations are verified with
  reproq trust update                        Fetch the latest roots of Sigstore and GitHub";

pub(super) const TRUST_SHOW: &str = "\
Examples:
  reproq trust show                          List the roots, their keys and their validity
  reproq trust show --json                   Print them as JSON";

pub(super) const TRUST_UPDATE: &str = "\
Examples:
  reproq trust update                        Fetch the latest roots of Sigstore and GitHub
  reproq trust update --save roots           Also keep a copy for machines without a network
  reproq trust update --from roots           Read that copy, without a request";

pub(super) const TRUST_ACCEPT: &str = "\
Examples:
  reproq trust accept trusted_root.jsonl     Trust the roots of your own Sigstore instance";

pub(super) const TRUST_FORGET: &str = "\
Examples:
  reproq trust forget SHA256                 Stop trusting the root with this digest; `reproq trust show` prints it";

pub(super) const VERSIONS: &str = "\
Examples:
  reproq versions                            List the versions in this project and in the cache
  reproq versions --json                     Print them as JSON";

pub(super) const DOCTOR: &str = "\
Examples:
  reproq doctor                              Check this platform, the project and the installed worker
  reproq doctor --network                    Also check that each required host can be reached";

pub(super) const CACHE: &str = "\
Examples:
  reproq cache list                          List the cached assets
  reproq cache prune --max-size 500MiB       Remove the least recently used ones";

pub(super) const CACHE_DIR: &str = "\
Examples:
  reproq cache dir                           Print the directory, for example to keep it between CI jobs";

pub(super) const CACHE_LIST: &str = "\
Examples:
  reproq cache list                          List the cached assets, most recently used first";

pub(super) const CACHE_PRUNE: &str = "\
Examples:
  reproq cache prune                         Shrink the cache to the configured size
  reproq cache prune --max-size 500MiB       Shrink it to at most this size";

pub(super) const CACHE_CLEAN: &str = "\
Examples:
  reproq cache clean                         Remove every cached asset; the next install downloads again";

pub(super) const BUNDLE: &str = "\
Examples:
  reproq bundle create -o worker.tar         Bundle the locked release for this platform
  reproq bundle inspect worker.tar           Show and verify its contents
  reproq install --from worker.tar --offline  Install from it";

pub(super) const BUNDLE_CREATE: &str = "\
Examples:
  reproq bundle create -o worker.tar         Bundle the locked release for this platform
  reproq bundle create --target all --with-source ../reproq-worker -o worker.tar
  reproq install --from worker.tar --offline  Install from it";

pub(super) const BUNDLE_INSPECT: &str = "\
Examples:
  reproq bundle inspect worker.tar           Show the contents and verify every file
  reproq bundle inspect worker.tar --json    Print them as JSON";

pub(super) const MIRROR: &str = "\
Examples:
  reproq mirror sync /srv/mirror             Mirror every release
  reproq install --mirror /srv/mirror        Install from the mirror";

pub(super) const MIRROR_SYNC: &str = "\
Examples:
  reproq mirror sync /srv/mirror             Mirror every release
  reproq mirror sync /srv/mirror --keep 10   Mirror the newest 10 versions
  reproq install --mirror https://mirror.example.com --mirror github";

pub(super) const WHICH: &str = "\
Examples:
  reproq which                               Show the binary and why it was selected
  reproq which -q                            Print only its path
  reproq which --all --json                  Print every candidate as JSON";

pub(super) const PERIODIC: &str = "\
Examples:
  reproq periodic next '30 2 * * mon-fri'    Show when a schedule runs
  reproq periodic list                       List the schedules
  reproq periodic set nightly --cron '30 2 * * *' --task shop.tasks.nightly";

pub(super) const PERIODIC_NEXT: &str = "\
Examples:
  reproq periodic next '*/5 * * * *'         Every five minutes
  reproq periodic next 'TZ=Europe/Berlin 30 2 * * mon-fri'
  reproq periodic next '0 0 29 2 *' --from 2026-01-01T00:00:00Z --count 3 --json";

pub(super) const TASK: &str = "\
Examples:
  reproq task list --status failed           List failed tasks
  reproq task why 42                         Explain what a task waits for
  reproq task hash --task myapp.tasks.add    Compute the hash of a task without arguments";

pub(super) const TASK_HASH: &str = "\
Examples:
  reproq task hash --task myapp.tasks.add --args '[1, 2]'
  reproq task hash --task myapp.tasks.mail --kwargs '{\"to\": \"a@example.com\"}' --queue mail -q";

pub(super) const TASK_ENQUEUE: &str = "\
Examples:
  reproq task enqueue --task shop.tasks.add --args '[1, 2]'
  reproq task enqueue --task shop.tasks.mail --kwargs '{\"to\": 5}' --queue mail
  reproq task enqueue --task shop.tasks.add --unchecked   Do not ask Django";

pub(super) const TASK_REPLAY: &str = "\
Examples:
  reproq task replay 12                      Run a finished task again, as a new task
  reproq task replay reports:12 --json       In the database `reports`";

pub(super) const TASK_LIST: &str = "\
Examples:
  reproq task list --status failed --newer-than 1d
  reproq task list --task 'myapp.mail.*' --error timeout
  reproq task list --expired                 List running tasks whose worker stopped renewing its lease";

pub(super) const TASK_SHOW: &str = "\
Examples:
  reproq task show 42                        Show a task
  reproq task show reports:42 --json         Show one of another database as JSON";

pub(super) const TASK_WHY: &str = "\
Examples:
  reproq task why 42                         Explain what a task waits for";

pub(super) const TASK_LOGS: &str = "\
Examples:
  reproq task logs 42 --tail 20              Print the last 20 lines
  reproq task logs 42 --logs-dir /var/log/reproq";

pub(super) const TASK_RETRY: &str = "\
Examples:
  reproq task retry 42                       Run a failed task again
  reproq task retry --task 'myapp.mail.*' --error timeout --dry-run
  reproq task retry --workflow 123e4567-e89b-12d3-a456-426614174000 --yes";

pub(super) const TASK_CANCEL: &str = "\
Examples:
  reproq task cancel 42                      Cancel a task, or ask its worker to stop it
  reproq task cancel 42 --wait 2m            Wait until it has stopped
  reproq task cancel --queue mail --status ready --yes";

pub(super) const TASK_DISCARD: &str = "\
Examples:
  reproq task discard 42                     Accept the failure of a task
  reproq task discard --task myapp.tasks.sync --older-than 7d --dry-run";

pub(super) const TASK_RECLAIM: &str = "\
Examples:
  reproq task reclaim --dry-run              Show running tasks whose worker has lost its lease
  reproq task reclaim --yes                  Run them again, or fail those without an attempt left
  reproq task reclaim 42 --include-missing   Reclaim a task that has no lease";

pub(super) const TASK_PRUNE: &str = "\
Examples:
  reproq task prune --older-than 30d --dry-run
  reproq task prune --older-than 7d --status successful --yes
  reproq task prune --older-than 7d --limit 10000 --pause 500ms --yes";

pub(super) const STATS: &str = "\
Examples:
  reproq stats                               Show depth, leases, workers, schedules and failures
  reproq stats --watch --interval 5s         Redraw every five seconds
  reproq stats --format api                  Print the JSON document of Django's stats page";

pub(super) const SERVE: &str = "\
Examples:
  reproq serve                               Serve every database of the project on http://127.0.0.1:9180
  reproq serve --listen 127.0.0.1:0 --json   Take a free port, and print the URL as JSON
  reproq serve --allowed-host queue.example.org --public-url https://queue.example.org
  reproq serve --trusted-proxy 127.0.0.1 --identity-header X-Remote-User --allow-identity ada
  reproq serve --public-url https://queue.example.org --oidc-issuer https://accounts.example.org --oidc-client-id reproq --allow-identity ada@example.org";

pub(super) const TOP: &str = "\
Examples:
  reproq top                                 Show the state of the queue every two seconds
  reproq top --read-only --interval 10s      Show it every ten seconds, without the keys that change something
  reproq top --all-databases                 Show every database of the project";

pub(super) const STATS_HEATMAP: &str = "\
Examples:
  reproq stats heatmap                       Show the failures of seven days by hour
  reproq stats heatmap --since 30d --bucket 1d --top 20";

pub(super) const STATS_TREND: &str = "\
Examples:
  reproq stats trend                         Show depth and throughput of a day by hour
  reproq stats trend --since 1h --bucket 5m";

pub(super) const QUEUE: &str = "\
Examples:
  reproq queue list                          List the queues
  reproq queue pause mail                    Stop workers from taking its tasks
  reproq queue move mail --to big            Move its tasks to another database";

pub(super) const QUEUE_LIST: &str = "\
Examples:
  reproq queue list                          List depth, age, workers and pauses
  reproq queue list -q                       Without the heading";

pub(super) const QUEUE_PAUSE: &str = "\
Examples:
  reproq queue pause mail --reason 'provider down'
  reproq queue pause mail --json             Print what was and is as JSON";

pub(super) const QUEUE_RESUME: &str = "\
Examples:
  reproq queue resume mail                   Let workers take its tasks again";

pub(super) const QUEUE_MOVE: &str = "\
Examples:
  reproq queue move mail --to big --dry-run  Show the steps
  reproq queue move mail --to big            Pause the queue and copy its tasks
  reproq queue move mail --to big --finish   After Django's settings were changed";

pub(super) const WORKERS: &str = "\
Examples:
  reproq workers list                        List the workers
  reproq workers prune                       Delete the rows of workers that are gone";

pub(super) const WORKERS_LIST: &str = "\
Examples:
  reproq workers list                        List the workers, and what they run
  reproq workers list --json                 Print them as JSON";

pub(super) const WORKERS_PRUNE: &str = "\
Examples:
  reproq workers prune --dry-run             Show which workers would be deleted
  reproq workers prune --older-than 1d --yes  Delete those not seen for a day";

pub(super) const PERIODIC_LIST: &str = "\
Examples:
  reproq periodic list                       List the schedules and their next runs";

pub(super) const PERIODIC_CHECK: &str = "\
Examples:
  reproq periodic check                      Find schedules that fail, never run, or are late";

pub(super) const PERIODIC_SET: &str = "\
Examples:
  reproq periodic set nightly --cron '30 2 * * *' --task shop.tasks.nightly
  reproq periodic set nightly --cron 'TZ=Europe/Berlin 30 2 * * mon-fri'
  reproq periodic set report --cron '0 8 1 * *' --task shop.tasks.report --kwargs '{\"days\": 30}' --queue slow";

pub(super) const PERIODIC_ENABLE: &str = "\
Examples:
  reproq periodic enable nightly             Run it again from its next time on
  reproq periodic enable nightly --catch-up  Also run once for the times that it missed";

pub(super) const PERIODIC_DISABLE: &str = "\
Examples:
  reproq periodic disable nightly            Stop running it";

pub(super) const PERIODIC_REMOVE: &str = "\
Examples:
  reproq periodic remove nightly             Delete it, and print the command that creates it again";

pub(super) const PERIODIC_RUN: &str = "\
Examples:
  reproq periodic run nightly                Enqueue its task now";

pub(super) const PERIODIC_SYNC: &str = "\
Examples:
  reproq periodic sync --dry-run             Show how the schedules differ from the project's code
  reproq periodic sync --yes                 Create and change them
  reproq periodic sync --dry-run --exit-code  Exit with 3 if they differ, as in CI";

pub(super) const LIMIT: &str = "\
Examples:
  reproq limit list                          List the rate limits
  reproq limit set queue:mail --rate 10      Start at most 10 of its tasks per second";

pub(super) const LIMIT_LIST: &str = "\
Examples:
  reproq limit list                          List the rate limits, and what is left of each";

pub(super) const LIMIT_SET: &str = "\
Examples:
  reproq limit set queue:mail --rate 10 --burst 20
  reproq limit set task:shop.tasks.charge --rate 0.5
  reproq limit set queue:urgent --rate 0     Exempt a queue from the global limit";

pub(super) const LIMIT_REMOVE: &str = "\
Examples:
  reproq limit remove queue:mail             Its tasks follow the global limit";

pub(super) const WORKFLOW: &str = "\
Examples:
  reproq workflow list                       List live workflows
  reproq workflow show 42                    Show the workflow of task 42
  reproq workflow repair --all --dry-run     Show which workflows hang, and what would be done";

pub(super) const WORKFLOW_LIST: &str = "\
Examples:
  reproq workflow list --limit 10            List live workflows and the newest with a callback";

pub(super) const WORKFLOW_SHOW: &str = "\
Examples:
  reproq workflow show 123e4567-e89b-12d3-a456-426614174000
  reproq workflow show 42                    Show the workflow of task 42";

pub(super) const WORKFLOW_REPAIR: &str = "\
Examples:
  reproq workflow repair --all --dry-run     Show what would be repaired
  reproq workflow repair 42                  Repair the workflow of task 42";

pub(super) const DB: &str = "\
Examples:
  reproq db check                            Show what the database lacks, and what is wrong with it
  reproq db migrate --dry-run                Show the statements that add what is missing";

pub(super) const DB_STATUS: &str = "\
Examples:
  reproq db status                           Show the database of DATABASE_URL
  reproq db status --database reports        Show the one that [tool.reproq.databases] calls `reports`";

pub(super) const DB_CHECK: &str = "\
Examples:
  reproq db check                            Compare the database with what the queue needs
  reproq db check --json                     Print the findings as JSON";

pub(super) const DB_MIGRATE: &str = "\
Examples:
  reproq db migrate --dry-run                Show the statements without running them
  reproq db migrate --yes                    Run them without a prompt
  reproq db migrate --dry-run --exit-code    Exit with 3 if there are any, as in CI";

pub(super) const RELEASE: &str = "\
Examples:
  reproq release list --repo OWNER/NAME      List every release and tag
  reproq release prune --keep 3 --dry-run    Show which versions would be deleted, and why
  reproq release check --require-attested    Check the newest release";

pub(super) const RELEASE_LIST: &str = "\
Examples:
  reproq release list                        List the releases of this checkout's repository
  reproq release list --repo OWNER/NAME --json  List those of another one as JSON";

pub(super) const RELEASE_PRUNE: &str = "\
Examples:
  reproq release prune --keep 3 --dry-run    Show which versions would be deleted, and why
  reproq release prune --keep 3 --archive saved --repo OWNER/NAME
  reproq release prune --keep 3 --min-age 7d --protect 'v1.*' --yes";

pub(super) const RELEASE_RESTORE: &str = "\
Examples:
  reproq release restore --from .reproq/audit/prune-20260131T120000Z.jsonl --dry-run
  reproq release restore --from .reproq/audit/prune-20260131T120000Z.jsonl --tags-only";

pub(super) const RELEASE_CHECK: &str = "\
Examples:
  reproq release check                       Check the newest release of this checkout's repository
  reproq release check --tag v1.2.3 --require-attested  Check one release, and who built its assets";

pub(super) const RELEASE_CHECKSUMS: &str = "\
Examples:
  reproq release checksums dist              Write dist/SHA256SUMS";

pub(super) const WORKER: &str = "\
Examples:
  reproq worker                              Run the worker that `reproq which` selects
  reproq worker --no-django -- --concurrency 4 --queues high,default
  reproq worker --prefork                    Import Django once, and run each task in a child of that process
  reproq worker --dry-run                    Show what would be started, with which variables";

pub(super) const PREFORK: &str = "\
Examples:
  reproq prefork status                      Show the processes that have imported Django
  reproq prefork reload                      Import the code again after a deployment";

pub(super) const PREFORK_STATUS: &str = "\
Examples:
  reproq prefork status                      Show the processes that have imported Django, and their problems
  reproq prefork status --json               Print them as JSON";

pub(super) const PREFORK_RELOAD: &str = "\
Examples:
  reproq prefork reload                      Import the code again; wait until it is ready";

pub(super) const BEAT: &str = "\
Examples:
  reproq beat                                Enqueue tasks when they are due, until SIGTERM
  reproq beat --once --json                  Enqueue what is due, and print it as JSON
  reproq beat --all-databases                In every database of [tool.reproq.databases]
  reproq beat --exec                         Run the installed worker's beat instead";

pub(super) const SCHEDULE: &str = "\
Examples:
  reproq schedule                            Enqueue what is due, for example from cron
  reproq schedule --dry-run                  Show what is due";

pub(super) const SYSTEMD: &str = "\
Examples:
  reproq systemd                             Print units for the worker and its beat
  reproq systemd --output units -- --concurrency 4
  reproq systemd --schedule                  Use a timer instead of a beat
  reproq systemd --procfile                  Print a Procfile";

pub(super) const LOGIN: &str = "\
Examples:
  reproq login https://shop.example.com      Show a code, wait for its approval, store a token
  reproq login --status                      Show whether a token is stored
  reproq login --remove                      Remove the stored token";

pub(super) const TOKEN: &str = "\
Examples:
  reproq token verify                        Check the token that `login` stored
  reproq token verify -                      Check a token from stdin";

pub(super) const TOKEN_VERIFY: &str = "\
Examples:
  reproq token verify                        Check the token that `login` stored
  reproq token verify token.txt              Check the token in a file
  reproq token verify -                      Check a token from stdin";

pub(super) const CONFIG: &str = "\
Examples:
  reproq config show                         Show every setting and its source
  reproq config worker                       Show what the worker reads, and from where";

pub(super) const CONFIG_SHOW: &str = "\
Examples:
  reproq config show                         Show every setting and its source
  reproq config show --json                  Print them as JSON";

pub(super) const CONFIG_WORKER: &str = "\
Examples:
  reproq config worker                       Show what the worker reads, and from where
  reproq config worker --explain             Show every value, and how each can be set
  reproq config worker -- --config prod.yaml  Show what it reads with these flags";

pub(super) const CONFIG_BEAT: &str = "\
Examples:
  reproq config beat --explain               Show every value, and how each can be set
  reproq config beat --json                  Print them as JSON";

pub(super) const SELF_COMMAND: &str = "\
Examples:
  reproq self version                        Show the version and how to upgrade it";

pub(super) const SELF_VERSION: &str = "\
Examples:
  reproq self version                        Show the version and how to upgrade it
  reproq self version --check                Exit with 3 if a newer version exists";

pub(super) const HELP: &str = "\
Examples:
  reproq help install                        Describe a command
  reproq help release prune                  Describe a command below another
  reproq help exit-codes                     List the exit codes
  reproq help --json                         Print every command, option, exit code and JSON document as JSON";

pub(super) const COMPLETIONS: &str = "\
Examples:
  reproq completions bash > ~/.local/share/bash-completion/completions/reproq
  reproq completions zsh > ~/.zfunc/_reproq                       With `fpath+=~/.zfunc` before `compinit` in ~/.zshrc
  reproq completions fish > ~/.config/fish/completions/reproq.fish
  reproq completions powershell >> $PROFILE
  reproq completions elvish > ~/.config/elvish/lib/reproq.elv     With `use reproq` in rc.elv

The script asks reproq for tags, platforms, sources and roots that this machine knows, without a request. Repeat the command
after an upgrade that changes the script; the changelog says so.";

pub(super) const RENDER: &str = "\
Examples:
  reproq render env plan                     Compare render.yaml with the variables on Render";

pub(super) const RENDER_ENV: &str = "\
Examples:
  reproq render env plan                     Show what happens to each variable, and why
  reproq render env apply --service web      Make those changes for one service
  reproq render env verify                   Exit with 3 if a declared variable is missing";

pub(super) const RENDER_ENV_PLAN: &str = "\
Examples:
  reproq render env plan                     Compare all services of render.yaml with Render
  reproq render env plan --exit-code         Exit with 3 if anything would change
  reproq render env plan --service web --remove OLD_KEY";

pub(super) const RENDER_ENV_APPLY: &str = "\
Examples:
  reproq render env apply --service web      Add and change what render.yaml has a value for
  reproq render env apply --yes --deploy     The same for all services, then deploy those that changed";

pub(super) const RENDER_ENV_VERIFY: &str = "\
Examples:
  reproq render env verify                   Exit with 3 if a declared variable is missing, as in CI";
