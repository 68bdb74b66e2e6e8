//! What every searched run is held to.

use std::fmt;

use kafka_sim_check::Promise;
use serde::{Deserialize, Serialize};

use super::World;

/// Something that must be true of every run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// [`Promise::AckedSurvives`].
    AckedSurvives,
    /// [`Promise::NoDuplicates`].
    NoDuplicates,
    /// [`Promise::InOrder`].
    InOrder,
    /// [`Promise::ConsistentOffsets`].
    ConsistentOffsets,
    /// [`Promise::NothingRefusedAppears`].
    NothingRefusedAppears,
    /// [`Promise::SendsResolved`].
    SendsResolved,
    /// [`Promise::EveryAckedProcessed`]. Worlds without consumers cannot break it.
    EveryAckedProcessed,
    /// Once everything is healed, the cluster comes to rest and can be read to its end.
    ComesToRest,
    /// No [invariant](kafka_sim_cluster::invariant) of the cluster broke without an excuse.
    InvariantsHold,
}

impl Claim {
    /// All of them, the gravest first.
    pub const ALL: [Claim; 9] = [
        Claim::AckedSurvives,
        Claim::EveryAckedProcessed,
        Claim::NoDuplicates,
        Claim::InOrder,
        Claim::ConsistentOffsets,
        Claim::NothingRefusedAppears,
        Claim::SendsResolved,
        Claim::ComesToRest,
        Claim::InvariantsHold,
    ];

    /// The promise behind it; none for what no history can tell.
    pub fn promise(self) -> Option<Promise> {
        match self {
            Claim::AckedSurvives => Some(Promise::AckedSurvives),
            Claim::NoDuplicates => Some(Promise::NoDuplicates),
            Claim::InOrder => Some(Promise::InOrder),
            Claim::ConsistentOffsets => Some(Promise::ConsistentOffsets),
            Claim::NothingRefusedAppears => Some(Promise::NothingRefusedAppears),
            Claim::SendsResolved => Some(Promise::SendsResolved),
            Claim::EveryAckedProcessed => Some(Promise::EveryAckedProcessed),
            Claim::ComesToRest | Claim::InvariantsHold => None,
        }
    }

    /// The promises of all claims that a run of this world can keep or break.
    pub(crate) fn promises_of(world: &World) -> Vec<Promise> {
        let judged = |claim: &Claim| *claim != Claim::EveryAckedProcessed || world.consumers.is_some();
        let claims = Claim::ALL.into_iter().filter(judged);
        claims.filter_map(Claim::promise).collect()
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.promise() {
            Some(promise) => promise.fmt(f),
            None if *self == Claim::InvariantsHold => f.write_str("the invariants of replication hold"),
            None => f.write_str("the healed cluster comes to rest and can be read to its end"),
        }
    }
}
