//! Where each mutant is looked for.

use kafka_sim_cluster::mutant::Mutant;

use super::super::settings::{Scope, Setting};
use super::super::{Budget, Claim, Profile, World};
use super::{Weather, groups};

/// A mutant on trial.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// Which one.
    pub mutant: Mutant,
    /// The profile of the world, of those that searches know.
    pub profile: &'static str,
    /// How the world differs from the profile, in Kafka's own keys.
    pub deviations: &'static [Setting],
    /// Partitions of the topic.
    pub partitions: i32,
    /// Messages sent.
    pub records: u32,
    /// Milliseconds between two of them.
    pub every_ms: u64,
    /// What strikes.
    pub weather: Weather,
    /// Claims that count.
    pub claims: &'static [Claim],
    /// Seeds after which it counts as having survived.
    pub seeds: u64,
}

const fn topic(key: &'static str, value: &'static str) -> Setting {
    Setting {
        scope: Scope::Topic,
        key,
        value,
    }
}

const fn broker(key: &'static str, value: &'static str) -> Setting {
    Setting {
        scope: Scope::Broker,
        key,
        value,
    }
}

/// The searched world as it is.
pub(super) const USUAL: Trial = Trial {
    mutant: Mutant::ElrOff,
    profile: "safe",
    deviations: &[],
    partitions: 3,
    records: 200,
    every_ms: 330,
    weather: Weather::Usual(Budget::Within),
    claims: &Claim::ALL,
    seeds: 100,
};

/// One busy partition, and leaders that change.
const ELECTIONS: Trial = Trial {
    partitions: 1,
    records: 1_000,
    every_ms: 20,
    weather: Weather::Elections,
    ..USUAL
};

/// Leadership that goes back to the preferred replica within a second, and producers that do not wait for followers.
const THERE_AND_BACK: Trial = Trial {
    profile: "acks-one",
    deviations: &[broker("leader.imbalance.check.interval.seconds", "1")],
    records: 400,
    weather: Weather::ThereAndBack,
    claims: &[Claim::InvariantsHold],
    seeds: 300,
    ..ELECTIONS
};

impl Trial {
    /// All mutants.
    pub const ALL: &'static [Trial] = &[
        Trial {
            mutant: Mutant::TruncateToHighWatermark,
            ..ELECTIONS
        },
        Trial {
            mutant: Mutant::SingleShotTruncation,
            ..THERE_AND_BACK
        },
        Trial {
            mutant: Mutant::NoFetchEpochFencing,
            ..THERE_AND_BACK
        },
        Trial {
            mutant: Mutant::SkippedTruncation,
            ..THERE_AND_BACK
        },
        Trial {
            mutant: Mutant::NonMaximalIsr,
            deviations: &[broker("replica.lag.time.max.ms", "1000")],
            ..ELECTIONS
        },
        Trial {
            mutant: Mutant::NoBrokerEpochCheck,
            deviations: &[
                broker("replica.fetch.max.bytes", "1"),
                broker("replica.fetch.response.max.bytes", "1"),
            ],
            partitions: 1,
            records: 60,
            every_ms: 1_000,
            weather: Weather::StaleJoin,
            seeds: 300,
            ..USUAL
        },
        Trial {
            mutant: Mutant::ElrOff,
            partitions: 1,
            records: 400,
            every_ms: 100,
            weather: Weather::Outages,
            seeds: 500,
            ..USUAL
        },
        Trial {
            mutant: Mutant::NoDuplicateCheck,
            ..USUAL
        },
        Trial {
            mutant: Mutant::FsyncIgnored,
            deviations: &[topic("flush.messages", "1")],
            weather: Weather::Usual(Budget::Beyond),
            ..USUAL
        },
        Trial {
            mutant: Mutant::AckOnAppend,
            ..USUAL
        },
        Trial {
            mutant: Mutant::HighWatermarkBelowMinIsr,
            profile: "acks-one",
            claims: &[Claim::ConsistentOffsets, Claim::InvariantsHold],
            ..ELECTIONS
        },
        Trial {
            mutant: Mutant::RetentionDeletesUnreplicated,
            deviations: &[
                topic("retention.ms", "1000"),
                broker("log.retention.check.interval.ms", "500"),
                broker("log.initial.task.delay.ms", "100"),
            ],
            claims: &[Claim::InvariantsHold],
            ..ELECTIONS
        },
        groups::STALE_COMMITS,
        groups::ACK_ON_APPEND,
        groups::BEFORE_RELEASED,
        groups::READS_NO_LOG,
        groups::EXPIRES,
        groups::SILENT_MEMBERS,
    ];

    /// The world with the mutant in it.
    pub fn world(&self) -> World {
        let profile = Profile::named(self.profile).expect("trials name profiles that exist");
        let settings = self
            .deviations
            .iter()
            .fold(profile.settings(), |settings, setting| settings.with(setting));
        World {
            partitions: self.partitions,
            records: self.records,
            every_ms: self.every_ms,
            mutant: Some(self.mutant),
            settings,
            ..profile.world()
        }
    }

    /// How the world is written down.
    pub fn profile_words(&self) -> String {
        let deviations: Vec<String> = self.deviations.iter().map(ToString::to_string).collect();
        match deviations.as_slice() {
            [] => self.profile.to_owned(),
            some => format!("{} with {}", self.profile, some.join(", ")),
        }
    }
}
