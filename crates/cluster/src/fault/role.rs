//! Whom a fault strikes.

use kafka_sim_core::BrokerId;
use serde::{Deserialize, Serialize};

/// Brokers named by what they are, which is looked up when the fault strikes.
///
/// A role that nobody holds at that moment makes the fault strike nobody.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Role {
    /// This broker, whatever it does.
    Broker(BrokerId),
    /// The leader the controller has recorded.
    LeaderOf {
        /// Name of the topic.
        topic: String,
        /// Index of the partition.
        partition: i32,
    },
    /// One of the followers.
    FollowerOf {
        /// Name of the topic.
        topic: String,
        /// Index of the partition.
        partition: i32,
        /// Which one, from 0: the ISR in order without the leader, then the other replicas in order of assignment.
        nth: u32,
    },
    /// Every broker of a rack.
    Rack(String),
    /// Every broker.
    AllBrokers,
    /// Every assigned replica of a partition.
    ReplicasOf {
        /// Name of the topic.
        topic: String,
        /// Index of the partition.
        partition: i32,
    },
    /// Every in-sync replica of a partition, the leader included.
    IsrOf {
        /// Name of the topic.
        topic: String,
        /// Index of the partition.
        partition: i32,
    },
    /// The coordinator of a consumer group: the recorded leader of the group's partition of `__consumer_offsets`. Nobody
    /// before that topic exists.
    CoordinatorOf {
        /// `group.id`.
        group: String,
    },
}

impl Role {
    /// A broker by its id.
    pub fn broker(id: i32) -> Role {
        Role::Broker(BrokerId(id))
    }

    /// The leader of a partition.
    pub fn leader_of(topic: impl Into<String>, partition: i32) -> Role {
        Role::LeaderOf {
            topic: topic.into(),
            partition,
        }
    }

    /// The `nth` follower of a partition, from 0.
    pub fn follower_of(topic: impl Into<String>, partition: i32, nth: u32) -> Role {
        Role::FollowerOf {
            topic: topic.into(),
            partition,
            nth,
        }
    }

    /// All replicas of a partition.
    pub fn replicas_of(topic: impl Into<String>, partition: i32) -> Role {
        Role::ReplicasOf {
            topic: topic.into(),
            partition,
        }
    }

    /// The in-sync replicas of a partition.
    pub fn isr_of(topic: impl Into<String>, partition: i32) -> Role {
        Role::IsrOf {
            topic: topic.into(),
            partition,
        }
    }

    /// The coordinator of a consumer group.
    pub fn coordinator_of(group: impl Into<String>) -> Role {
        Role::CoordinatorOf { group: group.into() }
    }
}

/// One end of a link.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Peer {
    /// Brokers.
    Brokers(Role),
    /// Every client.
    Clients,
    /// The client on the host of that name.
    Client(String),
    /// The controller.
    Controller,
}

impl From<Role> for Peer {
    fn from(role: Role) -> Peer {
        Peer::Brokers(role)
    }
}

/// Which requests a fault swallows. An absent field matches everything.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// API key, such as 0 for Produce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<i16>,
    /// `client.id` of the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The broker that receives the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<Role>,
    /// How many requests are swallowed before the fault is spent.
    pub count: u32,
}

impl Filter {
    /// The next `count` requests of any kind from anybody.
    pub fn next(count: u32) -> Filter {
        Filter {
            api: None,
            client: None,
            broker: None,
            count,
        }
    }

    /// Only requests of this API key.
    pub fn api(self, key: i16) -> Filter {
        Filter { api: Some(key), ..self }
    }

    /// Only requests of this `client.id`.
    pub fn client(self, id: impl Into<String>) -> Filter {
        Filter {
            client: Some(id.into()),
            ..self
        }
    }

    /// Only requests that reach these brokers.
    pub fn broker(self, role: Role) -> Filter {
        Filter {
            broker: Some(role),
            ..self
        }
    }

    /// Whether a request has this API key and client id; the broker is resolved by whoever knows the roles.
    pub fn matches(&self, api: i16, client: Option<&str>) -> bool {
        self.api.is_none_or(|wanted| wanted == api)
            && self.client.as_deref().is_none_or(|wanted| client == Some(wanted))
    }
}
