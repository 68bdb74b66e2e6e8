//! Which version of which request to use with a broker.

use kafka_sim_core::wire::{ApiKey, VersionRow};

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

/// The versions that one broker and this client have in common, of what is ever sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct BrokerVersions(Vec<VersionRow>);

impl BrokerVersions {
    /// The table in a broker's answer.
    pub(crate) fn of(mut rows: Vec<VersionRow>) -> BrokerVersions {
        rows.retain_mut(|row| {
            let Ok(api) = ApiKey::try_from(row.api_key) else {
                return false;
            };
            let (min, max) = spoken(api);
            row.min = row.min.max(min);
            row.max = row.max.min(max);
            row.min <= row.max
        });
        BrokerVersions(rows)
    }

    /// The newest version both sides know and that is at most `limit`, if there is one.
    pub(crate) fn usable(&self, api: ApiKey, limit: i16) -> Option<i16> {
        let common = self.0.iter().find(|row| row.api_key == api as i16)?;
        let version = common.max.min(limit);
        (version >= common.min).then_some(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offering(api: ApiKey, min: i16, max: i16) -> BrokerVersions {
        let api_key = api as i16;
        BrokerVersions::of(vec![VersionRow { api_key, min, max }])
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
