//! Which of the protocols that members speak they use together, and what a group of consumers says
//! with it.

use std::collections::{BTreeMap, BTreeSet};

use base::codec::{Message, Reader};
use wire::consumer_protocol::ConsumerProtocolSubscription;
use wire::join_group::JoinGroupRequest;

use super::{ClassicGroup, State};

/// Whether a newcomer speaks a protocol that all the others speak, too: `spoken` has the names of
/// each of them. In the sum of all names, however many one member may have.
pub(crate) fn is_one_in_common<'a, Names>(
    newcomer: &'a JoinGroupRequest,
    spoken: impl IntoIterator<Item = Names>,
) -> bool
where
    Names: Iterator<Item = &'a str>,
{
    let protocols = newcomer.protocols.iter().map(|protocol| protocol.name.as_str());
    let mut candidates: BTreeSet<&str> = protocols.collect();
    for names in spoken {
        candidates = names.filter(|name| candidates.contains(name)).collect();
        if candidates.is_empty() {
            break;
        }
    }
    !candidates.is_empty()
}

impl ClassicGroup {
    /// Whether a newcomer can speak with those who are here.
    pub(super) fn supports_protocols_of(&self, request: &JoinGroupRequest) -> bool {
        if self.state == State::Empty {
            return !request.protocol_type.is_empty() && !request.protocols.is_empty();
        }
        let members = self.members.values();
        let spoken = members.map(|member| member.protocols.iter().map(|one| one.name.as_str()));
        self.protocol_type.as_ref() == Some(&request.protocol_type)
            && is_one_in_common(request, spoken)
    }

    /// The protocol that all speak and most would rather speak: each votes for the first of its
    /// own that all can. Of equals it is the first by name.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let mut speakers: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let names: BTreeSet<&str> =
                member.protocols.iter().map(|protocol| protocol.name.as_str()).collect();
            for name in names {
                *speakers.entry(name).or_default() += 1;
            }
        }
        let is_candidate = |name: &str| speakers.get(name) == Some(&self.members.len());
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let mut names = member.protocols.iter().map(|protocol| protocol.name.as_str());
            if let Some(vote) = names.find(|name| is_candidate(name)) {
                *votes.entry(vote).or_default() += 1;
            }
        }
        let most = votes.values().copied().max()?;
        votes.into_iter().find(|&(_, count)| count == most).map(|(name, _)| name.to_owned())
    }

    /// The topics that the members read, if they are consumers and all can be understood.
    pub(super) fn compute_subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if !self.is_of_consumers() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_ref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            let mut reader = Reader::new(member.metadata(protocol));
            // The version stands in front. The topics come first in every one of them.
            reader.read_fixed::<2>().ok()?;
            topics.extend(ConsumerProtocolSubscription::decode(&mut reader, 0).ok()?.topics);
        }
        Some(topics)
    }
}
