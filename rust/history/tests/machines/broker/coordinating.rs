//! What the coordinators decide is appended, replayed and held back until it is durable; the
//! markers that they owe are written.

use base::{ErrorCode, Offset, TopicPartition};
use bytes::Bytes;
use coordinator::transaction::{
    Markers, MarkersOutcome, TransactionDecision, TransactionRequest, TransactionResponse,
};
use coordinator::{Decision, Request, Response};
use storage::VerificationGuard;
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use wire::{ApiKey, Reader};

use super::produce::verdicts;
use super::topics::{OFFSETS, TRANSACTIONS};
use super::{Asker, Broker, Caller, Then, Work, encoded, group_host, read, transaction_host};
use crate::weakness::Weakness;
use crate::weather::{happens, up_to_ms};

/// How long a marker takes to its partitions, and one that is written a second time.
const MARKER_MS_MAX: u32 = 30;
const LATE_MARKER_MS_MAX: u32 = 3_000;

impl Broker {
    pub(super) fn load_coordinators(&mut self) {
        let leader_epoch = self.leader_epoch().0;
        let decision = self.transactions.shard.on_loaded(self.now, leader_epoch);
        self.follow_transactions(decision);
        let decision = self.groups.shard.on_loaded(self.now);
        self.follow_group_alone(decision);
    }

    pub(super) fn fire_timers(&mut self) {
        while let Some(decision) = self.transactions.fire(self.now) {
            self.follow_transactions(decision);
        }
        while let Some(decision) = self.groups.fire(self.now) {
            self.follow_group_alone(decision);
        }
    }

    /// A client's question to the coordinator of transactions.
    pub(super) fn ask_about_transaction(&mut self, caller: Caller, reader: &mut Reader) {
        let version = caller.version;
        let request = match caller.api {
            ApiKey::InitProducerId => {
                let request: InitProducerIdRequest = read(reader, version);
                if request.transactional_id.is_none() {
                    return self.give_producer_id(caller);
                }
                TransactionRequest::InitProducerId(request)
            }
            ApiKey::AddPartitionsToTxn => {
                TransactionRequest::AddPartitionsToTxn(read(reader, version))
            }
            ApiKey::AddOffsetsToTxn => TransactionRequest::AddOffsetsToTxn {
                request: read(reader, version),
                offsets_partition: 0,
            },
            ApiKey::EndTxn => TransactionRequest::EndTxn(read(reader, version)),
            api => panic!("{api:?} is not about transactions"),
        };
        self.ask_transactions(version, &request, Asker::Client(caller));
    }

    fn give_producer_id(&mut self, caller: Caller) {
        let producer_id = self.transactions.next_producer_id().0;
        self.answer(caller, &InitProducerIdResponse { producer_id, ..Default::default() });
    }

    pub(super) fn ask_transactions(
        &mut self,
        version: i16,
        request: &TransactionRequest,
        asker: Asker,
    ) {
        let decision = self.transactions.ask(self.now, version, request, asker);
        self.follow_transactions(decision);
    }

    fn follow_transactions(&mut self, decision: TransactionDecision) {
        let TransactionDecision { records, replies, timers, markers } = decision;
        let name = TopicPartition::new(TRANSACTIONS, 0);
        let log = &self.partitions[&name];
        if !records.is_empty() {
            let encoded: Vec<_> = records.iter().map(transaction_host::encoded).collect();
            let (none, now_ms) = (VerificationGuard::NONE, self.now.unix_ms);
            let first = log.append_records(None, none, &encoded, now_ms).expect("it is ours alone");
            for (record, offset) in records.iter().zip(first.0..) {
                self.transactions.shard.replay(Offset(offset), record);
            }
        }
        let until = if self.has(Weakness::TellsTooEarly) {
            Vec::new()
        } else {
            vec![(name.clone(), self.partitions[&name].end())]
        };
        self.transactions.set_timers(timers);
        for (token, response) in replies {
            let asker = self.transactions.asker(token);
            self.hold(until.clone(), Then::Tell(asker, response));
        }
        for markers in markers {
            self.hold(until.clone(), Then::SendMarkers(markers));
        }
    }

    /// The coordinator's answer leaves.
    pub(super) fn tell(&mut self, asker: Asker, response: &TransactionResponse) {
        match asker {
            Asker::Client(caller) => self.send(caller, transaction_frame(caller, response)),
            Asker::Produce(transactional_id) => {
                self.append_first(&transactional_id, &verdicts(response));
            }
            Asker::Offsets(offsets) => self.hear_of_offsets(*offsets, &verdicts(response)),
        }
    }

    pub(super) fn send_markers(&mut self, markers: Markers) {
        let after = up_to_ms(&mut self.rng, MARKER_MS_MAX);
        if self.has(Weakness::LateMarkers) {
            let late = up_to_ms(&mut self.rng, LATE_MARKER_MS_MAX);
            self.at(after + late, Work::WriteMarkers(markers.clone()));
        }
        self.at(after, Work::WriteMarkers(markers));
    }

    /// Writes a marker to each partition; what became of it is told when it is durable.
    pub(super) fn write_markers(&mut self, markers: &Markers) {
        for (topic, indexes) in &markers.partitions {
            for &index in indexes {
                let name = TopicPartition::new(topic.as_str(), index);
                let code = self.write_marker(markers, &name).err().unwrap_or(ErrorCode::None);
                let until = match code {
                    ErrorCode::None => vec![(name.clone(), self.partitions[&name].end())],
                    _ => Vec::new(),
                };
                let outcome = MarkersOutcome {
                    token: markers.token,
                    transactional_id: markers.transactional_id.clone(),
                    partitions: vec![(topic.clone(), vec![(index, code)])],
                };
                self.hold(until, Then::Markers(outcome));
            }
        }
    }

    fn write_marker(&mut self, markers: &Markers, name: &TopicPartition) -> Result<(), ErrorCode> {
        if happens(&mut self.rng, self.marker_fails) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        self.partitions[name].append_marker(markers, self.now.unix_ms)?;
        if &*name.topic == OFFSETS {
            self.groups.shard.replay_marker(markers.producer_id, markers.commit);
        }
        Ok(())
    }

    pub(super) fn hear_of_markers(&mut self, outcome: &MarkersOutcome) {
        let decision = self.transactions.shard.on_markers(self.now, outcome);
        self.follow_transactions(decision);
    }

    /// A client's question to the coordinator of groups.
    pub(super) fn ask_group(&mut self, caller: Caller, reader: &mut Reader) {
        let mut request = group_request(caller, reader);
        if self.has(Weakness::UnstableOffsets)
            && let Request::OffsetFetch(fetch) = &mut request
        {
            fetch.require_stable = false;
        }
        let (_, decision) = self.groups.ask(self.now, &request, caller);
        self.follow_group_alone(decision);
    }

    fn follow_group_alone(&mut self, decision: Decision) {
        let followed = self.follow_group(decision, VerificationGuard::NONE);
        followed.expect("what is not in a transaction is not refused");
    }

    /// What is part of a transaction the log may refuse: then nothing is done.
    pub(super) fn follow_group(
        &mut self,
        decision: Decision,
        guard: VerificationGuard,
    ) -> Result<(), ErrorCode> {
        let Decision { records, producer, replies, timers, .. } = decision;
        let name = TopicPartition::new(OFFSETS, 0);
        let log = &self.partitions[&name];
        if !records.is_empty() {
            let encoded: Vec<_> = records.iter().map(group_host::encoded).collect();
            let first = log.append_records(producer, guard, &encoded, self.now.unix_ms)?;
            let shard = &mut self.groups.shard;
            for (record, offset) in records.iter().zip(first.0..) {
                match producer {
                    Some(producer) => {
                        shard.replay_transactional(Offset(offset), producer.id, record);
                    }
                    None => shard.replay(Offset(offset), record),
                }
            }
        }
        let end = self.partitions[&name].end();
        self.groups.set_timers(timers);
        for (token, response) in replies {
            let caller = self.groups.caller(token);
            let frame = group_frame(caller, &response);
            self.hold(vec![(name.clone(), end)], Then::Answer(caller, frame));
        }
        Ok(())
    }
}

fn transaction_frame(caller: Caller, response: &TransactionResponse) -> Bytes {
    match response {
        TransactionResponse::InitProducerId(response) => encoded(caller, response),
        TransactionResponse::AddPartitionsToTxn(response) => encoded(caller, response),
        TransactionResponse::AddOffsetsToTxn(response) => encoded(caller, response),
        TransactionResponse::EndTxn(response) => encoded(caller, response),
        response => panic!("nobody has asked for {response:?}"),
    }
}

macro_rules! group_apis {
    ($($api:ident),*) => {
        fn group_request(caller: Caller, reader: &mut Reader) -> Request {
            match caller.api {
                $(ApiKey::$api => Request::$api(read(reader, caller.version)),)*
                other => panic!("{other:?} is not for a coordinator"),
            }
        }

        fn group_frame(caller: Caller, response: &Response) -> Bytes {
            match response {
                $(Response::$api(response) => encoded(caller, response),)*
                other => panic!("nobody has asked for {other:?}"),
            }
        }
    };
}

group_apis! {
    JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit, OffsetFetch, ConsumerGroupHeartbeat,
    TxnOffsetCommit
}
