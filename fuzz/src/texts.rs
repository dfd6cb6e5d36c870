//! Texts from outside: what is shown controls nothing, and what is read as a word is written as it was read.

use std::fmt::Debug;
use std::fmt::Display;
use std::str::FromStr;

use reproq::internals::model::RepoSlug;
use reproq::internals::model::Sha256Digest;
use reproq::internals::model::Tag;
use reproq::internals::model::Target;
use reproq::internals::model::VersionSpec;
use reproq::internals::model::text::printable;
use reproq::internals::model::text::printable_line;
use reproq::internals::trust::Level;

/// Names and messages on their way to a terminal, and the words they may be.
pub fn text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert_harmless(&printable_line(&text));
    let shown = printable(&text);
    shown.split(['\n', '\t']).for_each(assert_harmless);
    assert_eq!(printable(&shown), shown, "what may be shown is shown as it is");
    if text.chars().all(|c| matches!(c, ' '..='~')) {
        assert_eq!(printable_line(&text), text, "plain text needs no escapes");
    }
    assert_round_trip::<Tag>(&text);
    assert_round_trip::<Target>(&text);
    assert_round_trip::<RepoSlug>(&text);
    assert_round_trip::<Sha256Digest>(&text);
    assert_round_trip::<Level>(&text);
    if let Ok(VersionSpec::Exact(tag)) = text.parse() {
        assert_eq!(tag.as_str().parse(), Ok(tag));
    }
    if let Ok(digest) = Sha256Digest::parse_prefixed(&text) {
        assert_eq!(Sha256Digest::parse_prefixed(&format!("sha256:{digest}")), Ok(digest));
    }
}

fn assert_round_trip<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    if let Ok(word) = text.parse::<T>() {
        assert_eq!(word.to_string().parse::<T>().ok(), Some(word));
    }
}

/// Nothing in the text moves a cursor, begins a line, or turns the direction of one.
pub(super) fn assert_harmless(text: &str) {
    let harms = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(harms), "{text:?} controls a terminal");
}
