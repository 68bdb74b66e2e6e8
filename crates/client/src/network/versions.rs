//! Which version of which request to use with a broker.

use kafka_protocol::messages::ApiVersionsResponse;
use kafka_sim_core::{SmallMap, wire::ApiKey};

/// Oldest and newest version this client speaks, as the Java client 4.x does where the codec allows.
pub(crate) fn spoken(api: ApiKey) -> (i16, i16) {
    match api {
        ApiKey::Produce => (3, 13),
        ApiKey::Fetch => (4, 18),
        ApiKey::ListOffsets => (1, 10),
        ApiKey::Metadata => (0, 13),
        ApiKey::ApiVersions => (0, 4),
        ApiKey::InitProducerId => (0, 5),
        ApiKey::OffsetForLeaderEpoch => (2, 4),
        // Names, not ids: the versions above are not spoken (OffsetCommit and OffsetFetch 10).
        ApiKey::OffsetCommit => (2, 9),
        ApiKey::OffsetFetch => (1, 9),
        ApiKey::FindCoordinator => (0, 6),
        ApiKey::JoinGroup => (0, 9),
        ApiKey::Heartbeat => (0, 4),
        ApiKey::LeaveGroup => (0, 5),
        ApiKey::SyncGroup => (0, 5),
        ApiKey::ConsumerGroupHeartbeat => (0, 1),
        // Nothing else is ever sent.
        _ => (0, -1),
    }
}

/// The versions one broker offers.
#[derive(Clone, Debug, Default)]
pub(crate) struct BrokerVersions(SmallMap<i16, (i16, i16)>);

impl BrokerVersions {
    /// The table in a broker's answer.
    pub(crate) fn of(response: &ApiVersionsResponse) -> BrokerVersions {
        let rows = response.api_keys.iter();
        BrokerVersions(
            rows.map(|row| (row.api_key, (row.min_version, row.max_version)))
                .collect(),
        )
    }

    /// The newest version both sides know and that is at most `limit`, if there is one.
    pub(crate) fn usable(&self, api: ApiKey, limit: i16) -> Option<i16> {
        let (our_min, our_max) = spoken(api);
        let &(broker_min, broker_max) = self.0.get(&(api as i16))?;
        let version = our_max.min(broker_max).min(limit);
        (version >= our_min.max(broker_min)).then_some(version)
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::api_versions_response::ApiVersion;

    use super::*;

    fn offering(api: ApiKey, min: i16, max: i16) -> BrokerVersions {
        let row = ApiVersion::default()
            .with_api_key(api as i16)
            .with_min_version(min)
            .with_max_version(max);
        BrokerVersions::of(&ApiVersionsResponse::default().with_api_keys(vec![row]))
    }

    #[test]
    fn the_newest_common_version_wins() {
        assert_eq!(
            offering(ApiKey::Produce, 0, 9).usable(ApiKey::Produce, i16::MAX),
            Some(9)
        );
        assert_eq!(
            offering(ApiKey::Produce, 0, 99).usable(ApiKey::Produce, i16::MAX),
            Some(13)
        );
        assert_eq!(offering(ApiKey::Produce, 0, 99).usable(ApiKey::Produce, 12), Some(12));
    }

    #[test]
    fn ranges_that_do_not_meet_leave_no_version() {
        assert_eq!(offering(ApiKey::Produce, 0, 2).usable(ApiKey::Produce, i16::MAX), None);
        assert_eq!(
            offering(ApiKey::Produce, 14, 15).usable(ApiKey::Produce, i16::MAX),
            None
        );
        assert_eq!(offering(ApiKey::Fetch, 4, 15).usable(ApiKey::Produce, i16::MAX), None);
    }
}
