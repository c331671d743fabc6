//! The attributes, parsed and checked once: what the generators work from.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Fields, GenericArgument, Ident, LitInt, LitStr,
    PathArguments, Result, Type,
};

use crate::versions::Versions;

/// A struct and its fields.
pub(crate) struct Model {
    pub(crate) ident: Ident,
    /// `None` for a struct inside a message.
    pub(crate) message: Option<MessageModel>,
    pub(crate) fields: Vec<FieldModel>,
}

/// What only a message has.
pub(crate) struct MessageModel {
    /// The variant of `base::codec::Kind`.
    pub(crate) kind: Ident,
    pub(crate) key: Option<LitInt>,
    pub(crate) name: String,
    pub(crate) versions: Versions,
    pub(crate) flexible: Option<Versions>,
}

/// A field.
pub(crate) struct FieldModel {
    pub(crate) ident: Ident,
    /// The type as written.
    pub(crate) r#type: Type,
    /// The type inside the `Option`, if it is one.
    pub(crate) inner: Option<Type>,
    /// Kafka's name.
    pub(crate) name: String,
    pub(crate) versions: Versions,
    pub(crate) nullable: Option<Versions>,
    pub(crate) tagged: Option<(Versions, LitInt)>,
    pub(crate) default: Option<LitStr>,
    pub(crate) ignorable: bool,
    pub(crate) inflexible: bool,
}

impl Model {
    pub(crate) fn parse(input: &DeriveInput) -> Result<Self> {
        let Data::Struct(data) = &input.data else {
            return Err(Error::new(input.span(), "only a struct can be a message"));
        };
        let Fields::Named(named) = &data.fields else {
            return Err(Error::new(input.span(), "a message's fields have names"));
        };
        let fields = named.named.iter().map(FieldModel::parse).collect::<Result<Vec<_>>>()?;
        check_tags(&fields)?;
        let message = MessageModel::parse(&input.ident, &input.attrs)?;
        Ok(Self { ident: input.ident.clone(), message, fields })
    }

    /// `Struct.Field`, for errors.
    pub(crate) fn path(&self, field: &FieldModel) -> String {
        format!("{}.{}", self.ident, field.name)
    }

    /// The tagged fields in the order of their tags, as KIP-482 wants them written.
    pub(crate) fn tagged_fields(&self) -> Vec<&FieldModel> {
        let mut fields: Vec<_> =
            self.fields.iter().filter(|field| field.tagged.is_some()).collect();
        fields.sort_by_key(|field| field.tag_number());
        fields
    }
}

impl MessageModel {
    fn parse(ident: &Ident, attributes: &[Attribute]) -> Result<Option<Self>> {
        let Some(attribute) = attributes.iter().find(|a| a.path().is_ident("message")) else {
            return Ok(None);
        };
        let (mut kind, mut key, mut name, mut versions, mut flexible) =
            (None, None, ident.to_string(), None, None);
        attribute.parse_nested_meta(|meta| {
            if let Some(variant) = kind_variant(&meta) {
                kind = Some(variant);
            } else if meta.path.is_ident("key") {
                key = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("name") {
                name = meta.value()?.parse::<LitStr>()?.value();
            } else if meta.path.is_ident("versions") {
                versions = Some(parse_versions(&meta)?);
            } else if meta.path.is_ident("flexible") {
                flexible = Some(parse_versions(&meta)?);
            } else {
                return Err(meta.error("not an attribute of a message"));
            }
            Ok(())
        })?;
        let missing = |what| Error::new(attribute.span(), format!("a message needs {what}"));
        Ok(Some(Self {
            kind: kind.ok_or_else(|| missing("its use: request, response, header or data"))?,
            key,
            name,
            versions: versions.ok_or_else(|| missing("`versions`"))?,
            flexible,
        }))
    }
}

impl FieldModel {
    fn parse(field: &syn::Field) -> Result<Self> {
        let ident = field.ident.clone().expect("the fields are named");
        let mut model = Self {
            name: camel_case(&ident.to_string()),
            inner: option_inner(&field.ty),
            r#type: field.ty.clone(),
            ident,
            versions: Versions::parse(&LitStr::new("0+", field.span()))?,
            nullable: None,
            tagged: None,
            default: None,
            ignorable: false,
            inflexible: false,
        };
        let (mut versions, mut tagged, mut tag) = (None, None, None);
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("message")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("versions") {
                    versions = Some(parse_versions(&meta)?);
                } else if meta.path.is_ident("nullable") {
                    model.nullable = Some(parse_versions(&meta)?);
                } else if meta.path.is_ident("tagged") {
                    tagged = Some(parse_versions(&meta)?);
                } else if meta.path.is_ident("tag") {
                    tag = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("default") {
                    model.default = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("name") {
                    model.name = meta.value()?.parse::<LitStr>()?.value();
                } else if meta.path.is_ident("ignorable") {
                    model.ignorable = true;
                } else if meta.path.is_ident("inflexible") {
                    model.inflexible = true;
                } else {
                    return Err(meta.error("not an attribute of a field"));
                }
                Ok(())
            })?;
        }
        let fault = |what| Error::new(field.span(), what);
        model.versions = versions.ok_or_else(|| fault("a field needs `versions`"))?;
        model.tagged = match (tagged, tag) {
            (Some(versions), Some(tag)) => Some((versions, tag)),
            (None, None) => None,
            _ => return Err(fault("`tagged` and `tag` go together")),
        };
        model.check().map_err(fault)?;
        Ok(model)
    }

    fn check(&self) -> std::result::Result<(), &'static str> {
        if self.inner.is_some() != self.nullable.is_some() {
            return Err("a nullable field is an `Option`, and no other is");
        }
        let is_null_default = self.default.as_ref().is_some_and(|d| d.value() == "null");
        if is_null_default && self.nullable.is_none() {
            return Err("only a nullable field can be null by default");
        }
        if self.tagged.is_some() && is_named(self.inner.as_ref().unwrap_or(&self.r#type), "Records")
        {
            return Err(
                "records cannot be tagged: the size in front of a tagged field is copied behind it",
            );
        }
        Ok(())
    }

    /// Whether the layout's version has the field outside the tagged ones; `None` if it always has.
    pub(crate) fn is_plain(&self) -> Option<TokenStream> {
        match &self.tagged {
            None => self.versions.condition(),
            Some((tagged, _)) if tagged.covers(self.versions) => Some(quote!(false)),
            Some((tagged, _)) => {
                let present = self.versions.condition().unwrap_or(quote!(true));
                let tagged = tagged.condition().unwrap_or(quote!(true));
                Some(quote!(#present && !(#tagged)))
            }
        }
    }

    /// Whether the layout's version has the field among the tagged ones. Only asked of a field that
    /// has a tag.
    pub(crate) fn is_tagged(&self) -> TokenStream {
        self.tagged.as_ref().and_then(|(tagged, _)| tagged.condition()).unwrap_or(quote!(true))
    }

    /// Whether the field, where it is a tagged one, is a struct or null, which lies otherwise
    /// there.
    pub(crate) fn is_tagged_nullable_struct(&self) -> bool {
        let is_struct =
            |inner: &Type| !["String", "Bytes", "Vec"].iter().any(|name| is_named(inner, name));
        self.tagged.is_some() && self.inner.as_ref().is_some_and(is_struct)
    }

    /// Whether some version of the field is outside the tagged ones.
    pub(crate) fn is_ever_plain(&self) -> bool {
        !self.tagged.as_ref().is_some_and(|(tagged, _)| tagged.covers(self.versions))
    }

    /// The layout that the field is read and written in.
    pub(crate) fn layout(&self) -> TokenStream {
        if self.inflexible { quote!(layout.inflexible()) } else { quote!(layout) }
    }

    fn tag_number(&self) -> u32 {
        let tag = self.tagged.as_ref().map(|(_, tag)| tag.base10_parse());
        tag.and_then(Result::ok).expect("tags were checked")
    }
}

/// The type inside an `Option`.
fn option_inner(r#type: &Type) -> Option<Type> {
    let Type::Path(path) = r#type else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner.clone()),
        _ => None,
    }
}

/// Whether the last segment of the type's path is `name`.
pub(crate) fn is_named(r#type: &Type, name: &str) -> bool {
    matches!(r#type, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == name))
}

fn kind_variant(meta: &ParseNestedMeta<'_>) -> Option<Ident> {
    let kinds = ["request", "response", "header", "data"];
    let kind = kinds.into_iter().find(|kind| meta.path.is_ident(kind))?;
    Some(Ident::new(&camel_case(kind), meta.path.span()))
}

fn parse_versions(meta: &ParseNestedMeta<'_>) -> Result<Versions> {
    Versions::parse(&meta.value()?.parse()?)
}

/// Tags are read as numbers once here, so that the generators cannot meet a bad one; two fields
/// with one tag would hide each other.
fn check_tags(fields: &[FieldModel]) -> Result<()> {
    let mut seen = Vec::new();
    for (_, tag) in fields.iter().filter_map(|field| field.tagged.as_ref()) {
        let number: u32 = tag.base10_parse()?;
        if seen.contains(&number) {
            return Err(Error::new(tag.span(), "two fields have this tag"));
        }
        seen.push(number);
    }
    Ok(())
}

fn camel_case(snake: &str) -> String {
    let words = snake.trim_start_matches("r#").split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    });
    words.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(source: &str) -> String {
        let input = syn::parse_str::<DeriveInput>(source).unwrap();
        Model::parse(&input).err().expect("a fault").to_string()
    }

    #[test]
    fn a_field_is_named_as_kafka_names_it() {
        for (snake, camel) in [
            ("throttle_time_ms", "ThrottleTimeMs"),
            ("r#type", "Type"),
            ("last_known_elr", "LastKnownElr"),
        ] {
            assert_eq!(camel_case(snake), camel);
        }
    }

    #[test]
    fn a_wrong_attribute_is_told_by_name() {
        for (source, expected) in [
            ("enum E { A }", "only a struct"),
            ("struct S(i32);", "have names"),
            ("#[message(versions = \"0\")] struct S {}", "needs its use"),
            ("#[message(request)] struct S {}", "needs `versions`"),
            ("#[message(request, version = \"0\")] struct S {}", "not an attribute of a message"),
            ("struct S { a: i32 }", "needs `versions`"),
            ("struct S { #[message(versions = \"x\")] a: i32 }", "expected versions"),
            ("struct S { #[message(versions = \"0+\", tag = 1)] a: i32 }", "go together"),
            ("struct S { #[message(versions = \"0+\")] a: Option<i32> }", "is an `Option`"),
            ("struct S { #[message(versions = \"0+\", nullable = \"0+\")] a: i32 }", "`Option`"),
            ("struct S { #[message(versions = \"0+\", default = \"null\")] a: i32 }", "nullable"),
            ("struct S { #[message(versions = \"0+\", ignored)] a: i32 }", "attribute of a field"),
            (
                "struct S { #[message(versions = \"0+\", tag = 0, tagged = \"0+\")] a: Records }",
                "cannot be tagged",
            ),
            (
                "struct S { #[message(versions = \"0+\", tag = 0, tagged = \"0+\")] a: i8,
                            #[message(versions = \"0+\", tag = 0, tagged = \"0+\")] b: i8 }",
                "two fields have this tag",
            ),
        ] {
            let fault = fault(source);
            assert!(fault.contains(expected), "{source}: {fault}");
        }
    }
}
