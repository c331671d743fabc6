//! A broker registers when it starts, and is given its epoch.

use std::collections::BTreeSet;

use base::{BrokerEpoch, DirectoryId, ErrorCode, NodeId, Uuid};

use super::bootstrap::other_cluster;
use super::decision::{Decision, Rejection};
use crate::image::MetadataImage;
use crate::record::{BrokerEndPoint, BrokerFeature, RegisterBrokerRecord};

/// Directory ids below this number have a meaning of their own (KIP-858).
const RESERVED_DIRECTORY_IDS: u128 = 100;

/// What a broker says of itself.
#[derive(Clone, Debug)]
pub struct RegisterBroker {
    /// The cluster that it believes to be in.
    pub cluster_id: String,
    /// Its id.
    pub broker_id: NodeId,
    /// Drawn by this process of it; the same one again amends the registration and keeps the epoch.
    pub incarnation_id: Uuid,
    /// Where it is reached.
    pub end_points: Vec<BrokerEndPoint>,
    /// The feature versions that it supports.
    pub features: Vec<BrokerFeature>,
    /// Its rack.
    pub rack: Option<String>,
    /// Its log directories.
    pub directories: Vec<DirectoryId>,
    /// Whether it has to catch up before it may lead. A cluster of one has nobody to catch up with.
    pub fenced: bool,
}

impl RegisterBroker {
    /// Decides on `image`; the reply is the broker's epoch.
    pub fn decide(self, image: &MetadataImage) -> Result<Decision<BrokerEpoch>, Rejection> {
        let known = image.cluster_id().unwrap_or_default();
        if known != self.cluster_id {
            return Err(other_cluster(known, &self.cluster_id));
        }
        self.check_directories(image)?;
        self.check_features(image)?;
        let existing =
            image.broker(self.broker_id).filter(|b| b.incarnation_id == self.incarnation_id);
        let next_epoch = BrokerEpoch(image.latest_broker_epoch().map_or(0, |epoch| epoch.0 + 1));
        let epoch = existing.map_or(next_epoch, |broker| broker.epoch);
        let record = RegisterBrokerRecord {
            broker_id: self.broker_id.0,
            incarnation_id: self.incarnation_id,
            broker_epoch: epoch.0,
            end_points: self.end_points,
            features: self.features,
            rack: self.rack,
            fenced: existing.map_or(self.fenced, |broker| broker.fenced),
            in_controlled_shutdown: existing.is_some_and(|b| b.in_controlled_shutdown),
            log_dirs: self.directories.into_iter().map(|directory| directory.0).collect(),
        };
        Ok(Decision { records: vec![record.into()], reply: epoch })
    }

    fn check_directories(&self, image: &MetadataImage) -> Result<(), Rejection> {
        let invalid =
            |message: String| Err(Rejection::new(ErrorCode::InvalidRegistration, message));
        if self.directories.is_empty() {
            return invalid("No directories specified in request".to_owned());
        }
        let reserved = |d: &DirectoryId| u128::from_be_bytes(d.0.0) < RESERVED_DIRECTORY_IDS;
        if self.directories.iter().any(reserved) {
            return invalid("Reserved directory ID in request".to_owned());
        }
        if self.directories.iter().collect::<BTreeSet<_>>().len() != self.directories.len() {
            return invalid("Duplicate directory ID in request".to_owned());
        }
        for broker in image.brokers().filter(|broker| broker.id != self.broker_id) {
            if let Some(taken) = self.directories.iter().find(|d| broker.directories.contains(d)) {
                let id = broker.id;
                return invalid(format!(
                    "Broker {id} is already registered with directory {taken}"
                ));
            }
        }
        Ok(())
    }

    /// A broker has to support every finalized feature at its level; one that it does not name it
    /// supports at zero.
    fn check_features(&self, image: &MetadataImage) -> Result<(), Rejection> {
        for (name, &finalized) in image.features() {
            let supported = self.features.iter().find(|feature| feature.name == *name);
            let (min, max) =
                supported.map_or((0, 0), |f| (f.min_supported_version, f.max_supported_version));
            if !(min..=max).contains(&finalized) {
                let message = format!(
                    "Unable to register because the broker does not support finalized version \
                    {finalized} of {name}. \
                     The broker wants a version between {min} and {max}, inclusive."
                );
                return Err(Rejection::new(ErrorCode::UnsupportedVersion, message));
            }
        }
        Ok(())
    }
}
