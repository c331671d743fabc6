//! Writes random messages straight from the contract table, by rules that share no line with the
//! codec under test.

use base::{Rng, SplitMix64};

use crate::contract::{Field, Message};

/// The most elements of a random array.
const ELEMENTS_MAX: u32 = 3;

/// A random message in `version`.
pub(crate) fn random_message(message: &Message, version: i16, rng: &mut SplitMix64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder { version, flexible: message.is_flexible(version), choice: rng };
    encoder.write_struct(&message.fields, &mut out);
    out
}

/// A message in `version` that is as small as can be, but for `count` elements in the array at
/// `path`.
pub(crate) fn dense_message(
    message: &Message,
    version: i16,
    path: &[usize],
    count: u32,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut choice = Densest { path: path.to_vec(), depth: 0, count };
    let flexible = message.is_flexible(version);
    let mut encoder = Encoder { version, flexible, choice: &mut choice };
    encoder.write_struct(&message.fields, &mut out);
    out
}

/// The paths of all arrays that are outside tagged fields in `version`.
pub(crate) fn array_paths(fields: &[Field], version: i16) -> Vec<Vec<usize>> {
    let mut paths = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if !field.versions.contains(version) || field.is_tagged(version) {
            continue;
        }
        if field.r#type.starts_with("[]") {
            paths.push(vec![index]);
        }
        let inner = array_paths(&field.fields, version);
        paths.extend(inner.into_iter().map(|path| [vec![index], path].concat()));
    }
    paths
}

/// What decides the values.
trait Choice {
    fn is_null(&mut self) -> bool;
    fn is_tagged_field_present(&mut self) -> bool;
    fn number(&mut self) -> u64;
    fn length(&mut self) -> u32;
    /// The number of elements of the array at this place among its siblings; the elements follow.
    fn enter(&mut self, index: usize) -> u32;
    fn leave(&mut self);
}

impl Choice for SplitMix64 {
    fn is_null(&mut self) -> bool {
        self.below(4) == 0
    }

    fn is_tagged_field_present(&mut self) -> bool {
        self.below(2) == 0
    }

    fn number(&mut self) -> u64 {
        // Small numbers, all ones, and the largest of each width turn up as often as any other.
        match self.below(5) {
            0 => u64::from(self.below(4)),
            1 => u64::MAX,
            2 => 0x7fff_ffff_7fff_7f7f,
            _ => self.next_u64(),
        }
    }

    fn length(&mut self) -> u32 {
        match self.below(8) {
            0 => 0,
            1 => 200 + self.below(2_000),
            _ => self.below(12),
        }
    }

    fn enter(&mut self, _index: usize) -> u32 {
        self.below(ELEMENTS_MAX + 1)
    }

    fn leave(&mut self) {}
}

/// The smallest values, but for one array.
struct Densest {
    path: Vec<usize>,
    depth: usize,
    count: u32,
}

impl Choice for Densest {
    fn is_null(&mut self) -> bool {
        false
    }

    fn is_tagged_field_present(&mut self) -> bool {
        false
    }

    fn number(&mut self) -> u64 {
        0
    }

    fn length(&mut self) -> u32 {
        0
    }

    fn enter(&mut self, index: usize) -> u32 {
        self.depth += 1;
        let is_on_path = self.path.get(self.depth - 1) == Some(&index);
        match (is_on_path, self.path.len() == self.depth) {
            (true, true) => self.count,
            (true, false) => 1,
            (false, _) => 0,
        }
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }
}

struct Encoder<'a, C> {
    version: i16,
    flexible: bool,
    choice: &'a mut C,
}

impl<C: Choice> Encoder<'_, C> {
    fn write_struct(&mut self, fields: &[Field], out: &mut Vec<u8>) {
        let version = self.version;
        let present = |field: &&(usize, &Field)| field.1.versions.contains(version);
        let fields: Vec<_> = fields.iter().enumerate().collect();
        for (index, field) in fields.iter().filter(present) {
            if !field.is_tagged(version) {
                self.write_field(*index, field, out);
            }
        }
        if !self.flexible {
            return;
        }
        let mut tagged = Vec::new();
        for (index, field) in fields.iter().filter(present) {
            if field.is_tagged(version) && self.choice.is_tagged_field_present() {
                let mut value = Vec::new();
                self.write_field(*index, field, &mut value);
                // A value at its default is left out.
                if value != default_bytes(field, version) {
                    tagged.push((field.tag.expect("a tagged field has a tag"), value));
                }
            }
        }
        tagged.sort();
        write_varint(tagged.len() as u32, out);
        for (tag, value) in tagged {
            write_varint(tag, out);
            write_varint(value.len() as u32, out);
            out.extend(value);
        }
    }

    fn write_field(&mut self, index: usize, field: &Field, out: &mut Vec<u8>) {
        let is_null = field.is_nullable(self.version) && self.choice.is_null();
        if let Some(element) = field.r#type.strip_prefix("[]") {
            if is_null {
                return self.write_length(None, out);
            }
            let count = self.choice.enter(index);
            self.write_length(Some(count), out);
            for _ in 0..count {
                self.write_plain(element, field, out);
            }
            self.choice.leave();
            return;
        }
        let is_struct = !field.fields.is_empty();
        match (is_struct, is_null) {
            (true, true) if field.is_tagged(self.version) => return out.push(0),
            (true, true) => return out.push(0xff),
            (true, false) if field.nullable.is_some() => out.push(1),
            (false, true) if field.r#type == "string" => return self.write_string(None, out),
            (false, true) => return self.write_length(None, out),
            _ => {}
        }
        if is_struct {
            self.choice.enter(index);
        }
        self.write_plain(&field.r#type, field, out);
        if is_struct {
            self.choice.leave();
        }
    }

    /// A value that is not null, without the mark of a nullable struct.
    fn write_plain(&mut self, r#type: &str, field: &Field, out: &mut Vec<u8>) {
        let number = self.choice.number();
        match r#type {
            "bool" => out.push((number % 2) as u8),
            "int8" => out.extend((number as u8).to_be_bytes()),
            "int16" | "uint16" => out.extend((number as u16).to_be_bytes()),
            "int32" => out.extend((number as u32).to_be_bytes()),
            "int64" => out.extend(number.to_be_bytes()),
            "uuid" => out.extend((u128::from(number) << 32).to_be_bytes()),
            "string" => {
                let length = self.choice.length() as usize;
                let text: String =
                    ["a", "é", "-", "語"].iter().cycle().take(length).copied().collect();
                self.write_string(Some(&text), out);
            }
            "records" | "bytes" => {
                let length = self.choice.length();
                self.write_length(Some(length), out);
                out.extend((0..length).map(|index| (u64::from(index) ^ number) as u8));
            }
            _ => {
                assert!(!field.fields.is_empty(), "unknown type {type} of {}", field.name);
                self.write_struct(&field.fields, out);
            }
        }
    }

    fn write_string(&mut self, text: Option<&str>, out: &mut Vec<u8>) {
        if self.flexible {
            self.write_length(text.map(|text| text.len() as u32), out);
        } else {
            out.extend(text.map_or(-1, |text| text.len() as i16).to_be_bytes());
        }
        out.extend(text.unwrap_or("").bytes());
    }

    fn write_length(&mut self, length: Option<u32>, out: &mut Vec<u8>) {
        if self.flexible {
            write_varint(length.map_or(0, |length| length + 1), out);
        } else {
            out.extend(length.map_or(-1, |length| length as i32).to_be_bytes());
        }
    }
}

/// What a tagged field's default would take, if it were written.
fn default_bytes(field: &Field, version: i16) -> Vec<u8> {
    let mut out = Vec::new();
    write_default(field, version, &mut out);
    out
}

fn write_default(field: &Field, version: i16, out: &mut Vec<u8>) {
    let number = || field.default.as_deref().map_or(0, |d| d.parse::<i64>().expect("a number"));
    match field.r#type.as_str() {
        _ if field.default.as_deref() == Some("null") => out.push(0),
        "string" => out.push(1),
        r#type if r#type.starts_with("[]") => out.push(1),
        "bool" => out.push(0),
        "int8" => out.extend((number() as i8).to_be_bytes()),
        "int16" => out.extend((number() as i16).to_be_bytes()),
        "int32" => out.extend((number() as i32).to_be_bytes()),
        "int64" => out.extend(number().to_be_bytes()),
        "uuid" => out.extend([0; 16]),
        _ => {
            if field.is_nullable(version) {
                out.push(1);
            }
            for inner in field.fields.iter().filter(|inner| inner.versions.contains(version)) {
                write_default(inner, version, out);
            }
            out.push(0);
        }
    }
}

fn write_varint(mut value: u32, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
