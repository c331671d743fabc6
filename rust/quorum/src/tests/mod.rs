//! The quorum on memory, faulty and real disks.

mod controller;
mod crash;
mod node;
mod suite;

use std::path::Path;
use std::sync::Arc;

use base::{NodeId, Uuid};
use metadata::MetadataRecord;
use metadata::record::{ConfigRecord, TopicRecord};
use storage::{Disk, MemoryDisk};

use crate::{Committed, MetadataQuorum, Node, NodeOptions, ProposeError, StartError, WriterPlace};

/// A memory disk with room for any test.
fn memory_disk() -> Arc<dyn Disk> {
    Arc::new(MemoryDisk::new(1 << 30))
}

async fn start_on(disk: &Arc<dyn Disk>, place: WriterPlace) -> Result<Node, StartError> {
    start_in(disk, Path::new("/data"), place).await
}

async fn start_in(
    disk: &Arc<dyn Disk>,
    data_directory: &Path,
    writer_place: WriterPlace,
) -> Result<Node, StartError> {
    let options = NodeOptions {
        node_id: NodeId(1),
        disk: Arc::clone(disk),
        data_directory: data_directory.to_owned(),
        writer_place,
    };
    Node::start(options).await
}

async fn commit(
    node: &dyn MetadataQuorum,
    records: Vec<MetadataRecord>,
) -> Result<Committed, ProposeError> {
    node.propose(records).await?.await
}

pub(crate) fn topic(number: u32) -> MetadataRecord {
    let mut id = [1; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    TopicRecord { name: format!("topic-{number}"), topic_id: Uuid(id) }.into()
}

/// A value of one key, so that the log can grow without the image.
pub(crate) fn setting(value: &str) -> MetadataRecord {
    ConfigRecord {
        resource_type: 4,
        resource_name: String::new(),
        name: "key".to_owned(),
        value: Some(value.to_string()),
    }
    .into()
}
