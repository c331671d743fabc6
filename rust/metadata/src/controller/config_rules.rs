//! What the broker knows of configuration keys, as far as decisions need it.

use super::decision::Rejection;
use crate::image::{ConfigEntity, Configs};

/// The table of configuration keys, held by the broker.
pub trait ConfigRules {
    /// Whether the entity may have exactly these configs; a rejection names the key and says why.
    fn validate(&self, entity: &ConfigEntity, configs: &Configs) -> Result<(), Rejection>;

    /// The default of a key whose value is a list; nothing if the key takes no list, so that
    /// nothing can be appended to it.
    fn list_default(&self, entity: &ConfigEntity, key: &str) -> Option<String>;
}
