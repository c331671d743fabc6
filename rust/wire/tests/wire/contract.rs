//! The contract table of messages as a tree: what Kafka 4.3.1's own schemas say.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A message.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) key: Option<i16>,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) versions: Range,
    pub(crate) flexible: Option<Range>,
    pub(crate) fields: Vec<Field>,
}

/// A field, with those of its struct if it is one or an array of one.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) r#type: String,
    pub(crate) versions: Range,
    pub(crate) nullable: Option<Range>,
    pub(crate) tagged: Option<Range>,
    pub(crate) tag: Option<u32>,
    pub(crate) default: Option<String>,
    pub(crate) ignorable: bool,
    pub(crate) fields: Vec<Field>,
}

/// Versions from first to last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) min: i16,
    pub(crate) max: i16,
}

/// Every message by its name.
pub(crate) static MESSAGES: LazyLock<BTreeMap<String, Message>> = LazyLock::new(|| {
    let mut messages: Vec<Message> = Vec::new();
    for line in include_str!("../../../../contract/messages.tsv").lines() {
        let mut cells: Vec<&str> = line.split('\t').collect();
        cells.resize(11, "");
        match cells[0] {
            "M" => messages.push(Message::parse(&cells)),
            "F" => {
                let message = messages.last_mut().expect("a message comes before its fields");
                insert(&mut message.fields, cells[2], &cells);
            }
            _ => assert!(line.starts_with('#'), "{line}"),
        }
    }
    // Two of the share coordinator's records have a name twice; none of them is looked up here.
    messages.into_iter().map(|message| (message.name.clone(), message)).collect()
});

impl Message {
    fn parse(cells: &[&str]) -> Self {
        let mut versions = Range::parse(cells[4]).unwrap_or_default();
        if !cells[6].is_empty() {
            // The last version is unstable: Kafka does not advertise it.
            versions.max -= 1;
        }
        Self {
            key: cells[1].parse().ok(),
            kind: cells[2].to_owned(),
            name: cells[3].to_owned(),
            versions,
            flexible: Range::parse(cells[5]),
            fields: Vec::new(),
        }
    }

    pub(crate) fn is_flexible(&self, version: i16) -> bool {
        self.flexible.is_some_and(|flexible| flexible.contains(version))
    }
}

impl Field {
    fn parse(name: &str, cells: &[&str]) -> Self {
        // A null without quotes says nothing to Kafka's generator: such a field is empty by
        // default.
        let default = if cells[8] == "null" { "" } else { cells[8].trim_matches('"') };
        Self {
            name: name.to_owned(),
            r#type: cells[3].to_owned(),
            // Some persisted records say only in which versions a field is tagged.
            versions: Range::parse(cells[4]).or(Range::parse(cells[6])).unwrap_or_default(),
            nullable: Range::parse(cells[5]),
            tagged: Range::parse(cells[6]),
            tag: cells[7].parse().ok(),
            // Zero and its like are what a field has without a default.
            default: Some(default.to_owned()).filter(|d| !["", "0", "false"].contains(&d.as_str())),
            ignorable: cells[9] == "yes",
            fields: Vec::new(),
        }
    }

    pub(crate) fn is_tagged(&self, version: i16) -> bool {
        self.tagged.is_some_and(|tagged| tagged.contains(version))
    }

    pub(crate) fn is_nullable(&self, version: i16) -> bool {
        self.nullable.is_some_and(|nullable| nullable.contains(version))
    }
}

impl Range {
    /// `3`, `3-13`, `3+`; `none` and nothing are no range.
    fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<i16>().ok();
        if let Some(min) = text.strip_suffix('+') {
            return Some(Self { min: number(min)?, max: i16::MAX });
        }
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        Some(Self { min: number(min)?, max: number(max)? })
    }

    pub(crate) fn contains(self, version: i16) -> bool {
        (self.min..=self.max).contains(&version)
    }
}

/// Follows `A[].B.C` down the tree.
fn insert(fields: &mut Vec<Field>, path: &str, cells: &[&str]) {
    match path.split_once('.') {
        None => fields.push(Field::parse(path, cells)),
        Some((parent, rest)) => {
            let parent = parent.trim_end_matches("[]");
            let parent = fields.iter_mut().find(|field| field.name == parent);
            insert(&mut parent.expect("a struct comes before its fields").fields, rest, cells);
        }
    }
}
