//! What clients may do to put transactions to the test: generated from a seed, recorded into a
//! history by whoever carries it out, and checked by what the records themselves say, beside
//! [`crate::check()`].

pub mod bank;
pub mod list_append;
