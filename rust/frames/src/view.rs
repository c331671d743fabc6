//! Arrow's 16-byte view of a run of bytes, taken apart where a view has to be moved.
//!
//! ```text
//! bits   0 .. 32 | 32 .. 64 | 64 .. 96     | 96 .. 128
//!        length  | prefix   | buffer index | offset      longer than 12 bytes
//!        length  | the bytes themselves                  up to 12 bytes
//! ```

/// The most bytes that a view holds itself.
const INLINE_BYTES_MAX: usize = 12;
const BUFFER_SHIFT: u32 = 64;
const OFFSET_SHIFT: u32 = 96;

/// A place in a buffer that a view points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) buffer: usize,
    pub(crate) offset: usize,
    pub(crate) length: usize,
}

/// How many bytes of a buffer a view of `length` bytes needs.
#[inline]
pub(crate) fn referenced_bytes(length: usize) -> usize {
    if length > INLINE_BYTES_MAX { length } else { 0 }
}

/// Where `view` points to, if its bytes are not in itself.
#[inline]
pub(crate) fn place(view: u128) -> Option<Place> {
    let length = view as u32 as usize;
    (length > INLINE_BYTES_MAX).then_some(Place {
        buffer: (view >> BUFFER_SHIFT) as u32 as usize,
        offset: (view >> OFFSET_SHIFT) as usize,
        length,
    })
}

/// The same view, of the same bytes at another offset.
#[inline]
pub(crate) fn at_offset(view: u128, offset: u32) -> u128 {
    view & ((1 << OFFSET_SHIFT) - 1) | u128::from(offset) << OFFSET_SHIFT
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::make_view;

    use super::*;

    #[test]
    fn views_are_taken_apart_as_arrow_puts_them_together() {
        let long = [7; 13];
        let view = make_view(&long, 5, 99);
        assert_eq!(place(view), Some(Place { buffer: 5, offset: 99, length: 13 }));
        assert_eq!(at_offset(view, 1234), make_view(&long, 5, 1234));
        assert_eq!(place(make_view(&long[..12], 5, 99)), None);
        assert_eq!(place(0), None);
        assert_eq!((referenced_bytes(13), referenced_bytes(12)), (13, 0));
    }
}
