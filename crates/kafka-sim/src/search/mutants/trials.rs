//! Where each mutant is looked for.

use kafka_sim_cluster::mutant::Mutant;
use kafka_sim_core::Seed;

use super::super::settings::{Scope, Setting};
use super::super::{Budget, Claim, Profile, World};
use super::attempt::Case;
use super::general::General;
use super::{Weather, groups};

/// Where the schedules of a search come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schedules {
    /// Worlds, settings and faults drawn at random by a profile that knows nothing of any flaw.
    General,
    /// A world chosen for the flaw, and [faults](Weather) built around how it was found in Kafka.
    Directed,
}

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
    /// Limits of the search by such schedules.
    pub directed: Limits,
    /// Limits of the search that knows nothing of the flaw; none if that would take too long to be the rule.
    pub general: Option<Limits>,
}

/// How many runs a search may need, and what that was made from: runs that searches from many other seeds needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Runs after which the mutant counts as having survived.
    pub most: u64,
    /// Runs in which a promise to users may still break once an invariant has.
    pub most_judged: u64,
    /// Median of the runs until something broke.
    pub median: u64,
    /// The most of them.
    pub worst: u64,
}

const fn limits(most: u64, most_judged: u64, median: u64, worst: u64) -> Limits {
    Limits {
        most,
        most_judged,
        median,
        worst,
    }
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
    directed: limits(100, 100, 0, 0),
    general: None,
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
    directed: limits(300, 300, 0, 0),
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
            directed: limits(300, 300, 0, 0),
            ..USUAL
        },
        Trial {
            mutant: Mutant::ElrOff,
            partitions: 1,
            records: 400,
            every_ms: 100,
            weather: Weather::Outages,
            directed: limits(500, 500, 0, 0),
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

    /// The run of a seed.
    pub(super) fn case(&self, schedules: Schedules, seed: Seed) -> Case {
        if schedules == Schedules::General {
            return General::of(seed).case(Some(self.mutant));
        }
        let world = self.world();
        Case {
            schedule: self.weather.schedule(seed, &world),
            claims: self.claims.to_vec(),
            world,
        }
    }

    /// Which schedules it is searched by unless somebody says otherwise.
    pub fn schedules(&self) -> Schedules {
        match self.general {
            Some(_) => Schedules::General,
            None => Schedules::Directed,
        }
    }

    /// The limits of a search; those of a directed one if nothing is known.
    pub fn limits(&self, schedules: Schedules) -> Limits {
        match schedules {
            Schedules::General => self.general.unwrap_or(self.directed),
            Schedules::Directed => self.directed,
        }
    }

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
