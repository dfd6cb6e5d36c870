//! Time formats of GitHub's JSON and of HTTP headers.

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use chrono::DateTime;

pub(crate) fn rfc3339(time: SystemTime) -> String {
    date_time(time).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(crate) fn http_date(time: SystemTime) -> String {
    date_time(time).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The HTTP form of an RFC 3339 time; the input if it is not one.
pub(crate) fn http_date_of(rfc3339: &str) -> String {
    DateTime::parse_from_rfc3339(rfc3339)
        .map_or_else(|_| rfc3339.to_owned(), |time| time.to_utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn date_time(time: SystemTime) -> DateTime<chrono::Utc> {
    let seconds = i64::try_from(unix_seconds(time)).unwrap_or(i64::MAX);
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_as_github_and_http_write_them() {
        let time = UNIX_EPOCH + Duration::from_secs(1_704_067_200);
        assert_eq!(rfc3339(time), "2024-01-01T00:00:00Z");
        assert_eq!(http_date(time), "Mon, 01 Jan 2024 00:00:00 GMT");
        assert_eq!(http_date_of("2024-01-01T00:00:00Z"), http_date(time));
    }
}
