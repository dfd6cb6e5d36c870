//! What a queue is described by: schedules, arguments, database URLs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use reproq_queue::cron::Schedule;
use reproq_queue::dsn::Dsn;
use reproq_queue::dsn::FileContent;
use reproq_queue::dsn::Surroundings;
use reproq_queue::spec::PeriodicPayload;
use reproq_queue::spec::canonical_json;
use reproq_queue::spec::read_json;
use reproq_queue::task_ref::TaskRef;

/// A schedule: its runs are later and later, within a matching minute, and none if it says so.
pub fn cron(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(schedule) = Schedule::parse(&text, &TimeZoneDatabase::bundled()) else { return };
    for start in [0, 1_774_700_000, 1_793_000_000, 253_402_207_199] {
        let start = Timestamp::from_second(start).expect("within the calendar");
        let mut last = start;
        for run in schedule.runs_after(start).take(5) {
            assert!(run > last, "{run} is not later than {last}");
            assert_eq!(schedule.zone().to_datetime(run).second(), 0);
            last = run;
        }
        assert!(last == start || !schedule.never_fires());
        assert!(schedule.clock_changes(start, last).iter().all(|change| change.at > start && change.at <= last));
    }
}

/// Arguments of a task: the canonical text is canonical already. Those of a schedule, and the name of a task.
pub fn specification(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(value) = read_json(&text) {
        let canonical = canonical_json(&value).expect("JSON has string keys only");
        let again = read_json(&canonical).expect("canonical text is JSON");
        assert_eq!(canonical_json(&again), Ok(canonical));
    }
    let _ = PeriodicPayload::read(&text);
    if let Ok(task) = text.parse::<TaskRef>() {
        assert_eq!(task.to_string().parse(), Ok(task));
    }
}

/// A database URL, with the same text as its files: nothing that is printed has the password.
pub fn dsn(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (url, file) = text.split_once("\n---\n").unwrap_or((&text, ""));
    let canary = "hunter2-canary-hunter2";
    let variables = BTreeMap::from([("PGPASSWORD".to_owned(), canary.to_owned())]);
    let files = |_: &str| FileContent::Present { bytes: file.as_bytes().to_vec(), is_private: true };
    let surroundings = Surroundings {
        variables: &variables,
        system_user: Some("root"),
        home: None,
        socket_directory: None,
        files: &files,
    };
    let printed = match Dsn::read(url, &surroundings) {
        Ok(dsn) => {
            let worker = dsn.worker();
            assert!(!worker.attempts.is_empty() && worker.attempts.iter().all(|attempt| attempt.port > 0));
            format!("{dsn} {dsn:?} {worker:?} {}", dsn.target("reproq-cli"))
        }
        Err(error) => format!("{error} {error:?} {}", error.hint()),
    };
    assert!(text.contains(canary) || !printed.contains(canary), "{printed}");
}
