//! The two flows of transactions.

use wire::ApiKey;

/// How clients and broker speak of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `transaction.version` 1: clients add partitions, and writes are verified.
    V1,
    /// `transaction.version` 2: writes add their partitions, and each end bumps the epoch.
    V2,
}

impl Protocol {
    /// `transaction.version`
    pub(crate) fn version(self) -> i16 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// Whether it bears that such a request comes after the client has given it up, or a second
    /// time. Before version 2 one about a transaction may end or change the next one, and nothing
    /// tells: a network must not keep it (KIP-890 says why).
    pub(crate) fn bears_late(self, api: ApiKey) -> bool {
        match api {
            ApiKey::Produce => true,
            ApiKey::InitProducerId
            | ApiKey::AddPartitionsToTxn
            | ApiKey::AddOffsetsToTxn
            | ApiKey::TxnOffsetCommit
            | ApiKey::EndTxn => self == Self::V2,
            _ => false,
        }
    }
}
