//! The server's assignors (KIP-848): given what members read and own, who is to own what.
//!
//! Each assigns every partition of every topic that somebody reads to exactly one of its readers,
//! and does the same for the same input.

mod range;
#[cfg(test)]
mod tests;
mod uniform;

use std::collections::{BTreeMap, BTreeSet};

use base::Uuid;

use crate::consumer::Assignment;

/// A way to assign, by Kafka's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignor {
    /// As even as can be, over all topics together, with as few moves as that allows.
    Uniform,
    /// Each topic for itself, in runs: the same numbers of different topics come together.
    Range,
}

impl Assignor {
    /// The assignor of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "uniform" => Some(Self::Uniform),
            "range" => Some(Self::Range),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// Who is to own what. `partition_counts` has every topic that somebody reads; members' other
    /// topics do not exist.
    pub fn assign(
        self,
        members: &BTreeMap<String, Reader>,
        partition_counts: &BTreeMap<Uuid, i32>,
    ) -> BTreeMap<String, Assignment> {
        match self {
            Self::Uniform => uniform::assign(members, partition_counts),
            Self::Range => range::assign(members, partition_counts),
        }
    }
}

/// A member as the assignors see it.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    /// Its instance, if it is a static one.
    pub instance_id: Option<String>,
    /// The topics that it reads.
    pub topics: BTreeSet<Uuid>,
    /// What it was to own so far.
    pub owned: Assignment,
}
