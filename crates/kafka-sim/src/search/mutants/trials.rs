//! Where each mutant is looked for.

use kafka_sim_cluster::mutant::Mutant;
use kafka_sim_core::Seed;

use super::super::settings::{Scope, Setting, setting};
use super::super::{Budget, Claim, Profile, World};
use super::attempt::Case;
use super::general::General;
use super::{Weather, groups};

/// Where the schedules of a search come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schedules {
    /// Worlds, settings and faults drawn at random by a profile that knows nothing of any flaw.
    General,
    /// A world chosen for the flaw, and its [weather](Weather), which for most is built around the known story of it.
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
    /// Median of the runs until something broke; 0 if nobody measured.
    pub median: u64,
    /// The most of them, no more than those after which a search was given up; 0 if nobody measured.
    pub worst: u64,
}

pub(super) const fn limits(most: u64, most_judged: u64, median: u64, worst: u64) -> Limits {
    Limits {
        most,
        most_judged,
        median,
        worst,
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
    deviations: &[setting(Scope::Broker, "leader.imbalance.check.interval.seconds", "1")],
    records: 400,
    weather: Weather::ThereAndBack,
    claims: &[Claim::InvariantsHold],
    ..ELECTIONS
};

impl Trial {
    /// All mutants.
    pub const ALL: &'static [Trial] = &[
        Trial {
            mutant: Mutant::TruncateToHighWatermark,
            directed: limits(100, 100, 1, 5),
            general: Some(limits(100, 400, 2, 7)),
            ..ELECTIONS
        },
        Trial {
            mutant: Mutant::SingleShotTruncation,
            directed: limits(300, 300, 11, 39),
            general: Some(limits(4_000, 400, 372, 400)),
            ..THERE_AND_BACK
        },
        Trial {
            mutant: Mutant::NoFetchEpochFencing,
            directed: limits(700, 200, 50, 221),
            ..THERE_AND_BACK
        },
        Trial {
            mutant: Mutant::SkippedTruncation,
            directed: limits(500, 200, 32, 152),
            ..THERE_AND_BACK
        },
        Trial {
            mutant: Mutant::NonMaximalIsr,
            directed: limits(300, 300, 23, 58),
            general: Some(limits(1_000, 400, 55, 400)),
            deviations: &[setting(Scope::Broker, "replica.lag.time.max.ms", "1000")],
            ..ELECTIONS
        },
        Trial {
            mutant: Mutant::NoBrokerEpochCheck,
            directed: limits(50, 50, 1, 2),
            deviations: &[
                setting(Scope::Broker, "replica.fetch.max.bytes", "1"),
                setting(Scope::Broker, "replica.fetch.response.max.bytes", "1"),
            ],
            partitions: 1,
            records: 60,
            every_ms: 1_000,
            weather: Weather::StaleJoin,
            ..USUAL
        },
        Trial {
            mutant: Mutant::ElrOff,
            directed: limits(400, 400, 18, 88),
            general: Some(limits(2_500, 400, 173, 400)),
            partitions: 1,
            records: 400,
            every_ms: 100,
            weather: Weather::Outages,
            ..USUAL
        },
        Trial {
            mutant: Mutant::NoDuplicateCheck,
            directed: limits(100, 100, 3, 11),
            general: Some(limits(150, 400, 7, 22)),
            ..USUAL
        },
        Trial {
            mutant: Mutant::FsyncIgnored,
            directed: limits(100, 100, 4, 13),
            deviations: &[setting(Scope::Topic, "flush.messages", "1")],
            weather: Weather::Usual(Budget::Beyond),
            ..USUAL
        },
        Trial {
            mutant: Mutant::AckOnAppend,
            directed: limits(50, 50, 1, 1),
            general: Some(limits(50, 400, 1, 2)),
            ..USUAL
        },
        Trial {
            mutant: Mutant::HighWatermarkBelowMinIsr,
            directed: limits(500, 500, 21, 143),
            general: Some(limits(200, 400, 8, 33)),
            profile: "acks-one",
            claims: &[Claim::ConsistentOffsets, Claim::InvariantsHold],
            ..ELECTIONS
        },
        Trial {
            mutant: Mutant::RetentionDeletesUnreplicated,
            directed: limits(150, 150, 4, 20),
            general: Some(limits(100, 400, 5, 8)),
            deviations: &[
                setting(Scope::Topic, "retention.ms", "1000"),
                setting(Scope::Broker, "log.retention.check.interval.ms", "500"),
                setting(Scope::Broker, "log.initial.task.delay.ms", "100"),
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

    /// How much the schedules of a search know of the flaw, in a word: `general`, nothing; `usual`, only the world was chosen
    /// for it; `directed`, they were built around it.
    pub fn search(&self, schedules: Schedules) -> &'static str {
        match (schedules, self.weather) {
            (Schedules::General, _) => "general",
            (Schedules::Directed, Weather::Usual(_)) => "usual",
            (Schedules::Directed, _) => "directed",
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
