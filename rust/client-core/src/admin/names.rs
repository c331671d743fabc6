//! Names of states and types that Kafka's tools and messages spell out.

use thiserror::Error;

/// An enum of names as Kafka writes them, read in any case.
macro_rules! named {
    (
        $(#[$doc:meta])* $enum:ident: $kind:literal,
        $($(#[$said:meta])* $variant:ident $name:literal,)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $enum {
            $($(#[$said])* $variant,)*
            /// Not told, or one of a later release.
            Unknown,
        }

        impl $enum {
            /// All that there are.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Kafka's name for it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Unknown => "Unknown",
                }
            }

            /// What a broker has said.
            pub(crate) fn of(said: &str) -> Self {
                said.parse().unwrap_or(Self::Unknown)
            }
        }

        impl std::str::FromStr for $enum {
            type Err = $crate::admin::names::UnknownName;

            fn from_str(name: &str) -> Result<Self, $crate::admin::names::UnknownName> {
                let named = |known: &&Self| known.name().eq_ignore_ascii_case(name);
                Self::ALL.iter().copied().find(|known| named(&known)).ok_or_else(|| {
                    let known = Self::ALL.iter().map(|known| known.name()).collect();
                    $crate::admin::names::UnknownName::of($kind, name, known)
                })
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

pub(crate) use named;

/// A name that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{name}` is no {kind}: use one of {}", known.join(", "))]
pub struct UnknownName {
    kind: &'static str,
    name: String,
    known: Vec<&'static str>,
}

impl UnknownName {
    pub(crate) fn of(kind: &'static str, name: &str, known: Vec<&'static str>) -> Self {
        Self { kind, name: name.to_owned(), known }
    }
}
