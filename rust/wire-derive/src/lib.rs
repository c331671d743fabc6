//! `#[derive(Message)]`: bounded decoding, copy-free encoding, defaults and a schema from version
//! ranges on fields.
//!
//! ```text
//! // A message: request, response, header or data.
//! #[derive(Debug, Clone, PartialEq, Message)]
//! #[message(response, key = 0, versions = "3-13", flexible = "9+")]
//! pub struct ProduceResponse {
//!     #[message(versions = "1+", ignorable)]
//!     pub throttle_time_ms: i32,
//!     #[message(versions = "10+", tagged = "10+", tag = 0)]
//!     pub node_endpoints: Vec<NodeEndpoint>,
//! }
//!
//! // A struct inside a message: no attribute of its own.
//! #[derive(Debug, Clone, PartialEq, Message)]
//! pub struct NodeEndpoint {
//!     #[message(versions = "10+", nullable = "10+", default = "null")]
//!     pub rack: Option<String>,
//!     ..
//! }
//! ```
//!
//! Of a message: its use first, then
//! - `key`: the API key or record type; `name`: Kafka's name, if it is not the struct's;
//! - `versions`: those that can be read and written; `flexible`: those of them that are flexible.
//!
//! Of a field, whose name in the schema is its own in camel case unless `name` says otherwise:
//! - `versions`: those that have it; `nullable`: those in which it may be null (its type is then an
//!   `Option`);
//! - `tagged`, `tag`: the versions in which it is a tagged field, and its tag there;
//! - `default`: Kafka's default, if it is not zero or empty; a number, a bool, a text, or `null`;
//! - `ignorable`: a request in a version without it may drop it; `inflexible`: its length never is
//!   a variable one.
//!
//! `Default` is part of the derive, since the protocol's defaults are not Rust's.

mod decode;
mod default;
mod encode;
mod model;
mod schema;
mod size;
mod versions;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

use crate::model::Model;

/// Writes `Default`, `base::codec::Value` and, for a message, `base::codec::Message`; for a struct
/// inside one, `base::codec::Nullable`. See the crate's description for the attributes.
#[proc_macro_derive(Message, attributes(message))]
pub fn derive_message(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    match Model::parse(&input) {
        Ok(model) => expand(&model).into(),
        Err(error) => error.into_compile_error().into(),
    }
}

fn expand(model: &Model) -> proc_macro2::TokenStream {
    let ident = &model.ident;
    let default = default::default(model);
    let fields = schema::fields(model);
    let size_min = size::size_min(model);
    let read = decode::read(model);
    let write = encode::write(model);
    let role = schema::role(model);
    let name = ident.to_string();
    quote! {
        #default

        #[automatically_derived]
        impl ::base::codec::Value for #ident {
            const TYPE: ::base::codec::Type =
                ::base::codec::Type::Struct { name: #name, fields: #fields };
            #size_min
            #read
            #write
        }

        #role
    }
}
