//! Generates `read`: the fields that the version has, in order, then the tagged ones.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{FieldModel, Model};

/// `fn read`. What the version lacks keeps its default.
pub(crate) fn read(model: &Model) -> TokenStream {
    let plain = model.fields.iter().filter(|field| field.is_ever_plain()).map(|field| {
        let statement = read_field(model, field);
        match field.is_plain() {
            None => statement,
            Some(condition) => quote!(if #condition { #statement }),
        }
    });
    let arms = model.tagged_fields().into_iter().map(|field| {
        let condition = field.is_tagged();
        let statement = if field.is_tagged_nullable_struct() {
            read_tagged_struct(model, field)
        } else {
            read_field(model, field)
        };
        let tag = field.tagged.as_ref().map(|(_, tag)| tag);
        quote! {
            #tag if #condition => {
                #statement
                Ok(true)
            }
        }
    });
    quote! {
        fn read(
            reader: &mut ::base::codec::Reader,
            layout: ::base::codec::Layout,
        ) -> ::core::result::Result<Self, ::base::codec::DecodeError> {
            let mut message = <Self as ::core::default::Default>::default();
            #(#plain)*
            if layout.flexible {
                reader.read_tagged_fields(|reader, tag| match tag {
                    #(#arms)*
                    _ => Ok(false),
                })?;
            }
            Ok(message)
        }
    }
}

/// Sets the field from the reader, or fails with its name.
fn read_field(model: &Model, field: &FieldModel) -> TokenStream {
    let (ident, path, layout) = (&field.ident, model.path(field), field.layout());
    let value = quote!(::base::codec::Value::read(reader, #layout));
    let Some((inner, nullable)) = field.inner.as_ref().zip(field.nullable) else {
        return quote!(message.#ident = #value.map_err(|error| error.in_field(#path))?;);
    };
    let value = match nullable.condition().filter(|_| !nullable.covers(field.versions)) {
        None => value,
        Some(condition) => quote! {
            if #condition {
                #value
            } else {
                <#inner as ::base::codec::Value>::read(reader, #layout).map(Some)
            }
        },
    };
    quote!(message.#ident = { #value }.map_err(|error| error.in_field(#path))?;)
}

/// Sets the field, a tagged struct or null, from the reader.
fn read_tagged_struct(model: &Model, field: &FieldModel) -> TokenStream {
    let (ident, path) = (&field.ident, model.path(field));
    quote! {
        message.#ident = ::base::codec::read_tagged_struct(reader, layout)
            .map_err(|error| error.in_field(#path))?;
    }
}
