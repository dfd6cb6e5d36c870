//! The fields of a form. Pure.

/// The longest form, in bytes.
pub(crate) const LONGEST_FORM: usize = 8 * 1024;

/// The fields of a form that was sent, or of a query.
#[derive(Clone, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads fields as `application/x-www-form-urlencoded`.
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The value of a field; empty if it is missing. Of a field that is there twice, the first counts.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}
