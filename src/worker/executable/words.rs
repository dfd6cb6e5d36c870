//! Text from files and programs, made safe to show: it must not control the reader's terminal.

/// The text with everything a terminal could act on escaped, cut after `most` characters of the original.
pub(super) fn printable(text: &str, most: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(most));
    let mut characters = text.chars();
    for c in characters.by_ref().take(most) {
        match c {
            // Harmless; `escape_debug` would add a backslash.
            '\'' | '"' | '\\' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The same for bytes.
pub(super) fn printable_bytes(bytes: &[u8], most: usize) -> String {
    // A character has at most four bytes; the rest cannot be shown anyway.
    let enough = &bytes[..bytes.len().min(most.saturating_add(1).saturating_mul(4))];
    printable(&String::from_utf8_lossy(enough), most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terminal_control_sequences_are_escaped() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\t", 99), r"a\u{1b}[2Jb\r\n\t");
        assert_eq!(printable("\u{202e}evil", 99), r"\u{202e}evil");
        assert_eq!(printable(r#"C:\it's "fine""#, 99), r#"C:\it's "fine""#);
        assert_eq!(printable("abcdef", 3), "abc…");
        assert_eq!(printable("abc", 3), "abc");
        assert_eq!(printable_bytes(b"\xff\x00ok", 9), "\u{fffd}\\0ok");
    }

    proptest! {
        #[test]
        fn nothing_unprintable_is_left(bytes: Vec<u8>, most in 0_usize..64) {
            let shown = printable_bytes(&bytes, most);
            prop_assert!(shown.chars().all(|c| !c.is_control()));
        }
    }
}
