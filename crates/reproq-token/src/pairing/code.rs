//! A code that pairs a TUI with a person.

use std::fmt;

/// 64 random bits, written as 16 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PairCode([u8; 8]);

impl PairCode {
    /// The code with these bits, which have to be random.
    #[must_use]
    pub const fn new(random: [u8; 8]) -> Self {
        Self(random)
    }

    /// Reads a code. `None` if it is not 16 hexadecimal digits in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(|bits| Self(bits.to_be_bytes()))
    }
}

impl fmt::Display for PairCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// A code is a secret until it is used.
impl fmt::Debug for PairCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairCode([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_one_spelling_is_read() {
        assert_eq!(
            PairCode::parse("00ff00ff00ff00ff").map(|code| code.to_string()).as_deref(),
            Some("00ff00ff00ff00ff")
        );
        for text in [
            "",
            "ff",
            "00FF00ff00ff00ff",
            "00ff00ff00ff00ff0",
            "+0ff00ff00ff00ff",
            "00ff 0ff00ff00ff",
            "é0ff00ff00ff00f",
        ] {
            assert_eq!(PairCode::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in any::<[u8; 8]>()) {
            let code = PairCode::new(bytes);
            prop_assert_eq!(PairCode::parse(&code.to_string()), Some(code));
        }
    }
}
