//! Parses the `Link` header, which names the next page of a list. Pure.

/// Whether a `Link` header names a next page.
pub(crate) fn has_next_page(header: &str) -> bool {
    next_link(header).is_some()
}

/// The URL of the next page in a `Link` header (RFC 8288, 3): of the first link that has `next` among its relations.
pub fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    // A URL may contain commas and semicolons, so it is skipped before the header is split.
    loop {
        let (_, behind) = rest.split_once('<')?;
        let (url, parameters) = behind.split_once('>')?;
        let (link, further) = one_link(parameters);
        if parameters_of(link).any(|(name, value)| name.eq_ignore_ascii_case("rel") && is_next(value)) {
            return Some(url);
        }
        rest = further;
    }
}

fn is_next(relations: &str) -> bool {
    relations.split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"))
}

/// The parameters of the first link, and the rest of the header.
fn one_link(text: &str) -> (&str, &str) {
    match outside_quotes(text, ',') {
        Some(comma) => (&text[..comma], &text[comma + 1..]),
        None => (text, ""),
    }
}

fn parameters_of(link: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = Some(link);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let end = outside_quotes(text, ';');
        rest = end.map(|end| &text[end + 1..]);
        Some(end.map_or(text, |end| &text[..end]))
    })
    .filter_map(|parameter| parameter.split_once('='))
    .map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
}

/// The first position of `mark` outside quotes.
fn outside_quotes(text: &str, mark: char) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.char_indices()
        .find(|(_, c)| {
            if std::mem::take(&mut is_escaped) {
                return false;
            }
            match c {
                '"' => is_quoted = !is_quoted,
                '\\' if is_quoted => is_escaped = true,
                _ => return *c == mark && !is_quoted,
            }
            false
        })
        .map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_has_a_next_page_if_a_link_says_so() {
        for (header, expected) in [
            ("<https://api.github.com/x?page=2>; rel=\"next\", <https://api.github.com/x?page=9>; rel=\"last\"", true),
            (
                "<https://api.github.com/x?page=1>; rel=\"prev\", <https://api.github.com/x?page=1>; rel=\"first\"",
                false,
            ),
            ("<x>;rel=next", true),
            ("<x>; REL=\"last NEXT\"", true),
            ("<x>; title=\"a, b; c\"; rel=\"next\"", true),
            ("<x>; title=\"\\\", <y>; rel=next\"; rel=\"last\"", false),
            ("<https://x/?a,b;rel=\"next\">; rel=\"last\"", false),
            ("<x>; rel=\"nextish\"", false),
            ("<x>; anchor=\"next\"", false),
            ("<x", false),
            ("rel=\"next\"", false),
            ("", false),
        ] {
            assert_eq!(has_next_page(header), expected, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn written_links_are_read_back(links in proptest::collection::vec(("[a-z/?=&,;]{0,12}", "(next|prev|last|first)", any::<bool>()), 0..5)) {
            let written = links.iter().map(|(address, relation, quoted)| {
                if *quoted { format!("<{address}>; rel=\"{relation}\"") } else { format!("<{address}>;rel={relation}") }
            });
            let header = written.collect::<Vec<_>>().join(", ");
            let next = links.iter().find(|(_, relation, _)| relation == "next");
            prop_assert_eq!(next_link(&header), next.map(|(address, _, _)| address.as_str()));
        }

        #[test]
        fn arbitrary_headers_are_parsed_without_panic(header in "[<>;,=\"\\\\ relnxté]*") {
            let _ = next_link(&header);
        }
    }
}
