//! Where a person goes after signing in: to a page that this program builds from what it understood, so never to another host.
//! Pure.

use reproq_token::PairCode;

use super::form::Form;

/// The page after signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The page for people.
    Home,
    /// The approval of a code.
    Authorize(Option<PairCode>),
}

impl Next {
    /// Reads the path that a link named. Everything but the approval of a code is understood as the page for people.
    pub(crate) fn parse(text: &str, prefix: &str) -> Self {
        let path = format!("{prefix}/reproq/tui/authorize/");
        let query = text.strip_prefix(&path).and_then(|rest| rest.strip_prefix('?'));
        let code = query.and_then(|query| PairCode::parse(Form::parse(query.as_bytes()).value("code")));
        code.map_or(Self::Home, |code| Self::Authorize(Some(code)))
    }

    /// The path, for a link or a redirect.
    pub(crate) fn path(self, prefix: &str) -> String {
        match self {
            Self::Home => format!("{prefix}/"),
            Self::Authorize(None) => format!("{prefix}/reproq/tui/authorize/"),
            Self::Authorize(Some(code)) => format!("{prefix}/reproq/tui/authorize/?code={code}"),
        }
    }

    /// The page where to sign in, which then leads here. The path is encoded as Django does.
    pub(super) fn sign_in(self, prefix: &str) -> String {
        let next: String = form_urlencoded::byte_serialize(self.path(prefix).as_bytes()).collect();
        format!("{prefix}/reproq/tui/login/?next={next}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CODE: &str = "00112233aabbccdd";

    #[test]
    fn only_the_approval_is_led_to() {
        let path = |text: &str| Next::parse(text, "").path("");
        let with_code = format!("/reproq/tui/authorize/?code={CODE}");
        assert_eq!(path(&with_code), with_code);
        assert_eq!(path(&format!("{with_code}&x=https://evil.test")), with_code);
        for text in [
            "",
            "https://evil.test/",
            "//evil.test/reproq/tui/authorize/?code=00112233aabbccdd",
            "/\\evil.test",
            "/reproq/tui/authorize/@evil.test",
            "/reproq/tui/authorize/?code=//evil.test",
            "/reproq/tui/authorize/?code=00112233AABBCCDD",
            "javascript:alert(1)",
            "\r\nSet-Cookie: a=b",
        ] {
            assert_eq!(path(text), "/", "{text}");
        }
        let next = Next::parse(&format!("/ops{with_code}"), "/ops");
        assert_eq!(next.path("/ops"), format!("/ops{with_code}"));
        assert_eq!(
            next.sign_in("/ops"),
            format!("/ops/reproq/tui/login/?next=%2Fops%2Freproq%2Ftui%2Fauthorize%2F%3Fcode%3D{CODE}")
        );
    }

    proptest! {
        #[test]
        fn no_text_leads_elsewhere(text in "\\PC{0,60}", prefix in "(/[a-z]{1,5}){0,2}") {
            let path = Next::parse(&text, &prefix).path(&prefix);
            let start = format!("{prefix}/reproq/tui/authorize/?code=");
            prop_assert!(path == format!("{prefix}/") || path.starts_with(&start), "{}", path);
            prop_assert!(path.chars().all(|c| c.is_ascii_alphanumeric() || "/?=".contains(c)), "{}", path);
        }
    }
}
