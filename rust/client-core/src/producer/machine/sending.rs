//! Which batches go to which broker now, and which are to be sealed for it.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Instant, NodeId, TopicPartition};

use super::{Producer, ProducerOutput, millis_i32};
use crate::config::Acks;
use crate::node::Lane;
use crate::producer::lineage::{Next, Patience};
use crate::producer::outcome::DeliveryError;
use crate::producer::produce::{Draft, PARTITION_OVERHEAD_BYTES};
use crate::producer::transaction::Transactions;

impl<T> Producer<T> {
    /// Sends what can be sent, seals what is due, and notes when to look again.
    pub(super) fn send(&mut self, now: Instant) {
        let timeout = self.config.delivery_timeout;
        let mut by_node: BTreeMap<NodeId, Vec<TopicPartition>> = BTreeMap::new();
        for partition in self.active.clone() {
            let lineage = &self.lineages[&partition];
            let expiry = lineage.expiry(timeout);
            if lineage.is_open_overdue(timeout, now) {
                self.outputs.push_back(ProducerOutput::Seal(partition.clone()));
            } else if let Some(expiry) = expiry {
                self.wake.at(expiry);
            }
            let admits = |transactions: &mut Transactions| transactions.admits(&partition);
            if !self.transactions.as_mut().is_none_or(admits) {
                continue;
            }
            match self.cluster.metadata().leader(&partition) {
                Some(leader) => by_node.entry(leader).or_default().push(partition),
                None => self.cluster.want_topic(&partition.topic),
            }
        }
        for (node, partitions) in by_node {
            self.send_to(node, partitions, now);
        }
    }

    fn send_to(&mut self, node: NodeId, mut partitions: Vec<TopicPartition>, now: Instant) {
        let mut wanted = false;
        partitions.retain(|partition| {
            match self.lineages[partition].next(node, &self.patience(partition), now) {
                Next::Nothing => return false,
                Next::At(due) => self.wake.at(due),
                Next::Seal | Next::Send => wanted = true,
            }
            true
        });
        if !wanted {
            return;
        }
        if let Err(later) = self.cluster.make_ready(node, Lane::Main, now) {
            self.wake.at(later);
            return;
        }
        let producer = match &self.transactions {
            Some(transactions) => transactions.producer(),
            None => match self.identity.current() {
                Ok(producer) => producer,
                Err(()) => return,
            },
        };
        let turn = self.turn % partitions.len().max(1);
        partitions.rotate_left(turn);
        self.turn = self.turn.wrapping_add(1);
        while self.has_slot(node) {
            let mut draft = Draft::default();
            for partition in &partitions {
                self.fill(&mut draft, partition, node, producer, now);
            }
            if draft.is_empty() || !self.dispatch(draft, node, now) {
                break;
            }
        }
    }

    /// Puts a partition's next batch into the draft, if it has one and it fits; or asks for its
    /// open batch.
    fn fill(
        &mut self,
        draft: &mut Draft,
        partition: &TopicPartition,
        node: NodeId,
        producer: Option<(base::ProducerId, base::ProducerEpoch)>,
        now: Instant,
    ) {
        let patience = self.patience(partition);
        let lineage = self.lineages.get_mut(partition).expect("an active partition is known");
        match lineage.next(node, &patience, now) {
            Next::Seal => {
                let seal = ProducerOutput::Seal(partition.clone());
                // Asked for once a drive: the answer comes before the next.
                if !self.outputs.iter().any(
                    |output| matches!(output, ProducerOutput::Seal(other) if other == partition),
                ) {
                    self.outputs.push_back(seal);
                }
            }
            Next::Send => {
                let size = lineage.next_size_bytes() + PARTITION_OVERHEAD_BYTES;
                if !draft.is_empty() && draft.size_bytes + size > self.config.request_bytes_max {
                    return;
                }
                let mut settled = Vec::new();
                let compression = self.config.compression;
                let taken = lineage.take(node, producer, compression, &mut settled);
                if let Some((key, bytes)) = taken {
                    draft.push(partition, key, bytes);
                    if let Some(transactions) = &mut self.transactions {
                        transactions.note_sent(partition);
                    }
                }
                self.settle(partition, settled);
            }
            Next::Nothing | Next::At(_) => {}
        }
    }

    /// Sends a request. Returns whether another may follow.
    fn dispatch(&mut self, draft: Draft, node: NodeId, now: Instant) -> bool {
        let batches = draft.batches.clone();
        let answered = self.config.acks != Acks::None;
        let timeout_ms = millis_i32(self.config.connection.request_timeout);
        let acks = self.config.acks as i16;
        let transaction = self.transactions.as_ref().map(|transactions| {
            (transactions.transactional_id().to_owned(), transactions.produce_version_max())
        });
        let (request, version_max) =
            draft.into_request(self.cluster.metadata(), acks, timeout_ms, transaction);
        let terms = self.terms(version_max, answered);
        match self.cluster.send(node, Lane::Main, &request, &terms, now) {
            Ok(id) if answered => {
                self.in_flight.insert(id, batches);
                *self.in_flight_by_node.entry(node).or_default() += 1;
                true
            }
            Ok(_) => {
                for (partition, key) in batches {
                    let mut settled = Vec::new();
                    self.lineage(&partition).handle_delivered(key, None, None, &mut settled);
                    self.settle(&partition, settled);
                }
                true
            }
            Err(error) => {
                for (topic_partition, key) in batches {
                    let partition = topic_partition.clone();
                    let reason = error.to_string();
                    let error = DeliveryError::Unsendable { topic_partition, reason };
                    let mut settled = Vec::new();
                    self.lineage(&partition).handle_refused(key, error, Vec::new(), &mut settled);
                    self.settle(&partition, settled);
                }
                false
            }
        }
    }

    /// The first batch of a transaction does not linger, if the coordinator is to hear of its
    /// partition.
    fn patience(&self, partition: &TopicPartition) -> Patience {
        let announces = self.transactions.as_ref().is_some_and(|it| it.is_to_announce(partition));
        let linger = if announces { Duration::ZERO } else { self.config.linger };
        Patience { linger, hurry_up_to: self.hurry_up_to }
    }

    fn has_slot(&self, node: NodeId) -> bool {
        self.in_flight_by_node.get(&node).is_none_or(|count| *count < self.config.in_flight_max)
    }

    pub(super) fn release_slot(&mut self, node: NodeId) {
        if let Some(count) = self.in_flight_by_node.get_mut(&node) {
            *count -= 1;
            if *count == 0 {
                self.in_flight_by_node.remove(&node);
            }
        }
    }
}
