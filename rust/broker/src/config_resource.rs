//! The resources that a request to change configs names: which entity each one is, and what each
//! one is answered.

use base::{ErrorCode, NodeId};
use metadata::Rejection;
use metadata::controller::Answers;
use metadata::image::ConfigEntity;

use crate::request::RequestContext;

/// A resource's type and name on the wire.
pub(crate) type Named = (i8, String);

/// What is to become of an entity, or the reason why it cannot be said.
type Change<C> = Result<(ConfigEntity, C), Rejection>;

/// The resources of one request, in its order, each with its change or the reason why it has none.
#[derive(Debug)]
pub(crate) struct Resources<C> {
    resources: Vec<(Named, Change<C>)>,
}

impl<C: Clone> Resources<C> {
    /// The resources with what was made of them.
    pub(crate) fn new(resources: impl Iterator<Item = (Named, Change<C>)>) -> Self {
        Self { resources: resources.collect() }
    }

    /// The changes to decide on.
    pub(crate) fn accepted(&self) -> Vec<(ConfigEntity, C)> {
        self.resources.iter().filter_map(|(_, change)| change.as_ref().ok().cloned()).collect()
    }

    /// The answer to each resource: its name, error code and message.
    pub(crate) fn answers(
        self,
        decided: &Result<Answers<ConfigEntity, ()>, Rejection>,
    ) -> impl Iterator<Item = (Named, i16, Option<String>)> {
        self.resources.into_iter().map(move |(named, change)| {
            let answer = change.and_then(|(entity, _)| match decided {
                Ok(answers) => answers[&entity].clone(),
                Err(rejection) => Err(rejection.clone()),
            });
            match answer {
                Ok(()) => (named, ErrorCode::None.code(), None),
                Err(rejection) => (named, rejection.code.code(), Some(rejection.message)),
            }
        })
    }
}

/// The entity that a resource names, if it is one that this broker can configure.
pub(crate) fn entity_of(
    context: &RequestContext,
    resource_type: i8,
    name: &str,
) -> Result<ConfigEntity, Rejection> {
    let entity = ConfigEntity::from_resource(resource_type, name)
        .map_err(|error| Rejection::new(ErrorCode::InvalidRequest, error.to_string()))?;
    match entity {
        ConfigEntity::Broker(id) if !is_here(context, id) => {
            let own = context.broker.node_id;
            let message =
                format!("Unexpected broker id, expected {own} or empty string, but received {id}");
            Err(Rejection::new(ErrorCode::InvalidRequest, message))
        }
        entity => Ok(entity),
    }
}

fn is_here(context: &RequestContext, id: NodeId) -> bool {
    context.broker.node_id == id
}
