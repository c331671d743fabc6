//! What every handler is told about the request at hand besides its body.

use std::sync::Arc;

use net::ConnectionContext;

use crate::broker::Broker;

/// One request's surroundings.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    /// The broker that answers.
    pub broker: Arc<Broker>,
    /// Where the request came from.
    pub connection: Arc<ConnectionContext>,
    /// The version in which it was encoded.
    pub api_version: i16,
}
