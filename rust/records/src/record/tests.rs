//! Tests of record.
