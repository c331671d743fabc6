//! Protocol bugs that were in Kafka, or that a broker may come to have, built in on purpose at the
//! seams between the machines: the checker must call each by its name.

use history::AnomalyKind;

use crate::protocol::Protocol;
use crate::weather::Weather;

/// What is wrong with the system under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weakness {
    /// Nobody asks whether a transaction is still open when a write for it comes late
    /// (KAFKA-14402): the write hangs in the log, and belongs to the transaction that ends next.
    UnverifiedWrites,
    /// The older flow in a network that keeps requests to end a transaction for too long: one that
    /// was repeated meanwhile ends the next transaction (KIP-890, part 2).
    LateEnds,
    /// Markers are written a second time, much later (before KIP-890 nothing tells them from those
    /// of the next transaction).
    LateMarkers,
    /// Who reads committed records is given all below the high watermark.
    ReadsBeyondStable,
    /// Who reads committed records is not told which transactions were aborted.
    AbortedAreNotTold,
    /// After a restart the logs know nothing of producers.
    ForgetsProducers,
    /// Offsets within a transaction are taken from whoever sends them (before KIP-447).
    ZombiesCommitOffsets,
    /// A group's offsets are told while a transaction that changes them is open (before KIP-447).
    UnstableOffsets,
    /// Producers hear of an end, and partitions get its markers, before the decision is durable.
    TellsTooEarly,
    /// Writes are acknowledged before they are durable.
    AcknowledgesTooEarly,
}

impl Weakness {
    /// What it must be called.
    pub(crate) fn shows_as(self) -> AnomalyKind {
        match self {
            Self::UnverifiedWrites
            | Self::LateEnds
            | Self::LateMarkers
            | Self::ReadsBeyondStable
            | Self::AbortedAreNotTold => AnomalyKind::AbortedRead,
            Self::ForgetsProducers => AnomalyKind::Duplicate,
            Self::ZombiesCommitOffsets | Self::UnstableOffsets => AnomalyKind::ConsumedTwice,
            Self::TellsTooEarly => AnomalyKind::TornTransaction,
            Self::AcknowledgesTooEarly => AnomalyKind::LostWrite,
        }
    }

    /// In which weather somebody comes to it soon.
    pub(crate) fn weather(self, weather: Weather) -> Weather {
        match self {
            Self::UnverifiedWrites => Weather { leader_is_far: 200, ..weather },
            Self::LateEnds => Weather { request_late: 100, ..weather },
            Self::ForgetsProducers => Weather { broker_dies: 500, answer_lost: 50, ..weather },
            Self::TellsTooEarly | Self::AcknowledgesTooEarly => {
                Weather { broker_dies: 500, ..weather }
            }
            Self::ZombiesCommitOffsets => Weather { client_sleeps: 150, ..weather },
            Self::UnstableOffsets => Weather { client_dies: 150, marker_fails: 700, ..weather },
            Self::LateMarkers | Self::ReadsBeyondStable | Self::AbortedAreNotTold => weather,
        }
    }

    /// The protocol in which it shows.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::UnverifiedWrites | Self::LateEnds | Self::LateMarkers => Protocol::V1,
            _ => Protocol::V2,
        }
    }
}
