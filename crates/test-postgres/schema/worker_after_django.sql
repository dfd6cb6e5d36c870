-- What `migrate-worker` adds to Django's tables.
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

create index idx_task_runs_claim on task_runs (queue_name, status, priority desc, enqueued_at) where status = 'READY';
create unique index idx_task_runs_spec_unique on task_runs (spec_hash) where status in ('READY', 'RUNNING');
create index idx_task_runs_lock_key on task_runs (lock_key) where status = 'RUNNING';
create index idx_task_runs_concurrency_active on task_runs (concurrency_key, leased_until)
  where status = 'RUNNING' and concurrency_key is not null;
create index idx_task_runs_parent_id on task_runs (parent_id) where status = 'WAITING';
create index idx_task_runs_workflow_id on task_runs (workflow_id);
create index idx_task_runs_failed_at on task_runs (failed_at) where status = 'FAILED';
create index idx_periodic_tasks_next_run on periodic_tasks (next_run_at) where enabled = true;
