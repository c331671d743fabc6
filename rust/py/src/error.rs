//! Every error of the Rust side, and the Python exception that it becomes.

use std::io;

use base::ErrorCode;
use client::{
    AdminError, CommitError, ConnectError, ConsumeError, DeliveryError, GroupError, OffsetsError,
    PatternError, PlacementError, ResetError, SendError, TransactionError,
};
use frames::{CastError, ColumnError, FrameError};
use pyo3::exceptions::PyRuntimeError;
use pyo3::types::{PyAnyMethods, PyModule};
use pyo3::{PyErr, PyResult, Python};

/// What can go wrong in a call from Python.
#[derive(Debug)]
pub(crate) enum Error {
    /// Python itself raised, in a signal handler or a callback.
    Python(PyErr),
    /// The handle was made by the parent of this process.
    Forked,
    /// The descriptors that were inherited cannot be closed.
    Fork(io::Error),
    /// The handle is closed.
    Closed(&'static str),
    /// A task was cut off because the process ends.
    Interrupted,
    /// The time that the caller gave is over.
    TimedOut(String),
    /// A configuration key that nobody knows.
    UnknownKey {
        /// Who was configured.
        who: &'static str,
        /// The key, with dots.
        key: String,
        /// The known key that it resembles.
        nearest: Option<&'static str>,
    },
    /// A configuration was refused.
    Config(String),
    /// A broker did not start.
    Start(String),
    /// The threads cannot be started.
    Runtime(io::Error),
    /// No broker can be reached.
    Connect(ConnectError),
    /// A record was not taken.
    Send(SendError),
    /// A record was not delivered.
    Delivery(DeliveryError),
    /// A transaction has failed, or there is none.
    Transaction(TransactionError),
    /// Records cannot be read.
    Consume(ConsumeError),
    /// Offsets were not committed, or what is committed cannot be found out.
    Commit(CommitError),
    /// The group cannot be joined.
    Group(GroupError),
    /// A pattern is none.
    Pattern(PatternError),
    /// A callback of a rebalance polls.
    PollInCallback,
    /// An offset cannot be found out.
    Offsets(OffsetsError),
    /// An admin request about something was refused.
    Admin {
        /// What it was about.
        about: String,
        /// Why.
        error: AdminError,
    },
    /// A group's offsets cannot be reset.
    Reset(ResetError),
    /// A group cannot be explained now.
    Explain {
        /// The group.
        group: String,
        /// Why.
        code: ErrorCode,
    },
    /// Records cannot become a frame.
    Frame(FrameError),
    /// A frame cannot be had in the types that were asked for.
    Cast(CastError),
    /// A frame's column cannot become records.
    Column(ColumnError),
    /// A foreign frame cannot be read.
    Arrow(String),
}

/// What an exception says besides its class.
#[derive(Debug)]
struct Said {
    class: &'static str,
    message: String,
    code: Option<ErrorCode>,
    retriable: bool,
    fatal: bool,
}

/// `From` for errors that are wrapped as they are.
macro_rules! wrap {
    ($($variant:ident($error:ty),)*) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

wrap! {
    Python(PyErr),
    Connect(ConnectError),
    Send(SendError),
    Delivery(DeliveryError),
    Transaction(TransactionError),
    Consume(ConsumeError),
    Commit(CommitError),
    Group(GroupError),
    Pattern(PatternError),
    Offsets(OffsetsError),
    Reset(ResetError),
    Frame(FrameError),
    Cast(CastError),
    Column(ColumnError),
}

impl From<client::ConfigError> for Error {
    fn from(error: client::ConfigError) -> Self {
        match error {
            client::ConfigError::Unknown { client: who, key, nearest } => {
                Self::UnknownKey { who, key, nearest }
            }
            error => Self::Config(error.to_string()),
        }
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        let exception = match error {
            Error::Python(raised) => return raised,
            Error::UnknownKey { who, key, nearest } => {
                Python::attach(|py| unknown_key(py, who, &key, nearest))
            }
            error => {
                let said = Said::of(error);
                Python::attach(|py| said.exception(py))
            }
        };
        exception.unwrap_or_else(|failed| {
            // Without its Python part the package is broken; that is what there is to say then.
            PyRuntimeError::new_err(format!("the errors of ottla cannot be imported: {failed}"))
        })
    }
}

impl Said {
    fn of(error: Error) -> Self {
        match error {
            Error::Python(error) => Self::plain("OttlaError", error.to_string()),
            Error::UnknownKey { who, key, .. } => {
                Self::plain("ConfigError", format!("the {who} knows no key `{key}`"))
            }
            Error::Forked => Self::plain(
                "ForkedProcessError",
                "this handle belongs to the process that was forked: make a new one here".into(),
            ),
            Error::Fork(error) => {
                Self::plain("OttlaError", format!("cannot list the child's open files: {error}"))
            }
            Error::Closed(what) => Self::plain("ClosedError", format!("the {what} is closed")),
            Error::Interrupted => Self::plain("ClosedError", "the process is ending".into()),
            Error::TimedOut(what) => Self { retriable: true, ..Self::plain("Timeout", what) },
            Error::Config(message) => Self::plain("ConfigError", message),
            Error::Start(message) => Self::plain("BrokerStartError", message),
            Error::Runtime(error) => {
                Self::plain("OttlaError", format!("cannot start the runtime's threads: {error}"))
            }
            Error::Connect(error) => {
                Self { retriable: true, ..Self::plain("BrokerUnreachable", error.to_string()) }
            }
            Error::Send(SendError::Transaction(error)) | Error::Transaction(error) => {
                Self::of_transaction(&error)
            }
            Error::Send(error) => Self::of_send(&error),
            Error::Delivery(error) => Self::of_delivery(&error),
            Error::Consume(ConsumeError::Group(error)) | Error::Group(error) => {
                Self::of_group(&error)
            }
            Error::Consume(error) => Self::of_consume(&error),
            Error::Commit(error) => Self::of_commit(&error),
            Error::Pattern(error) => Self::plain("ConfigError", error.to_string()),
            Error::PollInCallback => Self::plain(
                "ConsumeError",
                "a callback of a rebalance cannot poll: it is called by the poll that waits for it"
                    .into(),
            ),
            Error::Offsets(OffsetsError { about, error })
            | Error::Admin { about, error }
            | Error::Reset(ResetError::Inquiry { about, error }) => Self::of_admin(&about, &error),
            Error::Reset(error @ ResetError::Active { .. }) => Self {
                code: Some(ErrorCode::NonEmptyGroup),
                ..Self::plain("GroupActiveError", error.to_string())
            },
            Error::Reset(error @ ResetError::OtherKind { .. }) => Self {
                code: Some(ErrorCode::GroupIdNotFound),
                ..Self::plain("UnknownGroupError", error.to_string())
            },
            Error::Reset(error) => Self::plain("OttlaError", error.to_string()),
            Error::Explain { group, code } => Self {
                code: Some(code),
                retriable: true,
                ..Self::plain("OttlaError", format!("group `{group}` cannot be explained: {code}"))
            },
            Error::Frame(error) => Self::of_frame(&error),
            Error::Cast(error) => Self::plain("ColumnError", error.to_string()),
            Error::Column(error) => Self::plain("ColumnError", error.to_string()),
            Error::Arrow(message) => Self::plain("ColumnError", message),
        }
    }

    fn plain(class: &'static str, message: String) -> Self {
        Self { class, message, code: None, retriable: false, fatal: false }
    }

    fn of_send(error: &SendError) -> Self {
        let class = match error {
            SendError::TooLarge { .. } => "RecordTooLarge",
            SendError::Unplaced(PlacementError::UnknownTopic { code: None, .. }) => "Timeout",
            SendError::Unplaced(error) => error.code().map_or("OttlaError", class_of),
            SendError::BufferFull { .. } => "BufferFull",
            SendError::Transaction(error) => return Self::of_transaction(error),
            SendError::Closed(_) => "ClosedError",
        };
        let (code, retriable, fatal) = (error.code(), error.is_retriable(), error.is_fatal());
        Self { class, message: error.to_string(), code, retriable, fatal }
    }

    fn of_delivery(error: &DeliveryError) -> Self {
        let (code, retriable, fatal) = (error.code(), error.is_retriable(), error.is_fatal());
        let class = if error.is_in_doubt() { "DeliveryInDoubt" } else { "DeliveryError" };
        Self { class, message: error.to_string(), code, retriable, fatal }
    }

    fn of_transaction(error: &TransactionError) -> Self {
        let class = match error {
            TransactionError::Abortable { .. } => "TransactionAbortable",
            TransactionError::Aborted | TransactionError::Fatal { .. } => "TransactionError",
            TransactionError::Fenced { .. } => "ProducerFenced",
            TransactionError::Misuse(_) => "TransactionStateError",
            TransactionError::TimedOut { .. } => "Timeout",
            TransactionError::Closed => "ClosedError",
        };
        let (code, retriable, fatal) = (error.code(), error.is_retriable(), error.is_fatal());
        Self { class, message: error.to_string(), code, retriable, fatal }
    }

    fn of_consume(error: &ConsumeError) -> Self {
        let code = error.code();
        let is_unreachable = matches!(error, ConsumeError::Unreachable { .. });
        let class = match code.map(class_of) {
            _ if is_unreachable => "BrokerUnreachable",
            _ if matches!(error, ConsumeError::Truncated { .. }) => "LogTruncation",
            None | Some("OttlaError") => "ConsumeError",
            Some(class) => class,
        };
        let retriable = is_unreachable || code.is_some_and(ErrorCode::is_retriable);
        Self { class, message: error.to_string(), code, retriable, fatal: false }
    }

    fn of_group(error: &GroupError) -> Self {
        let class = match error {
            GroupError::PollIntervalExceeded { .. } => "PollIntervalExceeded",
            GroupError::NoGroup => "ConfigError",
            GroupError::Fenced { .. }
            | GroupError::InstanceInUse { .. }
            | GroupError::Refused { .. }
            | GroupError::Impossible { .. } => "GroupError",
        };
        let (code, fatal) = (error.code(), error.is_fatal());
        Self { class, message: error.to_string(), code, retriable: !fatal, fatal }
    }

    fn of_commit(error: &CommitError) -> Self {
        let class = match error {
            CommitError::Lost(_) => "PartitionLost",
            CommitError::TimedOut { .. } => "Timeout",
            CommitError::NoGroup => "ConfigError",
            CommitError::Refused { .. }
            | CommitError::Impossible(_)
            | CommitError::NotMember
            | CommitError::TooMany => "CommitError",
        };
        let (code, retriable) = (error.code(), error.is_retriable());
        Self { class, message: error.to_string(), code, retriable, fatal: false }
    }

    fn of_admin(about: &str, error: &AdminError) -> Self {
        let class = match error {
            AdminError::Refused { code, .. } => class_of(*code),
            AdminError::TimedOut { .. } => "Timeout",
            AdminError::Impossible(_) => "OttlaError",
        };
        let message =
            if about.is_empty() { error.to_string() } else { format!("{about}: {error}") };
        let (code, retriable) = (error.code(), error.is_retriable());
        Self { class, message, code, retriable, fatal: false }
    }

    fn of_frame(error: &FrameError) -> Self {
        let mut message = error.to_string();
        if let Some(source) = std::error::Error::source(error) {
            message = format!("{message}: {source}");
        }
        match error {
            FrameError::Batch { .. } => Self {
                code: Some(ErrorCode::CorruptMessage),
                ..Self::plain("CorruptRecordError", message)
            },
            FrameError::BufferTooLarge { .. } | FrameError::Arrow(_) => {
                Self::plain("ConsumeError", message)
            }
        }
    }

    fn exception(self, py: Python<'_>) -> PyResult<PyErr> {
        let class = PyModule::import(py, "ottla.errors")?.getattr(self.class)?;
        let code = self.code.map(|code| code as i16);
        let name = self.code.map(ErrorCode::name);
        let exception = class.call1((self.message, code, name, self.retriable, self.fatal))?;
        Ok(PyErr::from_value(exception))
    }
}

/// Python knows how the key was typed, and words the message.
fn unknown_key(py: Python<'_>, who: &str, key: &str, nearest: Option<&str>) -> PyResult<PyErr> {
    let class = PyModule::import(py, "ottla.errors")?.getattr("UnknownKeyError")?;
    Ok(PyErr::from_value(class.call1((who, key, nearest))?))
}

/// The class for a refusal: the few that programs tell apart have their own.
fn class_of(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId => "UnknownTopicError",
        ErrorCode::TopicAlreadyExists => "TopicExistsError",
        ErrorCode::InvalidConfig => "ConfigError",
        ErrorCode::OffsetOutOfRange => "OffsetOutOfRange",
        ErrorCode::CorruptMessage => "CorruptRecordError",
        ErrorCode::MessageTooLarge => "RecordTooLarge",
        ErrorCode::RequestTimedOut => "Timeout",
        ErrorCode::GroupIdNotFound => "UnknownGroupError",
        ErrorCode::NonEmptyGroup => "GroupActiveError",
        ErrorCode::TransactionalIdNotFound => "UnknownTransactionalIdError",
        _ => "OttlaError",
    }
}
