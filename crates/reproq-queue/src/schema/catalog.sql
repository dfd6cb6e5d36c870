with found as (
  select wanted.name, c.oid, c.relkind::text as kind, c.reltuples, c.relowner, n.nspname, n.oid as namespace
  from unnest($1) as wanted(name)
  join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(wanted.name))
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
),
here as (
  select oid from pg_catalog.pg_database where datname = current_database()
),
me as (
  select pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') as sees_all
),
building as (
  select distinct relid from pg_catalog.pg_stat_get_progress_info('CREATE INDEX'), here where datid = here.oid
)
select jsonb_build_object(
  'server', jsonb_build_object(
    'version', current_setting('server_version'),
    'number', current_setting('server_version_num')::int,
    'database', current_database(),
    'user', current_user,
    'schema', current_schema(),
    'in_recovery', pg_is_in_recovery(),
    'read_only', current_setting('default_transaction_read_only') = 'on',
    'may_create', coalesce(has_schema_privilege(current_user, current_schema(), 'CREATE'), false),
    'database_bytes', case when has_database_privilege(current_user, current_database(), 'CONNECT')
                           then pg_database_size(current_database()) end),
  'connection', (
    select jsonb_build_object(
      'client_port', a.client_port,
      'backend_seconds', extract(epoch from clock_timestamp() - a.backend_start)::float8,
      'tls', a.ssl)
    from pg_catalog.pg_stat_get_activity(pg_backend_pid()) a),
  'activity', jsonb_build_object(
    'sees_all', (select sees_all from me),
    'old', coalesce((
      select jsonb_agg(jsonb_build_object(
        'pid', o.pid, 'user', pg_get_userbyid(o.usesysid), 'application', o.application_name, 'state', o.state,
        'seconds', extract(epoch from clock_timestamp() - o.xact_start)::float8) order by o.xact_start)
      from (select a.* from pg_catalog.pg_stat_get_activity(null) a, here
            where datid = here.oid and pid <> pg_backend_pid()
              and xact_start < clock_timestamp() - interval '5 minutes'
              and backend_type = 'client backend'
            order by xact_start limit 5) o), '[]'),
    'prepared', (select count(*) from pg_catalog.pg_prepared_xact() p, here where p.dbid = here.oid)),
  'tables', coalesce((
    select jsonb_agg(jsonb_build_object(
      'name', f.name,
      'schema', f.nspname,
      'kind', f.kind,
      'rows', f.reltuples::float8,
      'bytes', pg_table_size(f.oid),
      'index_bytes', pg_indexes_size(f.oid),
      'live_rows', pg_stat_get_live_tuples(f.oid),
      'dead_rows', pg_stat_get_dead_tuples(f.oid),
      'vacuumed', greatest(pg_stat_get_last_vacuum_time(f.oid), pg_stat_get_last_autovacuum_time(f.oid)),
      'owned', pg_has_role(current_user, f.relowner, 'USAGE'),
      'may_create', has_schema_privilege(current_user, f.namespace, 'CREATE'),
      'privileges', jsonb_build_object(
        'select', has_table_privilege(current_user, f.oid, 'SELECT'),
        'insert', has_table_privilege(current_user, f.oid, 'INSERT'),
        'update', has_table_privilege(current_user, f.oid, 'UPDATE'),
        'delete', has_table_privilege(current_user, f.oid, 'DELETE')),
      'columns', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'name', a.attname,
          'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
          'not_null', a.attnotnull,
          'default', pg_get_expr(d.adbin, d.adrelid),
          'generated', a.attidentity <> '' or a.attgenerated <> '') order by a.attnum), '[]')
        from pg_catalog.pg_attribute a
        left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = f.oid and a.attnum > 0 and not a.attisdropped),
      'indexes', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'name', ic.relname,
          'definition', pg_get_indexdef(i.indexrelid),
          'unique', i.indisunique,
          'valid', i.indisvalid and i.indisready,
          'building', not (i.indisvalid and i.indisready) and exists (select from building b where b.relid = f.oid),
          'bytes', pg_relation_size(i.indexrelid)) order by ic.relname), '[]')
        from pg_catalog.pg_index i join pg_catalog.pg_class ic on ic.oid = i.indexrelid
        where i.indrelid = f.oid),
      'constraints', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'name', k.conname, 'definition', pg_get_constraintdef(k.oid)) order by k.conname), '[]')
        from pg_catalog.pg_constraint k where k.conrelid = f.oid),
      'triggers', (
        select coalesce(jsonb_agg(t.tgname order by t.tgname), '[]')
        from pg_catalog.pg_trigger t where t.tgrelid = f.oid and not t.tgisinternal and t.tgenabled <> 'D')
    ) order by f.name)
    from found f), '[]'),
  'function', (
    select p.prosrc from pg_catalog.pg_proc p
    where p.proname = $2 and p.pronargs = 0 and pg_function_is_visible(p.oid) limit 1),
  'depth_history', to_regclass('reproq_depth_history') is not null,
  'django_migrations', to_regclass('django_migrations') is not null
    and has_table_privilege(current_user, to_regclass('django_migrations'), 'SELECT')
)::text as catalog
