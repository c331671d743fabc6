//! Messages that nothing else gives a version: it stands in front of them, as two bytes.

use base::codec::{DecodeError, EncodeError, Message, Reader, Writer};
use bytes::Bytes;

/// The message in `version`, behind `prefix`.
pub(crate) fn encode<M: Message>(
    prefix: i16,
    message: &M,
    version: i16,
) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new();
    writer.write_slice(&prefix.to_be_bytes());
    message.encode(&mut writer, version)?;
    Ok(writer.finish()?.collect().expect("what was just written lies in memory"))
}

/// What stands in front.
pub(crate) fn read_prefix(reader: &mut Reader) -> Result<i16, DecodeError> {
    reader.read_fixed().map(i16::from_be_bytes)
}
