-- The baseline SQL is the only one that does not indent the function.
create or replace function reproq_task_path_from_spec() returns trigger language plpgsql as $$
begin
  if NEW.task_path is null or NEW.task_path = '' then
    NEW.task_path := NEW.spec_json->>'task_path';
  end if;
  return NEW;
end;
$$;
