//! Random tasks, hashed by the real package and by this program.

use reproq_queue::spec::RunAfter;
use reproq_queue::spec::TaskSpec;
use reproq_queue::spec::Value;
use reproq_queue::spec::read_json;
use reproq_queue::spec::spec_hash;
use serde_json::Value as Json;

use super::shop::Shop;

/// One line each: the arguments as JSON, what else the task has, its canonical text and its hash.
const TASKS: &str = r#"
import json, random, struct
from datetime import datetime, timedelta, timezone
from reproq_django.serialization import canonical_json, encode_args_kwargs, spec_hash_for
random.seed(20261201)
LETTERS = [chr(c) for c in list(range(1, 0x20)) + [0x22, 0x5c, 0x2f, 0x26, 0x3c, 0x7f, 0xe9, 0x2028, 0xd7ff, 0xe000, 0xffff, 0x1f600]] + list("abcAB01 ")
def text():
    return "".join(random.choice(LETTERS) for _ in range(random.randrange(8)))
def number():
    kind = random.randrange(6)
    if kind == 0: return random.randrange(-10, 10)
    if kind == 1: return random.randrange(-2**70, 2**70)
    if kind == 2: return random.choice([0.0, -0.0, 1.0, 1e15, 1e16, 1e-4, 9.999e-5, 1e22, 5e-324, 1.7976931348623157e308])
    if kind == 3: return random.uniform(-1, 1) * 10.0 ** random.randrange(-20, 25)
    if kind == 4: return float(random.randrange(-10**6, 10**6)) / random.choice([1, 2, 10, 1000])
    while True:
        value = struct.unpack("d", random.randbytes(8))[0]
        if value == value and abs(value) != float("inf"): return value
def value(depth):
    kind = random.randrange(9 if depth < 3 else 6)
    if kind == 0: return random.choice([None, True, False])
    if kind in (1, 2): return text()
    if kind < 6: return number()
    if kind == 6: return {text(): value(depth + 1) for _ in range(random.randrange(4))}
    return [value(depth + 1) for _ in range(random.randrange(4))]
def moment():
    zone = timezone(timedelta(minutes=random.randrange(-14 * 60, 14 * 60)))
    start = datetime(2026, 1, 1, tzinfo=zone)
    return start + timedelta(seconds=random.randrange(10**8), microseconds=random.choice([0, 5, 250000]))
def maybe(make):
    return make() if random.random() < 0.4 else None
for _ in range(2000):
    args, kwargs = encode_args_kwargs(
        tuple(value(0) for _ in range(random.randrange(4))), {text(): value(0) for _ in range(random.randrange(4))})
    run_after = maybe(moment)
    spec = {
        "v": 1, "task_path": "shop.tasks." + text(), "args": args, "kwargs": kwargs,
        "takes_context": random.random() < 0.5, "queue_name": text() or "default",
        "priority": random.randrange(-100, 101), "lock_key": maybe(text), "concurrency_key": maybe(text),
        "concurrency_limit": random.randrange(10), "run_after": run_after.isoformat() if run_after else None,
        "exec": {"timeout_seconds": random.randrange(1, 10**5), "max_attempts": random.randrange(1, 20)},
        "provenance": {"code_ref": maybe(text), "pip_lock_hash": maybe(text)},
    }
    print(json.dumps([json.dumps(args), json.dumps(kwargs), spec, canonical_json(spec), spec_hash_for(spec)]))
print(json.dumps("the end"))
"#;

fn spec(args: &str, kwargs: &str, other: &Json) -> TaskSpec {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let number = |value: &Json| value.as_i64().and_then(|number| i32::try_from(number).ok()).expect("a number");
    let Value::List(args) = read_json(args).expect("JSON") else { panic!("{args}") };
    let Value::Object(kwargs) = read_json(kwargs).expect("JSON") else { panic!("{kwargs}") };
    TaskSpec {
        task_path: text(&other["task_path"]).expect("a path"),
        args,
        kwargs,
        takes_context: other["takes_context"] == true,
        queue_name: text(&other["queue_name"]).expect("a queue"),
        priority: number(&other["priority"]),
        lock_key: text(&other["lock_key"]),
        concurrency_key: text(&other["concurrency_key"]),
        concurrency_limit: number(&other["concurrency_limit"]),
        run_after: text(&other["run_after"]).map(|time| time.parse::<RunAfter>().expect("a time")),
        timeout_seconds: number(&other["exec"]["timeout_seconds"]),
        max_attempts: number(&other["exec"]["max_attempts"]),
        code_ref: text(&other["provenance"]["code_ref"]),
        pip_lock_hash: text(&other["provenance"]["pip_lock_hash"]),
    }
}

#[test]
fn two_thousand_random_tasks_have_the_hash_of_the_real_package() {
    let Some(shop) = Shop::without_tables() else { return };
    let lines = shop.python_lines(TASKS);
    assert_eq!(lines.len(), 2001);
    for line in &lines[..2000] {
        let line: (String, String, Json, String, String) = serde_json::from_str(line).expect("five columns");
        let (args, kwargs, other, expected, hash) = line;
        let canonical = spec(&args, &kwargs, &other).canonical().expect("canonical");
        assert_eq!(canonical, expected);
        assert_eq!(spec_hash(&canonical), hash, "{expected}");
    }
}
