//! What every handler is told about the request at hand besides its body.

use std::sync::Arc;

use base::ErrorCode;
use bytes::Bytes;
use coordinator::{Client, Shard};
use net::ConnectionContext;

use crate::broker::Broker;
use crate::coordinator_runtime::{ShardRequest, TransactionMachine};

/// One request's surroundings.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    /// The broker that answers.
    pub broker: Arc<Broker>,
    /// Where the request came from.
    pub connection: Arc<ConnectionContext>,
    /// Who says to have sent it; empty if nobody does.
    pub client_id: String,
    /// The version in which it was encoded.
    pub api_version: i16,
    /// Its bytes. Whoever holds them holds the memory that was charged for them, which stands for
    /// what was made of them, too: a request is charged until it is answered, unless it is
    /// [patient](Self::patient).
    pub frame: Bytes,
}

impl RequestContext {
    /// For a request whose answer others may keep waiting for minutes: its memory is given back
    /// before.
    pub(crate) fn patient(self) -> Self {
        Self { frame: Bytes::new(), ..self }
    }

    /// The client as its groups will know it.
    pub(crate) fn client(&self) -> Client {
        Client {
            client_id: self.client_id.clone(),
            host: format!("/{}", self.connection.peer.ip().to_canonical()),
            api_version: self.api_version,
        }
    }

    /// Lets the coordinator of `group` answer.
    pub(crate) async fn ask_group<R: ShardRequest<Shard>>(
        &self,
        group: &str,
        request: R,
    ) -> Result<R::Response, ErrorCode> {
        self.broker.coordinator.ask(&self.client(), group, request).await
    }

    /// Lets the coordinator of the transactions of `transactional_id` answer.
    pub(crate) async fn ask_transaction<R: ShardRequest<TransactionMachine>>(
        &self,
        transactional_id: &str,
        request: R,
    ) -> Result<R::Response, ErrorCode> {
        self.broker.transactions.ask(&self.client(), transactional_id, request).await
    }
}
