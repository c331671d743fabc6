//! Variable-length integers: seven bits a byte, the low ones first; signed ones are zigzag-folded
//! (as in protobuf).

use thiserror::Error;

/// The longest encoding of a 32-bit integer.
pub const VARINT_LENGTH_MAX: usize = 5;
/// The longest encoding of a 64-bit integer.
pub const VARLONG_LENGTH_MAX: usize = 10;

/// Why a variable-length integer could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VarintError {
    /// The bytes end inside it.
    #[error("the bytes end inside a variable-length integer")]
    Truncated,
    /// It has more bytes or bits than its type.
    #[error("a variable-length integer is longer than its type")]
    TooLong,
}

/// Reads an unsigned 32-bit integer and the number of bytes it took.
pub fn read_u32(bytes: &[u8]) -> Result<(u32, usize), VarintError> {
    let (value, length) = read(bytes, VARINT_LENGTH_MAX)?;
    Ok((u32::try_from(value).map_err(|_| VarintError::TooLong)?, length))
}

/// Reads a zigzag-folded 32-bit integer and the number of bytes it took.
pub fn read_i32(bytes: &[u8]) -> Result<(i32, usize), VarintError> {
    let (value, length) = read_u32(bytes)?;
    Ok(((value >> 1) as i32 ^ -((value & 1) as i32), length))
}

/// Reads a zigzag-folded 64-bit integer and the number of bytes it took.
pub fn read_i64(bytes: &[u8]) -> Result<(i64, usize), VarintError> {
    let (value, length) = read(bytes, VARLONG_LENGTH_MAX)?;
    Ok(((value >> 1) as i64 ^ -((value & 1) as i64), length))
}

/// Appends an unsigned 32-bit integer.
pub fn write_u32(value: u32, out: &mut Vec<u8>) {
    write(u64::from(value), out);
}

/// Appends a zigzag-folded 32-bit integer.
pub fn write_i32(value: i32, out: &mut Vec<u8>) {
    write(u64::from(zigzag_i32(value)), out);
}

/// Appends a zigzag-folded 64-bit integer.
pub fn write_i64(value: i64, out: &mut Vec<u8>) {
    write(zigzag_i64(value), out);
}

/// The number of bytes [`write_u32`] appends.
pub fn length_u32(value: u32) -> usize {
    length(u64::from(value))
}

/// The number of bytes [`write_i32`] appends.
pub fn length_i32(value: i32) -> usize {
    length(u64::from(zigzag_i32(value)))
}

/// The number of bytes [`write_i64`] appends.
pub fn length_i64(value: i64) -> usize {
    length(zigzag_i64(value))
}

fn zigzag_i32(value: i32) -> u32 {
    (value << 1 ^ value >> 31) as u32
}

fn zigzag_i64(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn length(value: u64) -> usize {
    // Seven bits a byte; zero still takes one.
    ((70 - (value | 1).leading_zeros()) / 7) as usize
}

fn read(bytes: &[u8], length_max: usize) -> Result<(u64, usize), VarintError> {
    let mut value: u64 = 0;
    for index in 0..length_max {
        let byte = *bytes.get(index).ok_or(VarintError::Truncated)?;
        // The tenth byte has room for one bit only.
        if index == VARLONG_LENGTH_MAX - 1 && byte > 1 {
            return Err(VarintError::TooLong);
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, index + 1));
        }
    }
    Err(VarintError::TooLong)
}

fn write(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values_have_their_known_bytes() {
        for (value, bytes) in [
            (0, vec![0x00]),
            (-1, vec![0x01]),
            (1, vec![0x02]),
            (63, vec![0x7e]),
            (-64, vec![0x7f]),
            (64, vec![0x80, 0x01]),
            (i32::MAX, vec![0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i32::MIN, vec![0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut out = Vec::new();
            write_i32(value, &mut out);
            assert_eq!(out, bytes, "{value}");
            assert_eq!(read_i32(&bytes), Ok((value, bytes.len())));
        }
    }

    #[test]
    fn an_overlong_or_cut_integer_is_refused() {
        assert_eq!(read_u32(&[]), Err(VarintError::Truncated));
        assert_eq!(read_u32(&[0x80]), Err(VarintError::Truncated));
        assert_eq!(read_u32(&[0xff; 5]), Err(VarintError::TooLong));
        assert_eq!(read_u32(&[0xff, 0xff, 0xff, 0xff, 0x1f]), Err(VarintError::TooLong));
        assert_eq!(read_i64(&[0xff; 10]), Err(VarintError::TooLong));
    }

    proptest! {
        #[test]
        fn every_integer_comes_back_and_its_length_is_foretold(a: u32, b: i32, c: i64) {
            let mut out = Vec::new();
            write_u32(a, &mut out);
            prop_assert_eq!(out.len(), length_u32(a));
            prop_assert_eq!(read_u32(&out), Ok((a, out.len())));
            out.clear();
            write_i32(b, &mut out);
            prop_assert_eq!(out.len(), length_i32(b));
            prop_assert_eq!(read_i32(&out), Ok((b, out.len())));
            out.clear();
            write_i64(c, &mut out);
            prop_assert_eq!(out.len(), length_i64(c));
            prop_assert_eq!(read_i64(&out), Ok((c, out.len())));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = (read_u32(&bytes), read_i32(&bytes), read_i64(&bytes));
        }
    }
}
