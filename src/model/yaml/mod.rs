//! YAML as a tree with positions, read within limits: size, depth, and the number of nodes after aliases are expanded.

mod read;

use std::fmt;

use thiserror::Error;

/// The maximum size of a document, in bytes.
pub(crate) const MAX_YAML_BYTES: usize = 1024 * 1024;

/// The maximum depth of lists and maps.
pub(crate) const MAX_YAML_DEPTH: usize = 64;

/// The maximum number of nodes. The copy that an alias stands for counts too, so that aliases of aliases cannot exhaust
/// memory.
pub(crate) const MAX_YAML_NODES: usize = 100_000;

/// A position in a file, both numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinePosition {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for LinePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A node of the tree.
#[derive(Debug, Clone)]
pub(crate) struct YamlNode {
    /// Where it begins.
    pub at: LinePosition,
    /// Its content.
    pub value: YamlValue,
}

/// The content of a node.
#[derive(Debug, Clone)]
pub(crate) enum YamlValue {
    /// A scalar, or nothing.
    Scalar(YamlScalar),
    /// A list.
    List(Vec<YamlNode>),
    /// A map in the order of the file. Keys are unique.
    Map(Vec<YamlEntry>),
}

/// One key of a map with its value.
#[derive(Debug, Clone)]
pub(crate) struct YamlEntry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub at: LinePosition,
    /// The value.
    pub value: YamlNode,
}

/// What to do with several documents in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Documents {
    /// Refuse them.
    One,
    /// Read the first; the others are not even parsed.
    First,
}

/// A scalar. Files contain secrets, so it does not print its text.
#[derive(Clone)]
pub(crate) struct YamlScalar {
    text: String,
    is_plain: bool,
}

/// The type of a scalar in YAML 1.2's core schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarType {
    /// A string.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer,
    /// Any other number.
    Float,
    /// Empty, `~` or `null`.
    Nothing,
}

/// Why a document was not read. The message contains no text of the document except keys and anchors.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{at}: {problem}")]
pub struct YamlError {
    /// Where.
    pub at: LinePosition,
    /// What is wrong.
    pub problem: String,
}

impl YamlError {
    /// An error at a position.
    pub fn new(at: LinePosition, problem: impl Into<String>) -> Self {
        Self { at, problem: problem.into() }
    }
}

impl YamlNode {
    /// Reads a document. An empty one is a scalar with nothing in it.
    pub(crate) fn read(text: &str) -> Result<Self, YamlError> {
        read::read(text, Documents::One)
    }

    /// Reads the first document of several, after a byte order mark, as Go's `yaml.Unmarshal` does.
    pub(crate) fn read_first(text: &str) -> Result<Self, YamlError> {
        read::read(text.strip_prefix('\u{feff}').unwrap_or(text), Documents::First)
    }

    /// The entries of a map; nothing counts as an empty map.
    pub(crate) fn as_map(&self, what: &str) -> Result<&[YamlEntry], YamlError> {
        match &self.value {
            YamlValue::Map(entries) => Ok(entries),
            YamlValue::Scalar(scalar) if scalar.kind() == ScalarType::Nothing => Ok(&[]),
            YamlValue::Scalar(_) | YamlValue::List(_) => Err(self.expected(what, "a map")),
        }
    }

    /// The items of a list; nothing counts as an empty list.
    pub(crate) fn as_list(&self, what: &str) -> Result<&[Self], YamlError> {
        match &self.value {
            YamlValue::List(items) => Ok(items),
            YamlValue::Scalar(scalar) if scalar.kind() == ScalarType::Nothing => Ok(&[]),
            YamlValue::Scalar(_) | YamlValue::Map(_) => Err(self.expected(what, "a list")),
        }
    }

    /// A scalar.
    pub(crate) fn as_scalar(&self, what: &str) -> Result<&YamlScalar, YamlError> {
        match &self.value {
            YamlValue::Scalar(scalar) => Ok(scalar),
            YamlValue::List(_) | YamlValue::Map(_) => Err(self.expected(what, "a single value")),
        }
    }

    /// A string that is not empty.
    pub(crate) fn as_name(&self, what: &str) -> Result<&str, YamlError> {
        let scalar = self.as_scalar(what)?;
        match scalar.kind() {
            ScalarType::Text if !scalar.text().is_empty() => Ok(scalar.text()),
            ScalarType::Text | ScalarType::Flag | ScalarType::Integer | ScalarType::Float | ScalarType::Nothing => {
                Err(self.expected(what, "a string that is not empty"))
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn as_flag(&self, what: &str) -> Result<bool, YamlError> {
        let scalar = self.as_scalar(what)?;
        match scalar.kind() {
            ScalarType::Flag => Ok(scalar.text().eq_ignore_ascii_case("true")),
            ScalarType::Text | ScalarType::Integer | ScalarType::Float | ScalarType::Nothing => {
                Err(self.expected(what, "true or false"))
            }
        }
    }

    fn expected(&self, what: &str, shape: &str) -> YamlError {
        YamlError::new(self.at, format!("{what} must be {shape}"))
    }
}

impl YamlScalar {
    /// The text without quotes.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it was written without quotes and tag, so that its text decides its type.
    pub(crate) const fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The type. A quoted scalar is a string.
    pub(crate) fn kind(&self) -> ScalarType {
        if self.is_plain { kind_of_plain(&self.text) } else { ScalarType::Text }
    }
}

impl fmt::Debug for YamlScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind())
    }
}

/// Section 10.3.2 of YAML 1.2.2.
fn kind_of_plain(text: &str) -> ScalarType {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarType::Nothing,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return ScalarType::Flag,
        ".nan" | ".NaN" | ".NAN" => return ScalarType::Float,
        _ => {}
    }
    let is_of = |digits: &str, radix: u32| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    if text.strip_prefix("0x").is_some_and(|digits| is_of(digits, 16))
        || text.strip_prefix("0o").is_some_and(|digits| is_of(digits, 8))
    {
        return ScalarType::Integer;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if is_of(unsigned, 10) {
        return ScalarType::Integer;
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || is_float(unsigned) {
        return ScalarType::Float;
    }
    ScalarType::Text
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_the_core_schema() {
        let cases = [
            ("", ScalarType::Nothing),
            ("~", ScalarType::Nothing),
            ("True", ScalarType::Flag),
            ("yes", ScalarType::Text),
            ("-12", ScalarType::Integer),
            ("0x1F", ScalarType::Integer),
            ("0x", ScalarType::Text),
            ("3.10", ScalarType::Float),
            ("1e3", ScalarType::Float),
            (".5", ScalarType::Float),
            ("-.inf", ScalarType::Float),
            (".", ScalarType::Text),
            ("1.2.3", ScalarType::Text),
            ("e3", ScalarType::Text),
            ("-", ScalarType::Text),
            ("https://example.com", ScalarType::Text),
        ];
        for (text, expected) in cases {
            assert_eq!(kind_of_plain(text), expected, "{text}");
        }
    }

    #[test]
    fn a_tree_prints_without_its_scalars() {
        let tree = YamlNode::read("a: hunter2\nb: [\"hunter2\", 3]\n").expect("a document");
        let shown = format!("{tree:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("Integer"), "{shown}");
    }
}
