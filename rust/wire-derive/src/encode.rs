//! Generates `write`: the fields that the version has, in order, then the tagged ones that are not
//! at their default.

use proc_macro2::TokenStream;
use quote::quote;

use crate::default::is_default;
use crate::model::{FieldModel, Model};

/// `fn write`.
pub(crate) fn write(model: &Model) -> TokenStream {
    let refusals = model.fields.iter().filter_map(|field| refuse_absent(model, field));
    let plain = model.fields.iter().filter(|field| field.is_ever_plain()).map(|field| {
        let statement = write_field(model, field);
        match field.is_plain() {
            None => statement,
            Some(condition) => quote!(if #condition { #statement }),
        }
    });
    let tagged = write_tagged(model);
    quote! {
        fn write(
            &self,
            writer: &mut ::base::codec::Writer,
            layout: ::base::codec::Layout,
        ) -> ::core::result::Result<(), ::base::codec::EncodeError> {
            #(#refusals)*
            #(#plain)*
            if layout.flexible {
                #tagged
            }
            Ok(())
        }
    }
}

/// A strict layout refuses a set field that its version lacks, unless it may be ignored.
fn refuse_absent(model: &Model, field: &FieldModel) -> Option<TokenStream> {
    let present = field.versions.condition().filter(|_| !field.ignorable)?;
    let (path, is_default) = (model.path(field), is_default(field));
    Some(quote! {
        if layout.strict && !(#present) && !(#is_default) {
            let reason = ::base::codec::EncodeReason::NotInVersion(layout.version);
            return Err(::base::codec::EncodeError::new(reason).in_field(#path));
        }
    })
}

fn write_field(model: &Model, field: &FieldModel) -> TokenStream {
    let (path, value) = (model.path(field), write_value(field));
    quote!(#value.map_err(|error| error.in_field(#path))?;)
}

/// Writes the value; null is refused in the versions that have none.
fn write_value(field: &FieldModel) -> TokenStream {
    let (ident, layout) = (&field.ident, field.layout());
    let value = quote!(::base::codec::Value::write(&self.#ident, writer, #layout));
    let Some(nullable) = field.nullable.filter(|nullable| !nullable.covers(field.versions)) else {
        return value;
    };
    let condition = nullable.condition().unwrap_or(quote!(true));
    quote! {
        match &self.#ident {
            _ if #condition => #value,
            Some(value) => ::base::codec::Value::write(value, writer, #layout),
            None => Err(::base::codec::EncodeError::new(::base::codec::EncodeReason::Null)),
        }
    }
}

/// The tagged fields: how many there are, then each with its tag and size.
fn write_tagged(model: &Model) -> TokenStream {
    let fields = model.tagged_fields();
    if fields.is_empty() {
        return quote!(writer.write_unsigned_varint(0););
    }
    let flags: Vec<_> =
        fields.iter().map(|field| quote::format_ident!("writes_{}", field.ident)).collect();
    let conditions = fields.iter().map(|field| {
        let (condition, is_default) = (field.is_tagged(), is_default(field));
        quote!(#condition && !(#is_default))
    });
    let writes = fields.iter().map(|field| {
        let (ident, path) = (&field.ident, model.path(field));
        let value = if field.is_tagged_nullable_struct() {
            quote!(::base::codec::write_tagged_struct(self.#ident.as_ref(), writer, layout))
        } else {
            write_value(field)
        };
        let tag = field.tagged.as_ref().map(|(_, tag)| tag);
        quote! {
            writer
                .write_tagged_field(#tag, |writer| #value)
                .map_err(|error| error.in_field(#path))?;
        }
    });
    quote! {
        #(let #flags = #conditions;)*
        writer.write_unsigned_varint(0 #(+ u32::from(#flags))*);
        #(if #flags { #writes })*
    }
}
