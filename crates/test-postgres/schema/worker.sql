-- The worker's own tables have defaults, and no full index on parent_id.
create table task_runs (
  result_id bigserial primary key,
  backend_alias text not null default 'default',
  queue_name text not null default 'default',
  priority integer not null default 0,
  run_after timestamptz,
  spec_json jsonb not null,
  spec_hash char(64) not null,
  task_path text,
  status text not null default 'READY',
  enqueued_at timestamptz not null default now(),
  started_at timestamptz,
  last_attempted_at timestamptz,
  finished_at timestamptz,
  attempts integer not null default 0,
  max_attempts integer not null default 3,
  timeout_seconds integer not null default 900,
  lock_key text,
  concurrency_key text,
  concurrency_limit integer not null default 0,
  worker_ids jsonb not null default '[]',
  return_json jsonb,
  errors_json jsonb not null default '[]',
  metadata_json jsonb not null default '{}',
  last_error text,
  failed_at timestamptz,
  leased_until timestamptz,
  leased_by text,
  logs_uri text,
  artifacts_uri text,
  expires_at timestamptz,
  parent_id bigint references task_runs (result_id) on delete set null,
  workflow_id uuid,
  wait_count integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  cancel_requested boolean not null default false
);
create index idx_task_runs_claim on task_runs (queue_name, status, priority desc, enqueued_at) where status = 'READY';
create index idx_task_runs_claim_due
  on task_runs (queue_name, coalesce(run_after, '-infinity'::timestamptz), priority desc, enqueued_at)
  where status = 'READY';
create unique index idx_task_runs_spec_unique on task_runs (spec_hash) where status in ('READY', 'RUNNING');
create index idx_task_runs_lock_key on task_runs (lock_key) where status = 'RUNNING';
create index idx_task_runs_concurrency_active on task_runs (concurrency_key, leased_until)
  where status = 'RUNNING' and concurrency_key is not null;
create index idx_task_runs_parent_id on task_runs (parent_id) where status = 'WAITING';
create index idx_task_runs_workflow_id on task_runs (workflow_id);
create index idx_task_runs_failed_at on task_runs (failed_at) where status = 'FAILED';
create index idx_task_runs_task_path on task_runs (task_path);
alter table task_runs add constraint task_runs_task_path_not_empty
  check (task_path is not null and task_path <> '') not valid;

create table periodic_tasks (
  name text primary key,
  cron_expr text not null,
  task_path text not null,
  payload_json jsonb not null default '{}',
  queue_name text not null default 'default',
  priority integer not null default 0,
  max_attempts integer not null default 3,
  concurrency_key text,
  concurrency_limit integer not null default 0,
  last_run_at timestamptz,
  next_run_at timestamptz not null,
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index idx_periodic_tasks_next_run on periodic_tasks (next_run_at) where enabled = true;

create table reproq_queue_controls (
  queue_name text primary key,
  paused boolean not null default false,
  paused_at timestamptz,
  reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table reproq_workers (
  worker_id text primary key,
  hostname text,
  concurrency integer,
  queues jsonb not null default '[]',
  started_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  version text
);

create table rate_limits (
  key text primary key,
  tokens_per_second real not null,
  burst_size integer not null,
  current_tokens real not null,
  last_refilled_at timestamptz not null default now()
);
insert into rate_limits (key, tokens_per_second, burst_size, current_tokens) values ('global', 0, 1, 0);

create table workflow_runs (
  workflow_id uuid primary key,
  expected_count integer not null,
  success_count integer not null default 0,
  failure_count integer not null default 0,
  callback_result_id bigint,
  status text not null default 'RUNNING',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index idx_workflow_runs_callback on workflow_runs (callback_result_id);

create function reproq_task_path_from_spec() returns trigger language plpgsql as $$
  begin
    if NEW.task_path is null or NEW.task_path = '' then
      NEW.task_path := NEW.spec_json->>'task_path';
    end if;
    return NEW;
  end;
$$;
create trigger trg_task_runs_task_path before insert or update of spec_json, task_path on task_runs
  for each row execute function reproq_task_path_from_spec();
