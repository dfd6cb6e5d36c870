//! JSON with one unambiguous reading: bounded size and depth, and no duplicate keys. Two parsers of one
//! attestation must never see different content.

use std::collections::HashSet;
use std::fmt;

use serde::de::DeserializeSeed;
use serde::de::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;

/// The maximum nesting depth. Real attestations stay below 12.
const MAX_DEPTH: usize = 32;

/// Why a text is not unambiguous JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

/// Validates the entire text without building a value.
pub(super) fn strict(text: &[u8]) -> Result<(), JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    Walk { depth: 0 }
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| JsonError(format!("not well-formed JSON: {error}")))
}

/// The objects of a JSON Lines text; `None` if it does not look like one.
pub(super) fn lines(text: &[u8]) -> Option<Vec<&[u8]>> {
    let lines: Vec<&[u8]> =
        text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect();
    let objects = lines.iter().all(|line| line.starts_with(b"{") && line.ends_with(b"}"));
    (lines.len() > 1 && objects).then_some(lines)
}

/// One value somewhere in the text.
#[derive(Clone, Copy)]
struct Walk {
    depth: usize,
}

impl Walk {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        while items.next_element_seed(deeper)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        let mut seen = HashSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            entries.next_value_seed(deeper)?;
            if let Some(name) = seen.replace(name) {
                return Err(A::Error::custom(format_args!("`{name}` appears twice in one object")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_json_is_refused() {
        let refused = |text: &str| strict(text.as_bytes()).expect_err("refused").to_string();
        assert!(strict(br#" {"a": [1, -2, 3.5, "x", null, true, {"a": {}}]} "#).is_ok());
        assert!(refused(r#"{"a": 1, "b": {"c": 1, "c": 2}}"#).contains("`c` appears twice"));
        // The same name, written with an escape.
        assert!(refused(r#"{"a": 1, "\u0061": 2}"#).contains("`a` appears twice"));
        assert!(refused(r#"{"a": 1} {"a": 2}"#).contains("trailing"));
        assert!(strict(b"{\"a\": \"\xff\"}").is_err());
        assert!(strict(b"").is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(strict(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(strict(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(strict("[".repeat(1_000_000).as_bytes()).is_err());
    }
}
