//! Generates `Default`: Kafka's defaults, by which it is decided what a version may leave out.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{FieldModel, Model, is_named};

/// `impl Default`.
pub(crate) fn default(model: &Model) -> TokenStream {
    let ident = &model.ident;
    let fields = model.fields.iter().map(|field| {
        let (ident, value) = (&field.ident, value(field));
        quote!(#ident: #value)
    });
    quote! {
        #[automatically_derived]
        impl ::core::default::Default for #ident {
            fn default() -> Self {
                Self { #(#fields,)* }
            }
        }
    }
}

/// Whether the field has its default, as an expression without an allocation where there is one.
pub(crate) fn is_default(field: &FieldModel) -> TokenStream {
    let ident = &field.ident;
    let default = value(field);
    match (&field.default, &field.inner) {
        (Some(literal), _) if literal.value() == "null" => quote!(self.#ident.is_none()),
        (Some(literal), None) if is_named(&field.r#type, "String") => {
            quote!(self.#ident == #literal)
        }
        _ => quote!(self.#ident == #default),
    }
}

/// The default as an expression.
fn value(field: &FieldModel) -> TokenStream {
    let plain = match &field.default {
        Some(literal) if literal.value() == "null" => return quote!(::core::option::Option::None),
        Some(literal) => expression(field, literal),
        None => {
            let r#type = field.inner.as_ref().unwrap_or(&field.r#type);
            quote!(<#r#type as ::core::default::Default>::default())
        }
    };
    // Kafka's default of a nullable field is empty, not null, unless it says null.
    if field.inner.is_some() { quote!(::core::option::Option::Some(#plain)) } else { plain }
}

fn expression(field: &FieldModel, literal: &syn::LitStr) -> TokenStream {
    if is_named(field.inner.as_ref().unwrap_or(&field.r#type), "String") {
        return quote!(::std::string::String::from(#literal));
    }
    literal.parse::<syn::Expr>().map_or_else(syn::Error::into_compile_error, |value| quote!(#value))
}
