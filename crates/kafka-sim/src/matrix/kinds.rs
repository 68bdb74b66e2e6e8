//! The columns: one fault of a kind at a moment drawn from the seed.

use std::time::Duration;

use kafka_sim_cluster::fault::{Fault, Filter, Peer, Role, Schedule, ScheduledFault, Survivors};
use kafka_sim_core::{Seed, SimTime};

use crate::search::TOPIC;

/// Produce, in requests that are swallowed.
const PRODUCE: i16 = 0;

/// A kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Nothing,
    ResponseLost,
    Reset,
    LeaderStandsStill,
    LeaderCutOff,
    LeaderKilled,
    LeaderWithoutPower,
    LeaderWiped,
    AllKilled,
    AllWithoutPower,
}

/// From the mildest to the worst.
pub(super) const ALL: [Kind; 10] = [
    Kind::Nothing,
    Kind::ResponseLost,
    Kind::Reset,
    Kind::LeaderStandsStill,
    Kind::LeaderCutOff,
    Kind::LeaderKilled,
    Kind::LeaderWithoutPower,
    Kind::LeaderWiped,
    Kind::AllKilled,
    Kind::AllWithoutPower,
];

impl Kind {
    pub(super) fn words(self) -> &'static str {
        match self {
            Kind::Nothing => "nothing",
            Kind::ResponseLost => "a response is lost",
            Kind::Reset => "connections are reset",
            Kind::LeaderStandsStill => "the leader stands still",
            Kind::LeaderCutOff => "the leader is cut off from the cluster",
            Kind::LeaderKilled => "the leader is killed",
            Kind::LeaderWithoutPower => "the leader loses power",
            Kind::LeaderWiped => "the leader's disk is replaced",
            Kind::AllKilled => "all brokers are killed",
            Kind::AllWithoutPower => "all brokers lose power",
        }
    }

    /// The schedule of a seed: the same moment and duration for every kind.
    pub(super) fn schedule(self, seed: Seed) -> Schedule {
        let rng = &mut seed.stream("matrix", 0);
        let at = SimTime::ZERO + Duration::from_micros(rng.between(500_000, 6_000_000));
        let lasts = Duration::from_millis(rng.between(1_000, 15_000));
        let faults = self.faults().into_iter().map(|fault| fault.at(at).healed_after(lasts));
        faults.collect::<Vec<ScheduledFault>>().into()
    }

    fn faults(self) -> Option<Fault> {
        let leader = Role::leader_of(TOPIC, 0);
        let power_loss = |target| Fault::PowerLoss {
            target,
            survivors: Survivors::None,
        };
        Some(match self {
            Kind::Nothing => return None,
            Kind::ResponseLost => Fault::DropResponse(Filter::next(1).api(PRODUCE)),
            Kind::Reset => Fault::Reset {
                a: Peer::Clients,
                b: Peer::Brokers(leader),
            },
            Kind::LeaderStandsStill => Fault::Pause(leader),
            // Clients still reach it: that is how a stale leader acknowledges what nobody replicates.
            Kind::LeaderCutOff => Fault::Partition {
                a: vec![Peer::Brokers(leader)],
                b: vec![Peer::Brokers(Role::AllBrokers), Peer::Controller],
            },
            Kind::LeaderKilled => Fault::Kill(leader),
            Kind::LeaderWithoutPower => power_loss(leader),
            Kind::LeaderWiped => Fault::Wipe(leader),
            Kind::AllKilled => Fault::Kill(Role::AllBrokers),
            Kind::AllWithoutPower => power_loss(Role::AllBrokers),
        })
    }
}
