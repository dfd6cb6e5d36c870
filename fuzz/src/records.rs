//! Records this program wrote once and finds again: receipts, the state, plans, audit files. Anybody may have changed them.
#![expect(clippy::disallowed_methods, reason = "the records are files")]

use std::fmt::Debug;
use std::fs;

use reproq::internals::model::Sha256Digest;
use reproq::internals::model::Tool;
use reproq::internals::releases::prune::Audit;
use reproq::internals::releases::prune::AuditEvent;
use reproq::internals::releases::prune::PlanFile;
use reproq::internals::releases::prune::read_audit;
use reproq::internals::worker::store::Installed;
use reproq::internals::worker::store::Layout;
use reproq::internals::worker::store::Receipt;
use reproq::internals::worker::store::State;
use reproq::internals::worker::store::scan;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Digest;
use sha2::Sha256;

const BINARY: &[u8] = b"the worker";

/// A state file and a receipt, divided by a line of three dashes; without one the bytes are both. They lie beside a
/// binary, and no receipt about another binary is ever taken for one about this.
pub fn store(bytes: &[u8]) {
    let (state, receipt) = halves(bytes);
    assert_round_trip::<Receipt>(receipt);
    assert_round_trip::<State>(state);
    let directory = tempfile::tempdir().expect("a directory");
    let layout = Layout::in_project(directory.path(), &Tool::WORKER, "linux-amd64".parse().expect("a target"));
    let digest = Sha256Digest::from_bytes(Sha256::digest(BINARY).into());
    let claimed = serde_json::from_slice::<State>(state).ok().and_then(|state| state.current);
    fs::create_dir_all(layout.receipts()).expect("made");
    fs::create_dir_all(layout.binary.parent().expect("it is below the project")).expect("made");
    fs::write(&layout.binary, BINARY).expect("written");
    fs::write(layout.state(), state).expect("written");
    for named in [Some(digest), claimed].into_iter().flatten() {
        fs::write(layout.receipt(&named), receipt).expect("written");
    }
    match scan(&layout).expect("all of it can be read").0 {
        Installed::Intact { receipt } => assert_eq!(receipt.sha256, digest),
        Installed::Changed { receipt, found } => {
            assert_eq!(found, digest);
            assert!(receipt.sha256 != digest && Some(receipt.sha256) == claimed);
        }
        Installed::Foreign { found } => assert_eq!(found, digest),
        found @ (Installed::Nothing | Installed::Removed { .. } | Installed::NotAFile { .. }) => {
            panic!("the binary is there, not {found:?}")
        }
    }
}

/// A plan to be carried out on another day.
pub fn plan_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(plan) = PlanFile::from_json(text) {
        assert_eq!(PlanFile::from_json(&plan.to_json()).expect("what was written is read"), plan);
    }
    assert_round_trip::<PlanFile>(bytes);
}

/// An audit file. However it was cut by a crash, the lines before are read, also when another run went on with it.
pub fn audit(bytes: &[u8]) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("audit.jsonl");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("written");
        read_audit(&path)
    };
    let Ok(whole) = read(bytes) else { return };
    whole.iter().for_each(|line| {
        assert_round_trip_of(line);
    });
    // In the last line, in the middle of a letter where there is one.
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return };
    let start = bytes[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
    let letter = bytes[start..end].iter().position(|byte| byte & 0xc0 == 0x80);
    let cut = start + letter.unwrap_or((end - start) / 2);
    let left = read(&bytes[..cut]).expect("a cut record is read");
    assert!(whole.starts_with(&left));
    let begin = whole.iter().find(|line| matches!(line.event, AuditEvent::Begin { .. }));
    if let Some(begin) = begin {
        let mut audit = Audit::open(&path).expect("continued");
        audit.write(begin.time, begin.event.clone()).expect("written");
        let continued = read_audit(&path).expect("a continued record is read");
        assert_eq!(continued, [&left[..], std::slice::from_ref(begin)].concat());
    }
}

fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mark = b"\n---\n";
    match bytes.windows(mark.len()).position(|window| window == mark) {
        Some(place) => (&bytes[..place], &bytes[place + mark.len()..]),
        None => (bytes, bytes),
    }
}

/// What is understood is written so that it is understood as the same.
fn assert_round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(record) = serde_json::from_slice::<T>(bytes) {
        assert_round_trip_of(&record);
    }
}

fn assert_round_trip_of<T: Serialize + DeserializeOwned + PartialEq + Debug>(record: &T) {
    let written = serde_json::to_vec(record).expect("a record holds nothing that JSON cannot say");
    assert_eq!(&serde_json::from_slice::<T>(&written).expect("what was written is read"), record);
}
