//! What is served and what is advertised: one table.

use kafka_protocol::messages::ApiKey;

/// The versions of one API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Served {
    /// The API.
    pub key: ApiKey,
    /// Lowest version advertised.
    pub min: i16,
    /// Highest version served and advertised.
    pub max: i16,
}

impl Served {
    /// Whether a request of that version is looked at.
    pub fn contains(self, version: i16) -> bool {
        (self.min..=self.max).contains(&version)
    }
}

const fn row(key: ApiKey, min: i16, max: i16) -> Served {
    Served { key, min, max }
}

/// Every API that is served, by API key.
pub const TABLE: &[Served] = &[
    // v0 to v2 are advertised but refused: librdkafka up to 2.11.0 does not compress unless the range starts at 0
    // (KAFKA-18659).
    row(ApiKey::Produce, 0, 13),
    row(ApiKey::Fetch, 4, 18),
    row(ApiKey::ListOffsets, 1, 10),
    row(ApiKey::Metadata, 0, 13),
    row(ApiKey::OffsetCommit, 2, 10),
    row(ApiKey::OffsetFetch, 1, 10),
    row(ApiKey::FindCoordinator, 0, 6),
    row(ApiKey::JoinGroup, 0, 9),
    row(ApiKey::Heartbeat, 0, 4),
    row(ApiKey::LeaveGroup, 0, 5),
    row(ApiKey::SyncGroup, 0, 5),
    row(ApiKey::DescribeGroups, 0, 6),
    row(ApiKey::ListGroups, 0, 5),
    row(ApiKey::ApiVersions, 0, 4),
    row(ApiKey::CreateTopics, 2, 7),
    row(ApiKey::DeleteTopics, 1, 6),
    row(ApiKey::DeleteRecords, 0, 2),
    row(ApiKey::InitProducerId, 0, 5),
    row(ApiKey::OffsetForLeaderEpoch, 2, 4),
    row(ApiKey::DescribeConfigs, 1, 4),
    row(ApiKey::AlterConfigs, 0, 2),
    row(ApiKey::CreatePartitions, 0, 3),
    row(ApiKey::DeleteGroups, 0, 2),
    row(ApiKey::ElectLeaders, 0, 2),
    row(ApiKey::IncrementalAlterConfigs, 0, 1),
    row(ApiKey::OffsetDelete, 0, 0),
    row(ApiKey::DescribeCluster, 0, 2),
    row(ApiKey::ConsumerGroupHeartbeat, 0, 1),
    row(ApiKey::ConsumerGroupDescribe, 0, 1),
    row(ApiKey::DescribeTopicPartitions, 0, 0),
];

/// The row of an API key, if it is served at all.
pub(crate) fn served(api_key: i16) -> Option<Served> {
    TABLE.iter().find(|row| row.key as i16 == api_key).copied()
}
