//! A batch's attributes: its compression, what its timestamps mean, and what kind of batch it is.

use crate::batch::BatchError;
use crate::compression::CompressionType;

/// What the timestamps of a batch mean (`message.timestamp.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// The producer set them, record by record.
    #[default]
    CreateTime,
    /// The broker set one for the whole batch when it was appended.
    LogAppendTime,
}

impl TimestampType {
    /// Kafka's number for it, as consumers see it.
    pub fn id(self) -> i8 {
        match self {
            Self::CreateTime => 0,
            Self::LogAppendTime => 1,
        }
    }
}

/// The attributes of a batch, bit by bit:
///
/// ```text
///  15 ........ 7 |       6        |    5    |       4       |       3        | 2 .. 0
///     unused     | delete horizon | control | transactional | timestamp type | compression
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(pub i16);

const COMPRESSION: i16 = 0b0000_0111;
const LOG_APPEND_TIME: i16 = 0b0000_1000;
const TRANSACTIONAL: i16 = 0b0001_0000;
const CONTROL: i16 = 0b0010_0000;
const DELETE_HORIZON: i16 = 0b0100_0000;

impl Attributes {
    /// The codec of the batch's body.
    pub fn compression(self) -> Result<CompressionType, BatchError> {
        let id = (self.0 & COMPRESSION) as u8;
        CompressionType::from_id(id).ok_or(BatchError::UnknownCompression { id })
    }

    /// What the timestamps mean.
    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & LOG_APPEND_TIME == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Whether the batch belongs to a transaction.
    pub fn is_transactional(self) -> bool {
        self.0 & TRANSACTIONAL != 0
    }

    /// Whether the batch holds control records, which no consumer hands out.
    pub fn is_control(self) -> bool {
        self.0 & CONTROL != 0
    }

    /// Whether the base timestamp is the time after which tombstones may go (KIP-534).
    pub fn has_delete_horizon(self) -> bool {
        self.0 & DELETE_HORIZON != 0
    }

    /// The same with this codec.
    #[must_use]
    pub fn with_compression(self, compression: CompressionType) -> Self {
        Self(self.0 & !COMPRESSION | i16::from(compression.id()))
    }

    /// The same with this meaning of timestamps.
    #[must_use]
    pub fn with_timestamp_type(self, timestamp_type: TimestampType) -> Self {
        self.with(LOG_APPEND_TIME, timestamp_type == TimestampType::LogAppendTime)
    }

    /// The same as part of a transaction, or not.
    #[must_use]
    pub fn with_transactional(self, transactional: bool) -> Self {
        self.with(TRANSACTIONAL, transactional)
    }

    /// The same as a control batch, or not.
    #[must_use]
    pub fn with_control(self, control: bool) -> Self {
        self.with(CONTROL, control)
    }

    /// The same with a delete horizon in place of the base timestamp, or without.
    #[must_use]
    pub fn with_delete_horizon(self, delete_horizon: bool) -> Self {
        self.with(DELETE_HORIZON, delete_horizon)
    }

    fn with(self, bit: i16, on: bool) -> Self {
        Self(if on { self.0 | bit } else { self.0 & !bit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attribute_has_its_own_bits() {
        let attributes = Attributes::default()
            .with_compression(CompressionType::Zstd)
            .with_timestamp_type(TimestampType::LogAppendTime)
            .with_transactional(true)
            .with_control(true);
        assert_eq!(attributes, Attributes(0b0011_1100));
        assert_eq!(attributes.compression().unwrap(), CompressionType::Zstd);
        assert_eq!(attributes.timestamp_type(), TimestampType::LogAppendTime);
        assert!(attributes.is_transactional() && attributes.is_control());
        assert!(!attributes.has_delete_horizon() && Attributes(0x40).has_delete_horizon());
        assert_eq!(attributes.with_delete_horizon(true), Attributes(0b0111_1100));
        assert_eq!(Attributes(0x40).with_delete_horizon(false), Attributes(0));

        let plain = attributes
            .with_compression(CompressionType::None)
            .with_timestamp_type(TimestampType::CreateTime)
            .with_transactional(false)
            .with_control(false);
        assert_eq!(plain, Attributes(0));
    }

    #[test]
    fn the_three_codecs_that_do_not_exist_are_named_as_unknown() {
        for id in 5..8 {
            let error = Attributes(id).compression().unwrap_err();
            let expected = id as u8;
            assert!(matches!(error, BatchError::UnknownCompression { id } if id == expected));
        }
    }
}
