//! A message's schema as a constant: what the derive was told, for a test to hold against the
//! contract table.

/// What a message is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From a client to a broker.
    Request,
    /// The answer.
    Response,
    /// In front of either.
    Header,
    /// Persisted: in a log, never on a socket of its own.
    Data,
}

/// An inclusive range of versions; `max` is [`i16::MAX`] for "and all later ones".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The first.
    pub min: i16,
    /// The last.
    pub max: i16,
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// What it is used for.
    pub kind: Kind,
    /// The API key, or the record type of a persisted record.
    pub key: Option<i16>,
    /// Kafka's name.
    pub name: &'static str,
    /// The versions that can be read and written.
    pub versions: Versions,
    /// The flexible ones among them (KIP-482).
    pub flexible: Option<Versions>,
    /// The fields, in their order on the wire.
    pub fields: &'static [Field],
}

/// A field of a message or of a struct inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Kafka's name.
    pub name: &'static str,
    /// Its type.
    pub r#type: Type,
    /// The versions that have it.
    pub versions: Versions,
    /// The versions in which it may be null.
    pub nullable: Option<Versions>,
    /// The versions in which it is a tagged field.
    pub tagged: Option<Versions>,
    /// Its tag there.
    pub tag: Option<u32>,
    /// Its default, if it is not zero or empty.
    pub default: Option<&'static str>,
    /// Whether a version that lacks it may drop it silently.
    pub ignorable: bool,
}

/// A field's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// One byte, zero or not.
    Bool,
    /// Eight bits.
    Int8,
    /// Sixteen bits.
    Int16,
    /// Sixteen bits without a sign.
    Uint16,
    /// 32 bits.
    Int32,
    /// 32 bits without a sign.
    Uint32,
    /// 64 bits.
    Int64,
    /// IEEE 754 double precision.
    Float64,
    /// Sixteen bytes.
    Uuid,
    /// UTF-8.
    String,
    /// Any bytes.
    Bytes,
    /// Record batches.
    Records,
    /// Several of one type.
    Array(&'static Type),
    /// A struct with its fields.
    Struct {
        /// Kafka's name of it.
        name: &'static str,
        /// Its fields, in their order on the wire.
        fields: &'static [Field],
    },
}

impl Versions {
    /// Whether `version` is one of them.
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }
}

impl Type {
    /// Kafka's spelling, as in `[]int32`.
    pub fn name(self) -> String {
        match self {
            Self::Bool => "bool".to_owned(),
            Self::Int8 => "int8".to_owned(),
            Self::Int16 => "int16".to_owned(),
            Self::Uint16 => "uint16".to_owned(),
            Self::Int32 => "int32".to_owned(),
            Self::Uint32 => "uint32".to_owned(),
            Self::Int64 => "int64".to_owned(),
            Self::Float64 => "float64".to_owned(),
            Self::Uuid => "uuid".to_owned(),
            Self::String => "string".to_owned(),
            Self::Bytes => "bytes".to_owned(),
            Self::Records => "records".to_owned(),
            Self::Array(element) => format!("[]{}", element.name()),
            Self::Struct { name, .. } => name.to_owned(),
        }
    }
}
