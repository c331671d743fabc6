//! What the broker knows of configuration keys, as far as decisions need it.

use super::decision::Rejection;
use crate::image::{ConfigEntity, Configs, MetadataImage};

/// The table of configuration keys, held by the broker.
pub trait ConfigRules {
    /// The configs that the entity gets when it asks for exactly `configs`: these, and what is
    /// settled for good when a topic is created. What it has so far is in `image`; a topic that is
    /// not there is about to be created. A rejection names the key and says why.
    fn accept(
        &self,
        image: &MetadataImage,
        entity: &ConfigEntity,
        configs: Configs,
    ) -> Result<Configs, Rejection>;

    /// The default of a key whose value is a list; nothing if the key takes no list, so that
    /// nothing can be appended to it.
    fn list_default(&self, entity: &ConfigEntity, key: &str) -> Option<String>;
}
