//! How each of Kafka's field types lies on the wire.
//!
//! ```text
//!           fixed-size lengths   flexible versions (KIP-482)
//! string    int16 n | n bytes    uvarint n+1 | n bytes
//! bytes     int32 n | n bytes    uvarint n+1 | n bytes       (records likewise)
//! array     int32 n | n elements uvarint n+1 | n elements
//! null      n = -1               uvarint 0
//! struct    its fields           its fields | uvarint count | count tagged fields
//! tagged    -                    uvarint tag | uvarint size | value
//! struct or int8 -1, or          int8 -1, or
//! null      int8 1 | struct      int8 1 | struct             (in a tagged field: 0 for null)
//! ```

use bytes::Bytes;

use super::error::{DecodeError, DecodeReason, EncodeError, EncodeReason};
use super::layout::Layout;
use super::reader::Reader;
use super::records::Records;
use super::schema::Type;
use super::writer::{Writer, length_u32};
use crate::limits::STRING_LENGTH_MAX;
use crate::uuid::Uuid;

/// A type that a field can have. `#[derive(Message)]` writes it for structs.
pub trait Value: Sized {
    /// The type in a schema.
    const TYPE: Type;

    /// The fewest bytes that a value can take: what bounds the elements of an array before they
    /// have been read.
    fn size_min(layout: Layout) -> usize;

    /// Reads a value that is not null.
    fn read(reader: &mut Reader, layout: Layout) -> Result<Self, DecodeError>;

    /// Writes the value.
    fn write(&self, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError>;
}

/// A type whose `Option` can be a field. What is provided is a struct's way: a byte that says
/// whether it follows.
pub trait Nullable: Value {
    /// As [`Value::size_min`], of null too.
    fn size_min_nullable(_layout: Layout) -> usize {
        1
    }

    /// Reads a value or null.
    fn read_nullable(reader: &mut Reader, layout: Layout) -> Result<Option<Self>, DecodeError> {
        if i8::read(reader, layout)? < 0 { Ok(None) } else { Self::read(reader, layout).map(Some) }
    }

    /// Writes a value or null.
    fn write_nullable(
        value: Option<&Self>,
        writer: &mut Writer,
        layout: Layout,
    ) -> Result<(), EncodeError> {
        match value {
            None => (-1i8).write(writer, layout),
            Some(value) => {
                1i8.write(writer, layout)?;
                value.write(writer, layout)
            }
        }
    }
}

/// Reads a struct or null that is a tagged field.
pub fn read_tagged_struct<T: Value>(
    reader: &mut Reader,
    layout: Layout,
) -> Result<Option<T>, DecodeError> {
    if reader.read_unsigned_varint()? == 0 { Ok(None) } else { T::read(reader, layout).map(Some) }
}

/// Writes a struct or null that is a tagged field.
pub fn write_tagged_struct<T: Value>(
    value: Option<&T>,
    writer: &mut Writer,
    layout: Layout,
) -> Result<(), EncodeError> {
    writer.write_unsigned_varint(u32::from(value.is_some()));
    value.map_or(Ok(()), |value| value.write(writer, layout))
}

impl<T: Nullable> Value for Option<T> {
    const TYPE: Type = T::TYPE;

    fn size_min(layout: Layout) -> usize {
        T::size_min_nullable(layout)
    }

    fn read(reader: &mut Reader, layout: Layout) -> Result<Self, DecodeError> {
        T::read_nullable(reader, layout)
    }

    fn write(&self, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError> {
        T::write_nullable(self.as_ref(), writer, layout)
    }
}

macro_rules! numbers {
    ($($number:ty => $type:ident,)*) => {
        $(impl Value for $number {
            const TYPE: Type = Type::$type;

            fn size_min(_layout: Layout) -> usize {
                size_of::<Self>()
            }

            fn read(reader: &mut Reader, _layout: Layout) -> Result<Self, DecodeError> {
                reader.read_fixed().map(Self::from_be_bytes)
            }

            fn write(&self, writer: &mut Writer, _layout: Layout) -> Result<(), EncodeError> {
                writer.write_slice(&self.to_be_bytes());
                Ok(())
            }
        })*
    };
}

numbers! {
    i8 => Int8,
    i16 => Int16,
    u16 => Uint16,
    i32 => Int32,
    u32 => Uint32,
    i64 => Int64,
    f64 => Float64,
}

impl Value for bool {
    const TYPE: Type = Type::Bool;

    fn size_min(_layout: Layout) -> usize {
        1
    }

    /// Any byte but zero is true, as Kafka reads it.
    fn read(reader: &mut Reader, _layout: Layout) -> Result<Self, DecodeError> {
        Ok(reader.read_fixed::<1>()? != [0])
    }

    fn write(&self, writer: &mut Writer, _layout: Layout) -> Result<(), EncodeError> {
        writer.write_slice(&[u8::from(*self)]);
        Ok(())
    }
}

impl Value for Uuid {
    const TYPE: Type = Type::Uuid;

    fn size_min(_layout: Layout) -> usize {
        16
    }

    fn read(reader: &mut Reader, _layout: Layout) -> Result<Self, DecodeError> {
        reader.read_fixed().map(Self)
    }

    fn write(&self, writer: &mut Writer, _layout: Layout) -> Result<(), EncodeError> {
        writer.write_slice(&self.0);
        Ok(())
    }
}

/// Implements [`Value`] by [`Nullable`], for the types in which null is a length.
macro_rules! value_by_nullable {
    ($($generic:ident)? => $own:ty, $type:expr) => {
        impl $(<$generic: Value>)? Value for $own {
            const TYPE: Type = $type;

            fn size_min(layout: Layout) -> usize {
                Self::size_min_nullable(layout)
            }

            fn read(reader: &mut Reader, layout: Layout) -> Result<Self, DecodeError> {
                let start = reader.position();
                let null = DecodeError::at(start, DecodeReason::Null);
                Self::read_nullable(reader, layout)?.ok_or(null)
            }

            fn write(&self, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError> {
                Self::write_nullable(Some(self), writer, layout)
            }
        }
    };
}

value_by_nullable!(=> String, Type::String);
value_by_nullable!(=> Bytes, Type::Bytes);
value_by_nullable!(=> Records, Type::Records);
value_by_nullable!(T => Vec<T>, Type::Array(&T::TYPE));

impl Nullable for String {
    fn size_min_nullable(layout: Layout) -> usize {
        if layout.flexible { 1 } else { 2 }
    }

    fn read_nullable(reader: &mut Reader, layout: Layout) -> Result<Option<Self>, DecodeError> {
        let length = if layout.flexible {
            read_compact_length(reader)?
        } else {
            usize::try_from(i16::read(reader, layout)?).ok()
        };
        let Some(length) = length else { return Ok(None) };
        if length > STRING_LENGTH_MAX {
            return Err(reader.error(DecodeReason::StringTooLong(length)));
        }
        reader.read_text(length).map(Some)
    }

    fn write_nullable(
        value: Option<&Self>,
        writer: &mut Writer,
        layout: Layout,
    ) -> Result<(), EncodeError> {
        let length = value.map(String::len);
        if let Some(length) = length.filter(|&length| length > STRING_LENGTH_MAX) {
            let limit = STRING_LENGTH_MAX;
            return Err(EncodeError::new(EncodeReason::TooLong { length, limit }));
        }
        if layout.flexible {
            write_length(length, writer, layout)?;
        } else {
            length.map_or(-1, |length| length as i16).write(writer, layout)?;
        }
        writer.write_slice(value.map_or(&[], |text| text.as_bytes()));
        Ok(())
    }
}

impl Nullable for Bytes {
    fn size_min_nullable(layout: Layout) -> usize {
        length_size_min(layout)
    }

    fn read_nullable(reader: &mut Reader, layout: Layout) -> Result<Option<Self>, DecodeError> {
        read_length(reader, layout)?.map(|length| reader.read_bytes(length)).transpose()
    }

    fn write_nullable(
        value: Option<&Self>,
        writer: &mut Writer,
        layout: Layout,
    ) -> Result<(), EncodeError> {
        write_length(value.map(Bytes::len), writer, layout)?;
        if let Some(bytes) = value {
            writer.write_bytes(bytes);
        }
        Ok(())
    }
}

impl Nullable for Records {
    fn size_min_nullable(layout: Layout) -> usize {
        length_size_min(layout)
    }

    fn read_nullable(reader: &mut Reader, layout: Layout) -> Result<Option<Self>, DecodeError> {
        Ok(Bytes::read_nullable(reader, layout)?.map(Self::Bytes))
    }

    fn write_nullable(
        value: Option<&Self>,
        writer: &mut Writer,
        layout: Layout,
    ) -> Result<(), EncodeError> {
        write_length(value.map(Records::len), writer, layout)?;
        match value {
            None => {}
            Some(Self::Bytes(bytes)) => writer.write_bytes(bytes),
            Some(Self::Sources(sources)) => {
                for source in sources {
                    writer.write_source(source);
                }
            }
        }
        Ok(())
    }
}

impl<T: Value> Nullable for Vec<T> {
    fn size_min_nullable(layout: Layout) -> usize {
        length_size_min(layout)
    }

    fn read_nullable(reader: &mut Reader, layout: Layout) -> Result<Option<Self>, DecodeError> {
        let Some(count) = read_length(reader, layout)? else { return Ok(None) };
        reader.read_elements(count, T::size_min(layout), |reader| T::read(reader, layout)).map(Some)
    }

    fn write_nullable(
        value: Option<&Self>,
        writer: &mut Writer,
        layout: Layout,
    ) -> Result<(), EncodeError> {
        write_length(value.map(Vec::len), writer, layout)?;
        for element in value.into_iter().flatten() {
            element.write(writer, layout)?;
        }
        Ok(())
    }
}

fn length_size_min(layout: Layout) -> usize {
    if layout.flexible { 1 } else { 4 }
}

/// The length of bytes or an array. Any negative one is null, as Kafka reads it.
fn read_length(reader: &mut Reader, layout: Layout) -> Result<Option<usize>, DecodeError> {
    if layout.flexible {
        read_compact_length(reader)
    } else {
        Ok(usize::try_from(i32::read(reader, layout)?).ok())
    }
}

fn read_compact_length(reader: &mut Reader) -> Result<Option<usize>, DecodeError> {
    Ok((reader.read_unsigned_varint()? as usize).checked_sub(1))
}

fn write_length(
    length: Option<usize>,
    writer: &mut Writer,
    layout: Layout,
) -> Result<(), EncodeError> {
    let length = length.map(length_u32).transpose()?;
    if layout.flexible {
        writer.write_unsigned_varint(length.map_or(0, |length| length + 1));
        Ok(())
    } else {
        length.map_or(-1, |length| length as i32).write(writer, layout)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const FIXED: Layout = Layout { version: 0, flexible: false, strict: true };
    const FLEXIBLE: Layout = Layout { version: 0, flexible: true, strict: true };

    fn write<T: Value>(value: &T, layout: Layout) -> Bytes {
        let mut writer = Writer::new();
        value.write(&mut writer, layout).unwrap();
        writer.finish().unwrap().collect().unwrap()
    }

    fn read<T: Value>(bytes: &[u8], layout: Layout) -> Result<T, DecodeReason> {
        let mut reader = Reader::new(Bytes::copy_from_slice(bytes));
        T::read(&mut reader, layout).map_err(|error| error.reason)
    }

    fn check<T: Value + PartialEq + std::fmt::Debug>(value: &T, fixed: &[u8], flexible: &[u8]) {
        for (layout, bytes) in [(FIXED, fixed), (FLEXIBLE, flexible)] {
            assert_eq!(write(value, layout), bytes, "{value:?}");
            assert_eq!(read::<T>(bytes, layout).as_ref(), Ok(value));
            assert!(T::size_min(layout) <= bytes.len());
        }
    }

    #[test]
    fn every_type_has_its_bytes() {
        check(&-2i8, &[0xfe], &[0xfe]);
        check(&0x0102i16, &[1, 2], &[1, 2]);
        check(&0xfffeu16, &[0xff, 0xfe], &[0xff, 0xfe]);
        check(&-1i32, &[0xff; 4], &[0xff; 4]);
        check(&1u32, &[0, 0, 0, 1], &[0, 0, 0, 1]);
        check(&-1i64, &[0xff; 8], &[0xff; 8]);
        check(&1.0f64, &[0x3f, 0xf0, 0, 0, 0, 0, 0, 0], &[0x3f, 0xf0, 0, 0, 0, 0, 0, 0]);
        check(&true, &[1], &[1]);
        check(&Uuid([9; 16]), &[9; 16], &[9; 16]);
        check(&"ab".to_owned(), b"\0\x02ab", b"\x03ab");
        check(&Some("ab".to_owned()), b"\0\x02ab", b"\x03ab");
        check(&None::<String>, &[0xff, 0xff], &[0]);
        check(&Bytes::from_static(b"ab"), b"\0\0\0\x02ab", b"\x03ab");
        check(&Some(Records::from(Bytes::from_static(b"ab"))), b"\0\0\0\x02ab", b"\x03ab");
        check(&None::<Records>, &[0xff; 4], &[0]);
        check(&vec![1i16, 2], &[0, 0, 0, 2, 0, 1, 0, 2], &[3, 0, 1, 0, 2]);
        check(&None::<Vec<i16>>, &[0xff; 4], &[0]);
        check(&Some(Vec::<String>::new()), &[0; 4], &[1]);
    }

    #[test]
    fn null_is_refused_where_the_type_has_none() {
        assert_eq!(read::<String>(&[0xff, 0xff], FIXED), Err(DecodeReason::Null));
        assert_eq!(read::<Vec<i32>>(&[0], FLEXIBLE), Err(DecodeReason::Null));
        assert_eq!(read::<Bytes>(&[0xff; 4], FIXED), Err(DecodeReason::Null));
    }

    #[test]
    fn any_negative_length_is_null_as_kafka_reads_it() {
        assert_eq!(read::<Option<String>>(&i16::MIN.to_be_bytes(), FIXED), Ok(None));
        assert_eq!(read::<Option<Bytes>>(&i32::MIN.to_be_bytes(), FIXED), Ok(None));
    }

    #[test]
    fn any_byte_but_zero_is_true() {
        assert_eq!(read::<bool>(&[0x80], FIXED), Ok(true));
        assert_eq!(read::<bool>(&[0], FIXED), Ok(false));
    }

    #[test]
    fn the_largest_lengths_are_refused_without_an_allocation() {
        let huge = i32::MAX.to_be_bytes();
        let too_many = DecodeReason::TooManyElements { claimed: i32::MAX as usize, possible: 0 };
        assert_eq!(read::<Vec<i64>>(&huge, FIXED), Err(too_many));
        let truncated = DecodeReason::Truncated { needed: i32::MAX as usize, remaining: 0 };
        assert_eq!(read::<Bytes>(&huge, FIXED), Err(truncated));
        let compact = [0xff, 0xff, 0xff, 0xff, 0x0f];
        let claimed = u32::MAX as usize - 1;
        let too_many = DecodeReason::TooManyElements { claimed, possible: 0 };
        assert_eq!(read::<Vec<i64>>(&compact, FLEXIBLE), Err(too_many));
        assert_eq!(read::<String>(&compact, FLEXIBLE), Err(DecodeReason::StringTooLong(claimed)));
    }

    #[test]
    fn a_string_over_kafkas_limit_is_neither_written_nor_read() {
        let text = "x".repeat(STRING_LENGTH_MAX + 1);
        for layout in [FIXED, FLEXIBLE] {
            let error = text.write(&mut Writer::new(), layout).unwrap_err();
            let (length, limit) = (STRING_LENGTH_MAX + 1, STRING_LENGTH_MAX);
            assert_eq!(error.reason, EncodeReason::TooLong { length, limit });
        }
        let longest = "x".repeat(STRING_LENGTH_MAX);
        for layout in [FIXED, FLEXIBLE] {
            assert_eq!(read::<String>(&write(&longest, layout), layout), Ok(longest.clone()));
        }
    }

    proptest! {
        #[test]
        fn every_nesting_comes_back(
            value in vec(vec(prop::option::of("[a-zé]{0,9}"), 0..4), 0..4),
            flexible: bool,
        ) {
            let layout = Layout { flexible, ..FIXED };
            let bytes = write(&value, layout);
            prop_assert_eq!(read::<Vec<Vec<Option<String>>>>(&bytes, layout), Ok(value));
        }
    }
}
