//! Beside the real encoder and the real `fnmatch`: Python writes random values, and this program writes the same bytes.
#![expect(clippy::disallowed_methods, reason = "Python is started here")]

#[expect(clippy::disallowed_methods, reason = "skipped tests are recorded in a file")]
#[path = "../../../tests/suite/support/skip.rs"]
mod skip;

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use reproq_queue::routing::matches_pattern;
use reproq_queue::spec::canonical_json;
use reproq_queue::spec::read_json;
use reproq_queue::spec::spec_hash;

/// One line each: a value as JSON with white space and ASCII escapes, and the hash of its canonical text.
const SPECS: &str = r#"
import hashlib, json, random, struct
random.seed(20261130)
LETTERS = [chr(c) for c in list(range(0x20)) + [0x22, 0x5c, 0x2f, 0x3c, 0x7f, 0xe9, 0x2028, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x1f600, 0x10ffff]] + list("abcAB01 ")
def text():
    return "".join(random.choice(LETTERS) for _ in range(random.randrange(8)))
def number():
    kind = random.randrange(7)
    if kind == 0: return random.randrange(-10, 10)
    if kind == 1: return random.randrange(-2**65, 2**65)
    if kind == 2: return random.randrange(10**40) * random.choice([1, -1])
    if kind == 3: return random.choice([0.0, -0.0, 1.0, 1e15, 1e16, 9999999999999998.0, 1e-4, 9.999e-5, 1e22, 5e-324])
    if kind == 4: return random.uniform(-1, 1) * 10.0 ** random.randrange(-20, 25)
    if kind == 5: return float(random.randrange(-10**6, 10**6)) / random.choice([1, 2, 10, 1000])
    while True:
        value = struct.unpack("d", random.randbytes(8))[0]
        if value == value and abs(value) != float("inf"): return value
def value(depth):
    kind = random.randrange(9 if depth < 4 else 6)
    if kind == 0: return random.choice([None, True, False])
    if kind in (1, 2): return text()
    if kind < 6: return number()
    if kind == 6: return {text(): value(depth + 1) for _ in range(random.randrange(5))}
    return [value(depth + 1) for _ in range(random.randrange(5))]
for _ in range(10000):
    spec = {"v": 1, "args": [value(0) for _ in range(random.randrange(4))], "kwargs": {text(): value(0) for _ in range(random.randrange(4))}}
    canonical = json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    items = list(spec.items()); random.shuffle(items)
    print(json.dumps(dict(items)) + "\t" + hashlib.sha256(canonical.encode()).hexdigest())
"#;

/// One line each: name, pattern, whether it matches, as JSON.
const PATTERNS: &str = r#"
import fnmatch, json, random
random.seed(20261130)
def text(letters, length):
    return "".join(random.choice(letters) for _ in range(random.randrange(length)))
for _ in range(20000):
    name, pattern = text("abcA-]!*[", 6), text("abc**?[[]]!-A", 9)
    print(json.dumps([name, pattern, fnmatch.fnmatchcase(name, pattern)]))
"#;

/// The output of a Python program. `None` where there is no Python.
fn python(program: &str) -> Option<String> {
    let child = Command::new("python3").arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        skip::record("canonical JSON beside the real encoder", "install python3");
        return None;
    };
    child.stdin.take().expect("piped").write_all(program.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("finished");
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn ten_thousand_random_specifications_have_the_hash_of_the_real_encoder() {
    let Some(lines) = python(SPECS) else { return };
    for line in lines.lines() {
        let (json, hash) = line.split_once('\t').expect("two columns");
        let canonical = canonical_json(&read_json(json).expect(json)).expect("sortable");
        assert_eq!(spec_hash(&canonical), hash, "{json}\n{canonical}");
    }
    assert_eq!(lines.lines().count(), 10_000);
}

#[test]
fn patterns_match_as_the_real_fnmatch_does() {
    let Some(lines) = python(PATTERNS) else { return };
    let mut matched = 0;
    for line in lines.lines() {
        let (name, pattern, expected): (String, String, bool) = serde_json::from_str(line).expect("three values");
        assert_eq!(matches_pattern(&name, &pattern), expected, "{name} {pattern}");
        matched += usize::from(expected);
    }
    assert!(matched > 100, "only {matched} of the patterns match");
}
