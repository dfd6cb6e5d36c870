//! Two claimers that do what the worker's claim does, against every change at once, in random order. A trigger writes down each
//! transition and who made it; afterwards every one must be in the table, and no task may be lost or run twice.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use reproq_queue::changes::PlannedTask;
use reproq_queue::changes::PruneRule;
use reproq_queue::changes::TaskChange;
use reproq_queue::pg::Limits;
use reproq_queue::pg::Param;
use reproq_queue::pg::PgError;
use reproq_queue::pg::Session;
use reproq_queue::pg::Target;
use reproq_queue::read;
use reproq_queue::state::Actor;
use reproq_queue::state::TRANSITIONS;
use reproq_queue::state::TaskStatus;
use reproq_queue::write;
use test_postgres::Database;

use crate::changes::insert;
use crate::door::block;
use crate::door::open;
use crate::door::target;

/// The number of transitions to reach, and the time after which fewer are enough.
const TRANSITIONS_WANTED: u64 = 10_000;
const LONGEST: Duration = Duration::from_secs(25);

/// Writes down each transition. A lease that ends while the transaction runs has not ended for it.
const TRIGGER: &str = "
create table seen (number bigserial, id int8, before text, after text, attempts int4, attempts_after int4, held bool,
  requested bool, app text);
create function see() returns trigger language plpgsql as $$ begin
  if tg_op = 'DELETE' then
    insert into seen (id, before, attempts, app) values (old.result_id, old.status, old.attempts,
      current_setting('application_name'));
    return old;
  end if;
  if tg_op = 'INSERT' then
    insert into seen (id, after, attempts, app) values (new.result_id, new.status, new.attempts,
      current_setting('application_name'));
    return new;
  end if;
  insert into seen (id, before, after, attempts, attempts_after, held, requested, app) values (old.result_id, old.status,
    new.status, old.attempts, new.attempts, coalesce(old.leased_until >= now(), false),
    new.cancel_requested and not old.cancel_requested, current_setting('application_name'));
  return new;
end $$;
create trigger see after insert or update or delete on task_runs for each row execute function see();";

/// The worker's claim: a due task of the queue that no other worker is claiming, in an order that the test makes random.
const CLAIM: &str = "
with candidate as (
  select t.result_id from task_runs t
  where t.status = 'READY' and t.queue_name = 'default' and coalesce(t.run_after, '-infinity') <= now()
    and not exists (select from reproq_queue_controls c where c.queue_name = 'default' and c.paused)
    and (t.lock_key is null or not exists (
      select from task_runs r where r.status = 'RUNNING' and r.lock_key = t.lock_key))
  order by random() limit 1 for update skip locked
)
update task_runs t set status = 'RUNNING', started_at = coalesce(started_at, now()), last_attempted_at = now(),
  attempts = attempts + 1, leased_until = clock_timestamp() + make_interval(secs => $2), leased_by = $1,
  worker_ids = worker_ids || to_jsonb($1::text), updated_at = now()
from candidate where t.result_id = candidate.result_id returning t.result_id";

/// The worker's heartbeat.
const HEARTBEAT: &str = "
update task_runs set leased_until = clock_timestamp() + interval '1 hour'
where result_id = $1 and leased_by = $2 and status = 'RUNNING' returning cancel_requested";

/// How an attempt ends: a success, a last failure, or a failure that is tried again.
const ENDS: [&str; 3] = [
    "update task_runs set status = 'SUCCESSFUL', finished_at = now(), last_error = null, failed_at = null,
     leased_by = null, leased_until = null where result_id = $1 and leased_by = $2 and status = 'RUNNING'",
    "update task_runs set status = 'FAILED', finished_at = now(), failed_at = now(), last_error = 'no', run_after = null,
     leased_by = null, leased_until = null where result_id = $1 and leased_by = $2 and status = 'RUNNING'",
    "update task_runs set status = 'READY', run_after = now(), leased_by = null, leased_until = null
     where result_id = $1 and leased_by = $2 and status = 'RUNNING'",
];

struct Race {
    target: Target,
    /// The tasks that a worker runs now.
    held: Mutex<BTreeSet<i64>>,
    ended: AtomicBool,
    claims: AtomicU64,
    conflicts: AtomicU64,
}

impl Race {
    fn target(&self, name: &str) -> Target {
        Target { application_name: name.to_owned(), ..self.target.clone() }
    }

    fn claimer(&self, number: u64) {
        block(async {
            let session = open(&self.target("worker")).await.expect("a connection");
            for run in 0_u64.. {
                if self.ended.load(Ordering::Relaxed) {
                    return session.close().await;
                }
                self.attempt(&session, &format!("w{number}-{run}")).await;
            }
        });
    }

    async fn attempt(&self, session: &Session, worker: &str) {
        // One in four loses its lease and never returns.
        let dies = fastrand::u8(..) < 64;
        let lease = Param::Float(if dies { -1.0 } else { 3600.0 });
        let claimed: Result<Vec<_>, PgError> =
            session.write(Limits::default(), async |tx| tx.rows(CLAIM, &[worker.into(), lease]).await).await;
        let claimed = claimed.expect("a claim");
        let Some(row) = claimed.first() else { return thread::sleep(Duration::from_millis(1)) };
        let id: i64 = row.read("result_id").expect("an id");
        self.claims.fetch_add(1, Ordering::Relaxed);
        if dies {
            return;
        }
        assert!(self.held.lock().expect("no panic").insert(id), "task {id} runs twice");
        let beat: Result<Vec<_>, PgError> =
            session.write(Limits::default(), async |tx| tx.rows(HEARTBEAT, &[id.into(), worker.into()]).await).await;
        let beat = beat.expect("a heartbeat");
        let is_cancelled: bool = beat
            .first()
            .unwrap_or_else(|| panic!("task {id} was taken away"))
            .read("cancel_requested")
            .expect("a value");
        if fastrand::bool() {
            thread::sleep(Duration::from_micros(fastrand::u64(0..3000)));
        }
        let end = if is_cancelled { ENDS[1] } else { ENDS[fastrand::usize(0..3)] };
        self.held.lock().expect("no panic").remove(&id);
        let ended: Result<u64, PgError> =
            session.write(Limits::default(), async |tx| tx.execute(end, &[id.into(), worker.into()]).await).await;
        assert_eq!(ended.expect("an end"), 1, "the end of task {id} was not recorded");
    }

    fn operator(&self) {
        block(async {
            let session = open(&self.target("operator")).await.expect("a connection");
            while !self.ended.load(Ordering::Relaxed) {
                let done = self.operate(&session).await;
                match done {
                    Ok(()) => {}
                    // A task with the same specification was enqueued, or two sessions waited for each other.
                    Err(error) if write::is_duplicate(&error) => {}
                    Err(PgError::Conflict { .. }) => {
                        self.conflicts.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            session.close().await;
        });
    }

    async fn operate(&self, session: &Session) -> Result<(), PgError> {
        let some = "select result_id from task_runs order by random() limit 30";
        let mut ids: Vec<i64> = Vec::new();
        let rows = session.read(Limits::default(), async |tx| tx.rows(some, &[]).await).await?;
        for row in rows {
            ids.push(row.read("result_id")?);
        }
        let observed = session.read(Limits::default(), async |tx| read::observe(tx, &ids).await).await?;
        let is_shown = fastrand::bool();
        let planned: Vec<PlannedTask> = observed
            .iter()
            .map(|task| PlannedTask { id: task.result_id, shown: is_shown.then_some((task.status, task.attempts)) })
            .collect();
        let change = match fastrand::u8(0..6) {
            0 => TaskChange::Retry,
            1 => TaskChange::Cancel,
            2 => TaskChange::Discard,
            3 | 4 => TaskChange::Reclaim { include_missing: fastrand::bool() },
            _ => return self.prune(session, &ids[..ids.len().min(3)]).await,
        };
        session.write(Limits::default(), async |tx| write::change_tasks(tx, change, &planned).await).await?;
        Ok(())
    }

    async fn prune(&self, session: &Session, ids: &[i64]) -> Result<(), PgError> {
        session
            .write(Limits::default(), async |tx| {
                let now = read::server(tx).await?.now;
                let rule = PruneRule::new(now, &[]).expect("a rule");
                write::delete_tasks(tx, &rule, ids).await
            })
            .await?;
        Ok(())
    }

    /// Enqueues as Django does: not while a task with the same specification is active.
    fn enqueuer(&self) {
        let insert = "
            insert into task_runs (queue_name, spec_json, spec_hash, task_path)
            select 'default', '{}', md5($1) || md5('r'), 'shop.tasks.add' on conflict do nothing";
        block(async {
            let session = open(&self.target("django")).await.expect("a connection");
            while !self.ended.load(Ordering::Relaxed) {
                let hash = fastrand::u8(0..60).to_string();
                let done: Result<u64, PgError> = session
                    .write(Limits::default(), async |tx| tx.execute(insert, &[hash.as_str().into()]).await)
                    .await;
                done.expect("enqueued");
                thread::sleep(Duration::from_millis(1));
            }
            session.close().await;
        });
    }
}

#[test]
fn no_task_runs_twice_or_is_lost_or_changes_unseen() {
    let Some(database) = Database::of_origin("d") else { return };
    for id in 1..=40 {
        let status = if id % 2 == 0 { "READY" } else { "FAILED" };
        insert(&database, 1_000_000 + id, status, "finished_at = now(), queue_name = 'default'");
    }
    database.sql(TRIGGER);
    let race = Race {
        target: target(&database),
        held: Mutex::default(),
        ended: AtomicBool::new(false),
        claims: AtomicU64::new(0),
        conflicts: AtomicU64::new(0),
    };
    let count = |sql: &str| -> u64 { database.sql(sql).parse().expect("a number") };
    let began = Instant::now();
    thread::scope(|scope| {
        let race = &race;
        let mut threads = vec![scope.spawn(|| race.claimer(1)), scope.spawn(|| race.claimer(2))];
        threads.extend([scope.spawn(|| race.operator()), scope.spawn(|| race.operator())]);
        threads.push(scope.spawn(|| race.enqueuer()));
        while began.elapsed() < LONGEST && threads.iter().all(|thread| !thread.is_finished()) {
            thread::sleep(Duration::from_millis(250));
            if count("select count(*) from seen") >= TRANSITIONS_WANTED {
                break;
            }
        }
        race.ended.store(true, Ordering::Relaxed);
    });
    let summary =
        database.sql("select app, before, coalesce(after, '-'), count(*) from seen where before is not null group by 1, 2, 3 order by 1, 2, 3");
    every_transition_is_in_the_table(&summary);
    let unseen =
        "select count(*) from seen where app = 'operator' and before = 'RUNNING' and after <> 'RUNNING' and held";
    assert_eq!(count(unseen), 0, "the lease of a worker was taken away");
    let other = "select count(*) from seen where app = 'operator' and before = 'RUNNING' and after = 'RUNNING' \
                 and not requested";
    assert_eq!(count(other), 0, "a running task was changed in another way");
    assert_eq!(count("select count(*) from seen where app = 'operator' and attempts_after <> attempts"), 0);
    let lost = "select count(*) from seen where before is null
                and not exists (select from task_runs where result_id = seen.id)
                and not exists (select from seen gone where gone.id = seen.id and gone.after is null)";
    assert_eq!(count(lost), 0, "a task is neither there nor deleted by anybody");
    assert!(count("select count(*) from seen where before is null") > 100, "nothing was enqueued");
    let twice = "select count(*) from (select id from seen where before = 'READY' and after = 'RUNNING' \
                 group by id, attempts_after having count(*) > 1) twice";
    assert_eq!(count(twice), 0, "an attempt was made twice");
    let wanted = [
        "operator|FAILED|READY",
        "operator|FAILED|CANCELLED",
        "operator|READY|CANCELLED",
        "operator|RUNNING|RUNNING",
        "operator|RUNNING|READY",
        "operator|SUCCESSFUL|-",
        "worker|READY|RUNNING",
    ];
    for wanted in wanted {
        assert!(
            summary.contains(wanted),
            "{wanted} never happened, with {} conflicts:\n{summary}",
            race.conflicts.load(Ordering::Relaxed)
        );
    }
    assert!(count("select count(*) from seen") > 1000, "too little happened");
}

fn every_transition_is_in_the_table(summary: &str) {
    for line in summary.lines() {
        let [app, before, after, _] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        if app != "operator" {
            continue;
        }
        let before: TaskStatus = before.parse().expect("a status");
        let after: Option<TaskStatus> = (after != "-").then(|| after.parse().expect("a status"));
        let is_known = TRANSITIONS
            .iter()
            .any(|row| row.actors.contains(&Actor::Operator) && row.from == before && row.to == after);
        assert!(is_known, "{line}");
    }
}
