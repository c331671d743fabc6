//! Generates the schema constant, and says what the struct is: a message, or a struct inside one.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{FieldModel, Model};
use crate::versions::Versions;

/// The fields as a constant slice.
pub(crate) fn fields(model: &Model) -> TokenStream {
    let fields = model.fields.iter().map(field);
    quote!(&[#(#fields),*])
}

/// `impl Message` or `impl Nullable`.
pub(crate) fn role(model: &Model) -> TokenStream {
    let ident = &model.ident;
    let Some(message) = &model.message else {
        return quote! {
            #[automatically_derived]
            impl ::base::codec::Nullable for #ident {}
        };
    };
    let (kind, name) = (&message.kind, &message.name);
    let key = optional(message.key.as_ref().map(|key| quote!(#key)));
    let versions = message.versions.constant();
    let flexible = optional(message.flexible.map(Versions::constant));
    let fields = fields(model);
    quote! {
        #[automatically_derived]
        impl ::base::codec::Message for #ident {
            const SCHEMA: ::base::codec::Schema = ::base::codec::Schema {
                kind: ::base::codec::Kind::#kind,
                key: #key,
                name: #name,
                versions: #versions,
                flexible: #flexible,
                fields: #fields,
            };
        }
    }
}

fn field(field: &FieldModel) -> TokenStream {
    let (name, r#type, ignorable) = (&field.name, &field.r#type, field.ignorable);
    let versions = field.versions.constant();
    let nullable = optional(field.nullable.map(Versions::constant));
    let tagged = optional(field.tagged.as_ref().map(|(versions, _)| versions.constant()));
    let tag = optional(field.tagged.as_ref().map(|(_, tag)| quote!(#tag)));
    let default = optional(field.default.as_ref().map(|default| quote!(#default)));
    quote! {
        ::base::codec::Field {
            name: #name,
            r#type: <#r#type as ::base::codec::Value>::TYPE,
            versions: #versions,
            nullable: #nullable,
            tagged: #tagged,
            tag: #tag,
            default: #default,
            ignorable: #ignorable,
        }
    }
}

fn optional(value: Option<TokenStream>) -> TokenStream {
    value.map_or(
        quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}
