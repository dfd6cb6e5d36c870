//! Time zones by name, as the worker finds them.

use jiff::tz::TimeZone;
use jiff::tz::TimeZoneDatabase;

/// The zone with this name. Unlike the database, the worker distinguishes upper and lower case.
pub fn find_zone(name: &str, zones: &TimeZoneDatabase) -> Option<TimeZone> {
    match name {
        // The worker computes in UTC, so that its local zone is UTC too.
        "" | "UTC" | "Local" => Some(TimeZone::UTC),
        _ => zones.get(name).ok().filter(|zone| zone.iana_name() == Some(name) && !zone.is_unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive() {
        let zones = TimeZoneDatabase::bundled();
        for name in ["Europe/Berlin", "UTC", "Local", "", "Etc/UTC", "EST5EDT"] {
            assert!(find_zone(name, &zones).is_some(), "{name}");
        }
        for name in ["europe/berlin", "utc", "Nope/Zone", "Etc/Unknown", "../UTC", "/etc/localtime", "UTC+1"] {
            assert!(find_zone(name, &zones).is_none(), "{name}");
        }
    }
}
