//! What every searched run is held to.

use std::fmt;

use kafka_sim_check::Promise;
#[cfg(doc)]
use kafka_sim_cluster::invariant::Invariant;
use serde::{Deserialize, Serialize};

use super::{Consumers, World};

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
    /// [`Promise::EffectOnce`], of [handlers that tell](Consumers::every_promise) what they have done already.
    EffectOnce,
    /// [`Promise::CommitNeverPassesProcessed`], if [asked for](Consumers::every_promise).
    CommitNeverPassesProcessed,
    /// [`Promise::OrderPerKey`], if [asked for](Consumers::every_promise).
    OrderPerKey,
    /// [`Promise::GroupSingleOwner`], if [asked for](Consumers::every_promise).
    GroupSingleOwner,
    /// [`Promise::Converges`], if [asked for](Consumers::every_promise).
    Converges,
    /// No offset commit that was answered is [missing](Invariant::AckedCommitsStay) from the newest coordinator, whatever
    /// excuses it, if [asked for](Consumers::every_promise).
    AckedCommitsStay,
    /// Once everything is healed, the cluster comes to rest and can be read to its end.
    ComesToRest,
    /// No [invariant](kafka_sim_cluster::invariant) of the cluster broke without an excuse.
    InvariantsHold,
}

impl Claim {
    /// All of them, the gravest first.
    pub const ALL: [Claim; 15] = [
        Claim::AckedSurvives,
        Claim::EveryAckedProcessed,
        Claim::NoDuplicates,
        Claim::InOrder,
        Claim::ConsistentOffsets,
        Claim::NothingRefusedAppears,
        Claim::SendsResolved,
        Claim::CommitNeverPassesProcessed,
        Claim::GroupSingleOwner,
        Claim::AckedCommitsStay,
        Claim::EffectOnce,
        Claim::OrderPerKey,
        Claim::Converges,
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
            Claim::EffectOnce => Some(Promise::EffectOnce),
            Claim::CommitNeverPassesProcessed => Some(Promise::CommitNeverPassesProcessed),
            Claim::OrderPerKey => Some(Promise::OrderPerKey),
            Claim::GroupSingleOwner => Some(Promise::GroupSingleOwner),
            Claim::Converges => Some(Promise::Converges),
            Claim::AckedCommitsStay | Claim::ComesToRest | Claim::InvariantsHold => None,
        }
    }

    /// The promises of all claims that a run of this world can keep or break.
    pub(crate) fn promises_of(world: &World) -> Vec<Promise> {
        let claims = Claim::ALL.into_iter().filter(|claim| claim.is_of(world));
        claims.filter_map(Claim::promise).collect()
    }

    /// A run of this world is held to it.
    pub(super) fn is_of(self, world: &World) -> bool {
        let consumers = world.consumers.as_ref();
        let every_promise = consumers.is_some_and(|consumers| consumers.every_promise);
        match self {
            Claim::EveryAckedProcessed => consumers.is_some(),
            Claim::EffectOnce => every_promise && consumers.is_some_and(Consumers::has_effects_once),
            Claim::CommitNeverPassesProcessed
            | Claim::OrderPerKey
            | Claim::GroupSingleOwner
            | Claim::Converges
            | Claim::AckedCommitsStay => every_promise,
            _ => true,
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.promise() {
            Some(promise) => promise.fmt(f),
            None if *self == Claim::AckedCommitsStay => f.write_str("every acknowledged offset commit stays"),
            None if *self == Claim::InvariantsHold => f.write_str("the invariants of replication and of groups hold"),
            None => f.write_str("the healed cluster comes to rest and can be read to its end"),
        }
    }
}
