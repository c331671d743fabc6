//! Many groups' offsets: commits them again and again, and asks a broker that starts for all.

use std::error::Error;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use wire::offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use wire::{OffsetFetchRequest, OffsetFetchResponse};

use crate::client::{AskError, Client};
use crate::commit;
use crate::exchange::refuse;

/// The first version that asks for several groups; from 10 on topics are named by their ids.
const FETCH_VERSION: i16 = 8;
/// Enough for every shard to have something to do.
const CONNECTIONS: usize = 32;
const START_MAX: Duration = Duration::from_mins(5);
/// Short beside what is measured, long beside what a question costs the broker.
const START_PAUSE: Duration = Duration::from_millis(2);

/// The offsets that there are: of each group one for each partition of a topic.
#[derive(Debug, Clone)]
pub(crate) struct StoredOffsets {
    pub(crate) topic: String,
    pub(crate) groups: u32,
    pub(crate) partitions: u16,
    /// How often each was committed; the last time with the number of the last round.
    pub(crate) rounds: u32,
}

impl StoredOffsets {
    /// Commits everything round by round, a request for each group.
    pub(crate) fn fill(&self, broker: SocketAddr) -> Result<String, Box<dyn Error>> {
        Client::connect(broker)?.await_coordinator(&group(0))?;
        let started = Instant::now();
        thread::scope(|scope| {
            let fillers: Vec<_> = (0..CONNECTIONS)
                .map(|number| scope.spawn(move || self.fill_some(broker, number)))
                .collect();
            fillers.into_iter().try_for_each(|filler| filler.join().expect("no filler panics"))
        })?;
        let commits = u64::from(self.groups) * u64::from(self.partitions) * u64::from(self.rounds);
        let per_s = commits as f64 / started.elapsed().as_secs_f64();
        Ok(format!(r#"{{"commits": {commits}, "commits_per_s": {per_s:.1}}}"#))
    }

    fn fill_some(&self, broker: SocketAddr, first: usize) -> Result<(), AskError> {
        let mut client = Client::connect(broker)?;
        for round in 0..self.rounds {
            for number in (0..self.groups).skip(first).step_by(CONNECTIONS) {
                let request = commit::request(
                    &group(number),
                    &self.topic,
                    0..i32::from(self.partitions),
                    i64::from(round),
                );
                loop {
                    let response = client.ask(commit::VERSION, &request)?;
                    match commit::check_response(&response) {
                        Err(refused) if refused.may_pass() => thread::sleep(START_PAUSE),
                        answer => break answer?,
                    }
                }
            }
        }
        Ok(())
    }

    /// Asks a broker that is starting for one offset of each group, until it has answered for the
    /// last; then for all offsets, to see that they are there. Says when the last group answered.
    pub(crate) fn wait_for(&self, broker: SocketAddr) -> Result<String, Box<dyn Error>> {
        let deadline = Instant::now() + START_MAX;
        let mut missing: Vec<u32> = (0..self.groups).collect();
        let mut client = None;
        while !missing.is_empty() {
            if Instant::now() > deadline {
                return Err(format!("{} groups do not answer", missing.len()).into());
            }
            if let Some(answer) = self.ask_if_up(&mut client, broker, &missing)? {
                missing = self.still_missing(&answer)?;
            }
            if !missing.is_empty() {
                thread::sleep(START_PAUSE);
            }
        }
        let answered = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
        let offsets = self.count(broker)?;
        Ok(format!(r#"{{"answered_unix_s": {answered:.6}, "offsets": {offsets}}}"#))
    }

    /// Nothing if the broker does not listen yet.
    fn ask_if_up(
        &self,
        client: &mut Option<Client>,
        broker: SocketAddr,
        groups: &[u32],
    ) -> Result<Option<OffsetFetchResponse>, AskError> {
        if client.is_none() {
            *client = Client::connect(broker).ok();
        }
        let Some(connected) = client else { return Ok(None) };
        match connected.ask(FETCH_VERSION, &self.request(groups, 1)) {
            Ok(answer) => Ok(Some(answer)),
            Err(AskError::Io(_)) => {
                *client = None;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The groups that are to be asked for again; of the others the last offset must be there.
    fn still_missing(&self, answer: &OffsetFetchResponse) -> Result<Vec<u32>, Box<dyn Error>> {
        let mut missing = Vec::new();
        for of_group in &answer.groups {
            match refuse(of_group.error_code, None) {
                Err(refused) if refused.may_pass() => missing.push(number(&of_group.group_id)?),
                answered => answered?,
            }
        }
        let committed = self.count_last(answer);
        let expected = answer.groups.len() - missing.len();
        if committed == expected {
            Ok(missing)
        } else {
            Err(format!("{expected} groups answered, {committed} with their last offset").into())
        }
    }

    /// All offsets, group by group.
    fn count(&self, broker: SocketAddr) -> Result<usize, Box<dyn Error>> {
        let mut client = Client::connect(broker)?;
        let mut found = 0;
        for number in 0..self.groups {
            let answer = client.ask(FETCH_VERSION, &self.request(&[number], self.partitions))?;
            found += self.count_last(&answer);
        }
        let all = self.groups as usize * usize::from(self.partitions);
        if found == all { Ok(found) } else { Err(format!("{found} of {all} offsets").into()) }
    }

    fn count_last(&self, answer: &OffsetFetchResponse) -> usize {
        let topics = answer.groups.iter().flat_map(|group| &group.topics);
        let partitions = topics.flat_map(|topic| &topic.partitions);
        let last = i64::from(self.rounds) - 1;
        partitions.filter(|partition| partition.committed_offset == last).count()
    }

    fn request(&self, groups: &[u32], partitions: u16) -> OffsetFetchRequest {
        let of_group = |&number: &u32| {
            let topic = OffsetFetchRequestTopics {
                name: self.topic.clone(),
                partition_indexes: (0..i32::from(partitions)).collect(),
                ..OffsetFetchRequestTopics::default()
            };
            OffsetFetchRequestGroup {
                group_id: group(number),
                topics: Some(vec![topic]),
                ..OffsetFetchRequestGroup::default()
            }
        };
        OffsetFetchRequest {
            groups: groups.iter().map(of_group).collect(),
            ..OffsetFetchRequest::default()
        }
    }
}

const PREFIX: &str = "stored-";

fn group(number: u32) -> String {
    format!("{PREFIX}{number}")
}

fn number(group: &str) -> Result<u32, Box<dyn Error>> {
    let digits = group.strip_prefix(PREFIX).ok_or_else(|| format!("nobody asked for {group}"))?;
    Ok(digits.parse()?)
}

#[cfg(test)]
mod tests {
    use base::ErrorCode;
    use wire::offset_fetch::{
        OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
    };

    use super::*;

    fn stored() -> StoredOffsets {
        StoredOffsets { topic: "t".to_owned(), groups: 2, partitions: 3, rounds: 5 }
    }

    fn answer(of_groups: &[(ErrorCode, i64)]) -> OffsetFetchResponse {
        let groups = (0..).zip(of_groups).map(|(number, (code, committed_offset))| {
            let partition = OffsetFetchResponsePartitions {
                committed_offset: *committed_offset,
                ..Default::default()
            };
            let topic =
                OffsetFetchResponseTopics { partitions: vec![partition], ..Default::default() };
            let topics = if *code == ErrorCode::None { vec![topic] } else { vec![] };
            let group_id = group(number);
            OffsetFetchResponseGroup { group_id, topics, error_code: code.code() }
        });
        OffsetFetchResponse { groups: groups.collect(), ..Default::default() }
    }

    #[test]
    fn groups_whose_coordinator_is_loading_are_asked_again() {
        let loading = (ErrorCode::CoordinatorLoadInProgress, -1);
        let missing = stored().still_missing(&answer(&[(ErrorCode::None, 4), loading]));
        assert_eq!(missing.expect("one answered"), [1]);
        let missing = stored().still_missing(&answer(&[(ErrorCode::None, 4); 2]));
        assert_eq!(missing.expect("both answered"), [0_u32; 0]);
    }

    #[test]
    fn an_offset_that_was_not_the_last_is_an_error() {
        assert!(stored().still_missing(&answer(&[(ErrorCode::None, 3)])).is_err());
        assert!(stored().still_missing(&answer(&[(ErrorCode::None, -1)])).is_err());
        let refused = (ErrorCode::GroupAuthorizationFailed, -1);
        assert!(stored().still_missing(&answer(&[refused])).is_err());
    }
}
