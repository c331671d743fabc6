//! Version ranges in Kafka's spelling, and the conditions they become.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{LitStr, Result};

/// An inclusive range; `max` is `i16::MAX` for "and all later ones".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    min: i16,
    max: i16,
}

impl Versions {
    /// `3`, `3-13`, `3+`.
    pub(crate) fn parse(literal: &LitStr) -> Result<Self> {
        let text = literal.value();
        let number = |text: &str| text.parse::<i16>().ok().filter(|&number| number >= 0);
        let range = if let Some(min) = text.strip_suffix('+') {
            number(min).map(|min| (min, i16::MAX))
        } else if let Some((min, max)) = text.split_once('-') {
            number(min).zip(number(max))
        } else {
            number(&text).map(|only| (only, only))
        };
        match range {
            Some((min, max)) if min <= max => Ok(Self { min, max }),
            _ => Err(syn::Error::new(literal.span(), "expected versions as `3`, `3-13` or `3+`")),
        }
    }

    /// Whether every version of `other` is in this range.
    pub(crate) fn covers(self, other: Self) -> bool {
        self.min <= other.min && other.max <= self.max
    }

    /// Whether the layout's version is in the range; `None` if it always is.
    pub(crate) fn condition(self) -> Option<TokenStream> {
        let Self { min, max } = self;
        match (min, max) {
            (0, i16::MAX) => None,
            (min, i16::MAX) => Some(quote!(layout.version >= #min)),
            (0, max) => Some(quote!(layout.version <= #max)),
            (min, max) => Some(quote!((#min..=#max).contains(&layout.version))),
        }
    }

    /// The range as a constant of the schema.
    pub(crate) fn constant(self) -> TokenStream {
        let Self { min, max } = self;
        quote!(::base::codec::Versions { min: #min, max: #max })
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn parse(text: &str) -> Result<Versions> {
        Versions::parse(&LitStr::new(text, Span::call_site()))
    }

    #[test]
    fn kafkas_spellings_are_read_and_others_refused() {
        let range = |min, max| Versions { min, max };
        assert_eq!(parse("3").unwrap(), range(3, 3));
        assert_eq!(parse("3-13").unwrap(), range(3, 13));
        assert_eq!(parse("3+").unwrap(), range(3, i16::MAX));
        for text in ["", "none", "-1", "+", "3-", "13-3", "3..13", "99999"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_covers_what_lies_inside() {
        assert!(parse("3+").unwrap().covers(parse("5-7").unwrap()));
        assert!(!parse("3+").unwrap().covers(parse("2-7").unwrap()));
        assert!(!parse("3-6").unwrap().covers(parse("3+").unwrap()));
    }
}
