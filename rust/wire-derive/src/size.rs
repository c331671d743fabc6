//! Generates `size_min`: the fewest bytes of a struct in a version, which bounds what an array of
//! it may claim.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Model;

/// `fn size_min`. Tagged fields may be missing, so that they count nothing but the byte that says
/// how many there are.
pub(crate) fn size_min(model: &Model) -> TokenStream {
    let sizes = model.fields.iter().filter(|field| field.is_ever_plain()).map(|field| {
        let (r#type, layout) = (&field.r#type, field.layout());
        let size = quote!(<#r#type as ::base::codec::Value>::size_min(#layout));
        match field.is_plain() {
            None => quote!(size += #size;),
            Some(condition) => quote!(if #condition { size += #size; }),
        }
    });
    quote! {
        fn size_min(layout: ::base::codec::Layout) -> usize {
            let mut size = usize::from(layout.flexible);
            #(#sizes)*
            size
        }
    }
}
