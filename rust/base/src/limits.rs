//! Named limits: what bounds a queue, a buffer, a retry or a loop when no configuration key does.

/// The largest request frame a broker reads, unless `socket.request.max.bytes` says otherwise
/// (Kafka's default).
pub const REQUEST_BYTES_MAX: usize = 100 * 1024 * 1024;

/// The most elements that are reserved for an array before they have been seen on the wire.
pub const ARRAY_RESERVE_MAX: usize = 1024;

/// How many bytes of memory the arrays of a message may take for each byte of its frame. The
/// densest value that Kafka's schemas know, an array of empty compact strings, takes 24, so that no
/// valid message is refused.
pub const DECODE_HEAP_PER_BYTE: usize = 36;

/// The memory that the arrays of any message may take, however small its frame.
pub const DECODE_HEAP_MIN: usize = 32 * 1024;

/// Bytes up to this length are copied into the frame's buffer; longer ones become a part of their
/// own.
pub const WRITE_COPY_MAX: usize = 1024;

/// The longest string on the wire, whatever its length field could say (Kafka's limit).
pub const STRING_LENGTH_MAX: usize = i16::MAX as usize;

/// The longest topic name (Kafka's limit: it is also a directory's name).
pub const TOPIC_NAME_LENGTH_MAX: usize = 249;

/// How much larger than its compressed form a batch may grow before it is refused as a
/// decompression bomb, at least
/// [`DECOMPRESSED_BYTES_MIN`].
pub const DECOMPRESSION_RATIO_MAX: usize = 1024;

/// Any batch may decompress to this many bytes, whatever its ratio.
pub const DECOMPRESSED_BYTES_MIN: usize = 16 * 1024 * 1024;

/// No batch may decompress to more bytes than this.
pub const DECOMPRESSED_BYTES_MAX: usize = 512 * 1024 * 1024;
