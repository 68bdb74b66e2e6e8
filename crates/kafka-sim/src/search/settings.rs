//! Settings on trial, under Kafka's own keys.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Consumers, World};

/// The settings of a run that are not Kafka's defaults.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `server.properties` of every broker.
    pub broker: BTreeMap<String, String>,
    /// Overrides of the topic.
    pub topic: BTreeMap<String, String>,
    /// `producer.properties`.
    pub producer: BTreeMap<String, String>,
    /// `consumer.properties`. Without consumers in the world it has no effect.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub consumer: BTreeMap<String, String>,
}

/// Whose setting it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    Broker,
    Topic,
    Producer,
    Consumer,
    /// The application's own: which pattern it processes records by.
    Application,
}

/// One setting with a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setting {
    pub(super) scope: Scope,
    /// Kafka's key.
    pub key: &'static str,
    /// The value.
    pub value: &'static str,
}

pub(super) const fn setting(scope: Scope, key: &'static str, value: &'static str) -> Setting {
    Setting { scope, key, value }
}

/// What published advice says to set, though most of it is the default by now, and one request in flight: with more, the
/// first records of an idempotent producer can be overtaken when their leader goes dark.
pub(super) const SAFE: &[Setting] = &[
    setting(Scope::Producer, "acks", "all"),
    setting(Scope::Producer, "enable.idempotence", "true"),
    setting(Scope::Producer, "max.in.flight.requests.per.connection", "1"),
    setting(Scope::Topic, "min.insync.replicas", "2"),
    setting(Scope::Topic, "unclean.leader.election.enable", "false"),
    setting(Scope::Broker, "eligible.leader.replicas.enable", "true"),
];

/// What published advice says of consumers.
pub(super) const SAFE_CONSUMER: &[Setting] = &[
    setting(Scope::Application, COMMIT_STRATEGY, "process-then-commit"),
    setting(Scope::Consumer, "auto.offset.reset", "earliest"),
    setting(Scope::Broker, "offsets.topic.replication.factor", "3"),
];

/// What the profiles with a group have in common. A JoinGroup whose answer never comes is given up five seconds after
/// `max.poll.interval.ms`, which has to be within the time that groups are given to come to rest.
const GROUPED: &[Setting] = &[
    setting(Scope::Consumer, "max.poll.interval.ms", "60000"),
    setting(Scope::Consumer, "auto.offset.reset", "earliest"),
    setting(Scope::Consumer, "enable.auto.commit", "false"),
    setting(Scope::Broker, "offsets.topic.replication.factor", "3"),
    setting(Scope::Broker, "min.insync.replicas", "2"),
];

/// Members that are silent for six seconds are out: pauses and kills last up to ten.
const CLASSIC: &[Setting] = &[
    setting(Scope::Consumer, "session.timeout.ms", "6000"),
    setting(Scope::Consumer, "heartbeat.interval.ms", "1000"),
];

/// The same where brokers say how long.
const KIP_848: &[Setting] = &[
    setting(Scope::Consumer, "group.protocol", "consumer"),
    setting(Scope::Broker, "group.consumer.min.session.timeout.ms", "6000"),
    setting(Scope::Broker, "group.consumer.session.timeout.ms", "6000"),
    setting(Scope::Broker, "group.consumer.min.heartbeat.interval.ms", "1000"),
    setting(Scope::Broker, "group.consumer.heartbeat.interval.ms", "1000"),
];

/// The key that stands for the pattern by which an application processes and commits.
pub(super) const COMMIT_STRATEGY: &str = "commit strategy";

/// What goes further than the safe profile, at a price.
pub(super) const STRICTER: &[Setting] = &[setting(Scope::Topic, "flush.messages", "1")];

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl Settings {
    pub(super) fn scope(&self, scope: Scope) -> &BTreeMap<String, String> {
        match scope {
            Scope::Broker => &self.broker,
            Scope::Topic => &self.topic,
            Scope::Producer => &self.producer,
            Scope::Consumer | Scope::Application => &self.consumer,
        }
    }

    /// Whether the setting has that value already.
    pub(super) fn has(&self, setting: &Setting) -> bool {
        let set = self.scope(setting.scope).get(setting.key);
        set.is_some_and(|value| value == setting.value)
    }

    /// The same settings with one changed.
    #[must_use]
    pub fn with(mut self, setting: &Setting) -> Settings {
        let scope = match setting.scope {
            Scope::Broker => &mut self.broker,
            Scope::Topic => &mut self.topic,
            Scope::Producer => &mut self.producer,
            Scope::Consumer | Scope::Application => &mut self.consumer,
        };
        scope.insert(setting.key.to_owned(), setting.value.to_owned());
        self
    }
}

/// Named settings that a search can put on trial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// How it differs from the safe profile.
    pub deviations: &'static [Setting],
    /// The [pattern](Consumers::patterns) of the three members of a group that consumes, if one does.
    pub consumers: Option<&'static str>,
}

impl Profile {
    /// All profiles, the safe one first.
    pub const ALL: &'static [Profile] = &[
        Profile {
            name: "safe",
            title: "acks=all, idempotence, one request in flight, two in-sync replicas, eligible leader replicas",
            deviations: &[],
            consumers: None,
        },
        Profile {
            name: "acks-one",
            title: "only the leader acknowledges",
            deviations: &[
                setting(Scope::Producer, "acks", "1"),
                setting(Scope::Producer, "enable.idempotence", "false"),
            ],
            consumers: None,
        },
        Profile {
            name: "no-idempotence",
            title: "retries that brokers do not recognise",
            deviations: &[setting(Scope::Producer, "enable.idempotence", "false")],
            consumers: None,
        },
        Profile {
            name: "min-isr-one",
            title: "the leader alone is in sync enough",
            deviations: &[setting(Scope::Topic, "min.insync.replicas", "1")],
            consumers: None,
        },
        Profile {
            name: "elr-off",
            title: "the last in-sync replica leads even after it lost its page cache",
            deviations: &[setting(Scope::Broker, "eligible.leader.replicas.enable", "false")],
            consumers: None,
        },
        Profile {
            name: "groups",
            title: "a consumer group of the classic protocol whose members die, with a replicated offsets topic",
            deviations: CLASSIC,
            consumers: Some("flag-store"),
        },
        Profile {
            name: "groups-consumer",
            title: "the same with the consumer protocol (KIP-848)",
            deviations: KIP_848,
            consumers: Some("flag-store"),
        },
        Profile {
            name: "groups-offsets-alone",
            title: "a consumer group whose commits have one replica",
            deviations: &[
                setting(Scope::Consumer, "session.timeout.ms", "6000"),
                setting(Scope::Consumer, "heartbeat.interval.ms", "1000"),
                setting(Scope::Broker, "offsets.topic.replication.factor", "1"),
                setting(Scope::Broker, "min.insync.replicas", "1"),
            ],
            consumers: Some("flag-store"),
        },
    ];

    /// The profile of that name.
    pub fn named(name: &str) -> Option<Profile> {
        Profile::ALL.iter().find(|profile| profile.name == name).copied()
    }

    /// What it sets.
    pub fn settings(&self) -> Settings {
        let grouped = if self.consumers.is_some() { GROUPED } else { &[] };
        let all = SAFE.iter().chain(grouped).chain(self.deviations);
        all.fold(Settings::default(), Settings::with)
    }

    /// The searched world under these settings.
    pub fn world(&self) -> World {
        let consumers = self.consumers.map(|pattern| Consumers {
            group: "billing".to_owned(),
            members: 3,
            processing_ms: 20,
            pattern: pattern.to_owned(),
            every_promise: true,
        });
        World {
            consumers,
            ..World::with(self.settings())
        }
    }
}
