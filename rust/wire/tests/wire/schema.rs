//! Every struct is the contract's, field by field: names, types, versions, nullability, tags,
//! defaults.

use base::codec::{Field, Kind, Message, Schema, Type, Versions};
use wire::{RequestHeader, ResponseHeader};

use crate::contract::{self, MESSAGES, Range};

#[test]
fn every_message_is_the_contracts_field_by_field() {
    macro_rules! schemas {
        ($($message:ident)*) => {
            [$((stringify!($message), wire::$message::SCHEMA),)*]
        };
    }
    macro_rules! check_records {
        ($($record:ident)*) => {
            $(check(&records::$record::SCHEMA);)*
        };
    }
    let schemas = for_each_message!(schemas);
    assert_eq!(schemas.len(), 2 * wire::ApiKey::ALL.len(), "a message is missing");
    for (name, schema) in schemas {
        assert_eq!(schema.name, name);
        check(&schema);
    }
    for_each_record!(check_records);
    check(&RequestHeader::SCHEMA);
    check(&ResponseHeader::SCHEMA);
}

/// What is no request and no answer.
mod records {
    pub(super) use wire::coordinator_records::*;
    pub(super) use wire::transaction_log::*;
    pub(super) use wire::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
}

fn check(schema: &Schema) {
    let contract = &MESSAGES[schema.name];
    // Kafka raises the versions of request and answer together, and marks only the request as
    // unstable.
    let request = schema.name.replace("Response", "Request");
    let versions = Range { max: MESSAGES[&request].versions.max, ..contract.versions };
    let is_answer = schema.kind == Kind::Response;
    let versions = if is_answer { versions } else { contract.versions };
    assert_eq!(schema.key, contract.key, "{}", schema.name);
    assert_eq!(kind(schema.kind), kind_of_contract(&contract.kind), "{}", schema.name);
    assert_eq!(range(schema.versions), versions, "{}", schema.name);
    assert_eq!(schema.flexible.map(range), contract.flexible, "{}", schema.name);
    check_fields(schema.name, schema.fields, &contract.fields, versions);
}

fn check_fields(path: &str, ours: &[Field], contract: &[contract::Field], versions: Range) {
    // A field that only an unstable version has is not ours yet.
    let contract: Vec<_> = contract.iter().filter(|f| f.versions.min <= versions.max).collect();
    let names = |names: Vec<&str>| names.join(" ");
    assert_eq!(
        names(ours.iter().map(|field| field.name).collect()),
        names(contract.iter().map(|field| field.name.as_str()).collect()),
        "{path}"
    );
    for (ours, contract) in ours.iter().zip(contract) {
        let path = format!("{path}.{}", ours.name);
        assert_eq!(ours.r#type.name(), contract.r#type, "{path}");
        assert_eq!(range(ours.versions), contract.versions, "{path}");
        assert_eq!(ours.nullable.map(range), contract.nullable, "{path}");
        assert_eq!(ours.tagged.map(range), contract.tagged, "{path}");
        assert_eq!(ours.tag, contract.tag, "{path}");
        assert_eq!(ours.default, contract.default.as_deref(), "{path}");
        assert_eq!(ours.ignorable, contract.ignorable, "{path}");
        check_fields(&path, fields_inside(ours.r#type), &contract.fields, versions);
    }
}

fn fields_inside(r#type: Type) -> &'static [Field] {
    match r#type {
        Type::Struct { fields, .. } => fields,
        Type::Array(element) => fields_inside(*element),
        _ => &[],
    }
}

fn range(versions: Versions) -> Range {
    Range { min: versions.min, max: versions.max }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Request => "request",
        Kind::Response => "response",
        Kind::Header => "header",
        Kind::Data => "data",
    }
}

/// The contract tells a coordinator's keys from its values; the codec need not.
fn kind_of_contract(kind: &str) -> &str {
    if kind.starts_with("coordinator-") { "data" } else { kind }
}
