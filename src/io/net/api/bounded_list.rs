//! Lists in responses, parsed only up to the lengths that an API documents, so that a server cannot make them take more memory.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::SeqAccess;
use serde::de::Visitor;

/// A document that is a list of at most `MOST` entries.
#[derive(Debug, Deserialize)]
#[serde(transparent, bound = "T: Deserialize<'de>")]
pub(crate) struct Page<T, const MOST: usize>(
    /// The entries.
    #[serde(deserialize_with = "at_most::<MOST, _, _>")]
    pub Vec<T>,
);

/// Parses a list of at most `MOST` entries; a longer one is an error.
pub(crate) fn at_most<'de, const MOST: usize, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_seq(List::<T, MOST>(PhantomData))
}

struct List<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for List<T, MOST> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(entry) = sequence.next_element()? {
            if all.len() == MOST {
                return Err(A::Error::custom(format!("a list of more than {MOST}")));
            }
            all.push(entry);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_is_too_many() {
        let read =
            |text| serde_json::from_str::<Page<u8, 2>>(text).map(|page| page.0).map_err(|error| error.to_string());
        assert_eq!(read("[]"), Ok(vec![]));
        assert_eq!(read("[1,2]"), Ok(vec![1, 2]));
        assert!(read("[1,2,3]").is_err_and(|error| error.contains("a list of more than 2")));
        assert!(read("{}").is_err_and(|error| error.contains("expected a list")));
    }
}
