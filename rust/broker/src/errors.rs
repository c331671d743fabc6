//! The one mapping from what can go wrong here to the codes of the protocol.

use base::ErrorCode;
use records::InvalidRecords;
use storage::{
    AppendError, ConfigureError, DeleteRecordsError, DirectoryError, ProducerError, ReadError,
    RefusedReason, Unavailable,
};

/// Why a batch was not appended, as the client will read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProduceError {
    /// What kind of failure.
    pub code: ErrorCode,
    /// What happened, if there is more to say than the code's name.
    pub message: Option<String>,
    /// The records at fault, by their place in the batch (KIP-467).
    pub records: Vec<(i32, String)>,
}

impl ProduceError {
    /// A failure of the whole batch.
    pub(crate) fn new(code: ErrorCode, message: String) -> Self {
        Self { code, message: Some(message), records: Vec::new() }
    }
}

impl From<ErrorCode> for ProduceError {
    fn from(code: ErrorCode) -> Self {
        Self { code, message: None, records: Vec::new() }
    }
}

impl From<InvalidRecords> for ProduceError {
    fn from(error: InvalidRecords) -> Self {
        let records = error.rejected().iter().map(|r| (r.batch_index, r.message.clone())).collect();
        Self { code: error.code(), message: Some(error.to_string()), records }
    }
}

impl From<&ProducerError> for ProduceError {
    fn from(error: &ProducerError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<&DirectoryError> for ProduceError {
    fn from(error: &DirectoryError) -> Self {
        Self::new(code_of_directory(error), error.to_string())
    }
}

impl From<RefusedReason> for ProduceError {
    fn from(reason: RefusedReason) -> Self {
        match reason {
            // The budget for requests in memory keeps the queue from filling; a client may try
            // again. The directory tells the operator.
            RefusedReason::Full => {
                let message = "too much waits for the log directory's disk; try again later";
                Self::new(ErrorCode::RequestTimedOut, message.to_owned())
            }
            RefusedReason::Stopped(error) => Self::from(&error),
        }
    }
}

/// What a failed request to the log directory is answered with.
pub(crate) fn code_of_directory(error: &DirectoryError) -> ErrorCode {
    match error {
        DirectoryError::Failed(_) | DirectoryError::Memory(_) => ErrorCode::KafkaStorageError,
        // A client goes to where the partition is led next.
        DirectoryError::Closed => ErrorCode::NotLeaderOrFollower,
        DirectoryError::Append(error) => code_of_append(error),
        DirectoryError::DeleteRecords(error) => match &**error {
            DeleteRecordsError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            DeleteRecordsError::Unavailable(error) => code_of_unavailable(error),
        },
        DirectoryError::Configure(error) => match &**error {
            ConfigureError::Durability { .. } => ErrorCode::InvalidConfig,
            ConfigureError::Sync(_) => ErrorCode::KafkaStorageError,
        },
    }
}

/// What a log that cannot be read is answered with.
pub(crate) fn code_of_read(error: &ReadError) -> ErrorCode {
    match error {
        ReadError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        ReadError::WouldBlock | ReadError::Io(_) => ErrorCode::KafkaStorageError,
        ReadError::Unavailable(error) => code_of_unavailable(error),
    }
}

fn code_of_append(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::Producer(error) => error.code(),
        AppendError::NotAtLogEnd { .. } => ErrorCode::UnknownServerError,
        AppendError::Batch(_) | AppendError::Control(_) => ErrorCode::CorruptMessage,
        AppendError::TooLarge { .. } => ErrorCode::RecordListTooLarge,
        AppendError::OffsetsExhausted { .. } | AppendError::StorageFull(_) => {
            ErrorCode::KafkaStorageError
        }
        AppendError::Unavailable(error) => code_of_unavailable(error),
    }
}

fn code_of_unavailable(error: &Unavailable) -> ErrorCode {
    match error {
        Unavailable::Failed(_) => ErrorCode::KafkaStorageError,
        Unavailable::Retired => ErrorCode::UnknownTopicOrPartition,
    }
}
