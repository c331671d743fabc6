//! A deleted topic is not served, whatever was left of its files or of its entries in the journal.

use crate::invariants::Observed;
use crate::model::Model;

pub(crate) fn check(model: &Model, observed: &Observed) -> Result<(), String> {
    let mut served = observed.logs.keys();
    match served.find(|&topic_id| !model.living_logs().any(|(living, _)| living == *topic_id)) {
        Some(topic_id) => Err(format!("deleted topic {topic_id} is served")),
        None => Ok(()),
    }
}
