//! A registered broker in the image.

use std::collections::BTreeMap;

use base::{BrokerEpoch, DirectoryId, NodeId, Uuid};

use crate::record::{BrokerEndPoint, BrokerFeature, RegisterBrokerRecord};

/// A registered broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerImage {
    /// Its id.
    pub id: NodeId,
    /// Its epoch.
    pub epoch: BrokerEpoch,
    /// Its process.
    pub incarnation_id: Uuid,
    /// Where it is reached.
    pub end_points: Vec<BrokerEndPoint>,
    /// First and last supported version of each feature.
    pub features: BTreeMap<String, (i16, i16)>,
    /// Its rack.
    pub rack: Option<String>,
    /// Whether it may not lead.
    pub fenced: bool,
    /// Whether it is on its way out.
    pub in_controlled_shutdown: bool,
    /// Its log directories.
    pub directories: Vec<DirectoryId>,
}

impl BrokerImage {
    /// Whether it may lead and be put in sync.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    /// Where a new replica on it goes: its one directory, or one that it will choose (KIP-858's
    /// "unassigned").
    pub fn default_directory(&self) -> DirectoryId {
        match self.directories.as_slice() {
            [only] => *only,
            _ => DirectoryId::default(),
        }
    }

    pub(super) fn from_record(record: &RegisterBrokerRecord) -> Self {
        let range = |f: &BrokerFeature| (f.min_supported_version, f.max_supported_version);
        Self {
            id: NodeId(record.broker_id),
            epoch: BrokerEpoch(record.broker_epoch),
            incarnation_id: record.incarnation_id,
            end_points: record.end_points.clone(),
            features: record.features.iter().map(|f| (f.name.clone(), range(f))).collect(),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            directories: record.log_dirs.iter().copied().map(DirectoryId).collect(),
        }
    }

    pub(super) fn to_record(&self) -> RegisterBrokerRecord {
        let feature = |(name, &(min, max)): (&String, &(i16, i16))| BrokerFeature {
            name: name.clone(),
            min_supported_version: min,
            max_supported_version: max,
        };
        RegisterBrokerRecord {
            broker_id: self.id.0,
            incarnation_id: self.incarnation_id,
            broker_epoch: self.epoch.0,
            end_points: self.end_points.clone(),
            features: self.features.iter().map(feature).collect(),
            rack: self.rack.clone(),
            fenced: self.fenced,
            in_controlled_shutdown: self.in_controlled_shutdown,
            log_dirs: self.directories.iter().map(|directory| directory.0).collect(),
        }
    }
}
