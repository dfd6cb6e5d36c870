//! Builds the tree from the events of the parser.

use std::collections::HashMap;
use std::collections::HashSet;

use saphyr_parser::Event;
use saphyr_parser::Marker;
use saphyr_parser::Parser;
use saphyr_parser::ScalarStyle;
use saphyr_parser::ScanError;
use saphyr_parser::Tag;

use crate::model::yaml::Documents;
use crate::model::yaml::LinePosition;
use crate::model::yaml::MAX_YAML_BYTES;
use crate::model::yaml::MAX_YAML_DEPTH;
use crate::model::yaml::MAX_YAML_NODES;
use crate::model::yaml::YamlEntry;
use crate::model::yaml::YamlError;
use crate::model::yaml::YamlNode;
use crate::model::yaml::YamlScalar;
use crate::model::yaml::YamlValue;

/// The key that merges another map into this one.
const MERGE: &str = "<<";

/// As YAML limits keys in one line. Messages repeat keys.
const MAX_KEY_BYTES: usize = 1024;

pub(super) fn read(text: &str, wanted: Documents) -> Result<YamlNode, YamlError> {
    let start = LinePosition { line: 1, column: 1 };
    if text.len() > MAX_YAML_BYTES {
        return Err(YamlError::new(start, format!("the document has more than {MAX_YAML_BYTES} bytes")));
    }
    let mut builder = Builder::default();
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| unreadable(&error))?;
        let at = position(&span.start);
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 && wanted == Documents::First {
                    break;
                }
                if documents > 1 {
                    return Err(YamlError::new(at, "only one document is allowed"));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_string = is_string(at, tag.as_deref())?;
                let is_plain = style == ScalarStyle::Plain && !is_string;
                let scalar = YamlScalar { text: text.into_owned(), is_plain };
                builder.add(YamlNode { at, value: YamlValue::Scalar(scalar) }, anchor, 1)?;
            }
            Event::SequenceStart(anchor, tag) => {
                untagged(at, tag.as_deref())?;
                builder.open(at, anchor, Content::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                untagged(at, tag.as_deref())?;
                let (entries, merged) = (Vec::new(), Vec::new());
                builder.open(at, anchor, Content::Map { entries, merged, key: None, lines: HashMap::new() })?;
            }
            Event::SequenceEnd | Event::MappingEnd => builder.close()?,
            Event::Alias(id) => builder.alias(at, id)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }
    let empty = || YamlScalar { text: String::new(), is_plain: true };
    Ok(builder.root.unwrap_or_else(|| YamlNode { at: start, value: YamlValue::Scalar(empty()) }))
}

/// A list or map that is not complete.
struct Open {
    at: LinePosition,
    anchor: usize,
    content: Content,
    /// The number of nodes in it, itself included.
    nodes: usize,
}

enum Content {
    List(Vec<YamlNode>),
    Map {
        entries: Vec<YamlEntry>,
        /// What `<<` merges, in order.
        merged: Vec<YamlEntry>,
        /// A key that waits for its value.
        key: Option<PendingKey>,
        /// The lines of all keys.
        lines: HashMap<String, usize>,
    },
}

struct PendingKey {
    name: String,
    at: LinePosition,
    /// Whether its value is merged into the map.
    merges: bool,
}

#[derive(Default)]
struct Builder {
    root: Option<YamlNode>,
    open: Vec<Open>,
    /// Complete nodes with an anchor, and the number of nodes in each.
    anchors: HashMap<usize, (YamlNode, usize)>,
    /// All nodes so far.
    nodes: usize,
}

impl Builder {
    fn open(&mut self, at: LinePosition, anchor: usize, content: Content) -> Result<(), YamlError> {
        if self.open.len() >= MAX_YAML_DEPTH {
            return Err(YamlError::new(
                at,
                format!("lists and maps are nested more than {MAX_YAML_DEPTH} levels deep"),
            ));
        }
        self.count(at, 1)?;
        self.open.push(Open { at, anchor, content, nodes: 1 });
        Ok(())
    }

    fn close(&mut self) -> Result<(), YamlError> {
        let Some(Open { at, anchor, content, nodes }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(items) => YamlValue::List(items),
            Content::Map { entries, merged, .. } => YamlValue::Map(with_merged(entries, merged)),
        };
        self.place(YamlNode { at, value }, anchor, nodes)
    }

    /// Adds a complete node that was not counted yet.
    fn add(&mut self, node: YamlNode, anchor: usize, nodes: usize) -> Result<(), YamlError> {
        self.count(node.at, nodes)?;
        self.place(node, anchor, nodes)
    }

    /// Adds a copy of the node that an alias names. An anchor exists only once its node is complete, so a node cannot
    /// contain itself.
    fn alias(&mut self, at: LinePosition, id: usize) -> Result<(), YamlError> {
        let Some((node, nodes)) = self.anchors.get(&id).cloned() else {
            return Err(YamlError::new(at, "the alias names a node that contains it"));
        };
        if self.open.len() + depth(&node) > MAX_YAML_DEPTH {
            return Err(YamlError::new(
                at,
                format!("lists and maps are nested more than {MAX_YAML_DEPTH} levels deep"),
            ));
        }
        self.add(node, 0, nodes)
    }

    fn count(&mut self, at: LinePosition, nodes: usize) -> Result<(), YamlError> {
        self.nodes += nodes;
        if self.nodes > MAX_YAML_NODES {
            return Err(YamlError::new(at, format!("more than {MAX_YAML_NODES} values, copies by aliases included")));
        }
        Ok(())
    }

    fn place(&mut self, node: YamlNode, anchor: usize, nodes: usize) -> Result<(), YamlError> {
        if anchor != 0 {
            self.count(node.at, nodes)?;
            self.anchors.insert(anchor, (node.clone(), nodes));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        parent.nodes += nodes;
        match &mut parent.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, merged, key, lines } => match key.take() {
                None => *key = Some(key_of(&node, lines)?),
                Some(key) if key.merges => merged.extend(to_merge(node)?),
                Some(key) => entries.push(YamlEntry { key: key.name, at: key.at, value: node }),
            },
        }
        Ok(())
    }
}

/// A key: a scalar that the map does not have yet.
fn key_of(node: &YamlNode, lines: &mut HashMap<String, usize>) -> Result<PendingKey, YamlError> {
    let scalar = node.as_scalar("a key")?;
    let name = scalar.text().to_owned();
    if name.len() > MAX_KEY_BYTES {
        return Err(YamlError::new(node.at, format!("a key has more than {MAX_KEY_BYTES} bytes")));
    }
    match lines.insert(name.clone(), node.at.line) {
        Some(first) => Err(YamlError::new(node.at, format!("the key `{name}` is already in line {first}"))),
        None => Ok(PendingKey { merges: scalar.is_plain && name == MERGE, name, at: node.at }),
    }
}

/// The entries that `<<` adds: those of a map, or of each map in a list.
fn to_merge(node: YamlNode) -> Result<Vec<YamlEntry>, YamlError> {
    let problem = |at| YamlError::new(at, "`<<` must be a map or a list of maps");
    match node.value {
        YamlValue::Map(entries) => Ok(entries),
        YamlValue::List(items) => {
            let mut merged = Vec::new();
            for item in items {
                let YamlValue::Map(entries) = item.value else { return Err(problem(item.at)) };
                merged.extend(entries);
            }
            Ok(merged)
        }
        YamlValue::Scalar(_) => Err(problem(node.at)),
    }
}

/// The map's own entries take precedence, then the first merged map that has the key.
fn with_merged(mut entries: Vec<YamlEntry>, merged: Vec<YamlEntry>) -> Vec<YamlEntry> {
    if merged.is_empty() {
        return entries;
    }
    let mut known: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    entries.extend(merged.into_iter().filter(|entry| known.insert(entry.key.clone())));
    entries
}

fn depth(node: &YamlNode) -> usize {
    match &node.value {
        YamlValue::Scalar(_) => 0,
        YamlValue::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        YamlValue::Map(entries) => 1 + entries.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0),
    }
}

/// Whether the tag makes a scalar a string.
fn is_string(at: LinePosition, tag: Option<&Tag>) -> Result<bool, YamlError> {
    match tag {
        None => Ok(false),
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(true),
        Some(_) => Err(YamlError::new(at, "only the tag `!!str` is supported")),
    }
}

fn untagged(at: LinePosition, tag: Option<&Tag>) -> Result<(), YamlError> {
    tag.map_or(Ok(()), |_| Err(YamlError::new(at, "tags on lists and maps are not supported")))
}

fn position(marker: &Marker) -> LinePosition {
    LinePosition { line: marker.line(), column: marker.col() + 1 }
}

/// The parser's message. The only one that repeats text of the document repeats a single character, which is left out.
fn unreadable(error: &ScanError) -> YamlError {
    let problem = error.info().split(": `").next().unwrap_or_default();
    YamlError::new(position(error.marker()), format!("invalid YAML: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        super::read(text, Documents::One).expect_err("refused").to_string()
    }

    fn read(text: &str) -> Result<YamlNode, YamlError> {
        super::read(text, Documents::One)
    }

    /// A tree as compact text.
    fn shown(node: &YamlNode) -> String {
        match &node.value {
            YamlValue::Scalar(scalar) => format!("{:?}:{}", scalar.kind(), scalar.text()),
            YamlValue::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
            YamlValue::Map(entries) => {
                let entries = entries.iter().map(|entry| format!("{}={}", entry.key, shown(&entry.value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    #[test]
    fn a_document_is_a_tree_with_positions() {
        let tree = read("a: 1\nb:\n  - x\n  - \"1\"\n  - !!str 2\n").expect("a document");
        assert_eq!(shown(&tree), "{a=Integer:1, b=[Text:x, Text:1, Text:2]}");
        let entries = tree.as_map("the document").expect("a map");
        let items = entries[1].value.as_list("b").expect("a list");
        assert_eq!((entries[1].at.line, entries[1].at.column), (2, 1));
        assert_eq!((items[1].at.line, items[1].at.column), (4, 5));
        assert_eq!(shown(&read("").expect("empty")), "Nothing:");
        assert_eq!(shown(&read("# a comment\n").expect("empty")), "Nothing:");
    }

    #[test]
    fn aliases_are_copies_and_merged_maps_yield_to_own_keys() {
        let tree = read("base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nuse:\n  <<: [*b, *o]\n  x: 9\nlist: [*b]\n");
        assert_eq!(
            shown(&tree.expect("a document")),
            "{base={x=Integer:1, y=Integer:2}, other={y=Integer:3, z=Integer:4}, \
             use={x=Integer:9, y=Integer:2, z=Integer:4}, list=[{x=Integer:1, y=Integer:2}]}"
        );
    }

    #[test]
    fn problems_have_a_position() {
        let cases = [
            ("a: 1\na: 2\n", "line 2, column 1: the key `a` is already in line 1"),
            ("[x]: 1\n", "line 1, column 1: a key must be a single value"),
            ("a: 1\n---\nb: 2\n", "line 2, column 1: only one document is allowed"),
            ("a: !secret x\n", "line 1, column 4: only the tag `!!str` is supported"),
            ("a: &x [*x]\n", "line 1, column 8: the alias names a node that contains it"),
            ("a: *y\n", "line 1, column 4: invalid YAML: while parsing node, found unknown anchor"),
            ("\"<<\": 1\n\"<<\": 2", "line 2, column 1: the key `<<` is already in line 1"),
            ("<<: 1\n", "line 1, column 5: `<<` must be a map or a list of maps"),
        ];
        for (text, expected) in cases {
            assert_eq!(refused(text), expected, "{text}");
        }
        assert!(refused("a: @hunter2").starts_with("line 1, column 4: invalid YAML: unexpected character"));
        assert!(!refused("a: @hunter2").contains('@'));
    }

    #[test]
    fn size_depth_and_aliases_are_limited() {
        assert!(refused(&"a".repeat(MAX_YAML_BYTES + 1)).contains("more than 1048576 bytes"));
        assert!(refused(&"[".repeat(MAX_YAML_DEPTH + 1)).contains("64 levels deep"));
        let nested = (0..=MAX_YAML_DEPTH).map(|depth| format!("{}- \n", "  ".repeat(depth))).collect::<String>();
        assert!(refused(&nested).contains("64 levels deep"));
        // Each line is nine copies of the one before: 9^9 values in 300 bytes.
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let copies = vec![format!("*a{}", level - 1); 9].join(", ");
            laughs.push_str(&format!("a{level}: &a{level} [{copies}]\n"));
        }
        assert!(refused(&laughs).contains("more than 100000 values"));
        let mut deep = "a0: &a0 [x]\n".to_owned();
        for level in 1..MAX_YAML_DEPTH {
            deep.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
        }
        assert!(refused(&deep).contains("64 levels deep"));
    }
}
