//! ApiVersions (18), versions 0 to 4.
//!
//! v1, v2 quotas; v3 names the client's software and lists features (KIP-511, KIP-584), flexible; v4 features whose
//! lowest level is 0 (KIP-1022).
//!
//! A version that is not served is answered in version 0 with UNSUPPORTED_VERSION and the row of this API alone, so
//! that the client can ask again. Left out: the feature levels of transactions, shares and streams, because their APIs
//! are not served, and `kraft.version`.

use bytes::Bytes;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse, ResponseKind};
use kafka_sim_core::ErrorCode;
use kafka_sim_core::wire::{FieldWriter, RequestHead, encode_response, write_response};

use super::versions::{Served, TABLE};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};

/// 3.3-IV3, the oldest level Kafka 4 runs at.
const OLDEST_METADATA_VERSION: i16 = 7;
/// 4.1-IV1, the release whose version table this broker follows.
const METADATA_VERSION: i16 = 27;

/// The level that has consumer groups (KIP-848).
const GROUP_VERSION: i16 = 1;

/// A feature with the levels this broker could run at and the level the cluster runs at.
struct Feature {
    name: &'static str,
    min: i16,
    max: i16,
    level: i16,
}

pub(crate) fn handle(broker: &mut Broker, _ctx: &mut Ctx<'_>, call: Call, request: ApiVersionsRequest) -> Answer {
    let version = call.head.version;
    if version >= 3 && !(is_software(&request.client_software_name) && is_software(&request.client_software_version)) {
        let refused = ApiVersionsResponse::default().with_error_code(ErrorCode::INVALID_REQUEST.0);
        return call.ready(ResponseKind::ApiVersions(refused));
    }
    let epoch = i64::try_from(broker.metadata_offset).unwrap_or(i64::MAX);
    let bytes = encode(&call.head, broker.config.eligible_leader_replicas_enable, epoch);
    Answer::Encoded(call.head, bytes)
}

/// The answer to a version that is not served.
pub(crate) fn downgrade(correlation_id: i32) -> Answer {
    let rows = TABLE
        .iter()
        .filter(|row| row.key == ApiKey::ApiVersions)
        .map(api_version)
        .collect();
    let response = ApiVersionsResponse::default()
        .with_error_code(ErrorCode::UNSUPPORTED_VERSION.0)
        .with_api_keys(rows);
    let head = RequestHead {
        api_key: ApiKey::ApiVersions,
        version: 0,
        correlation_id,
        client_id: None,
    };
    let bytes = encode_response(ApiKey::ApiVersions, 0, correlation_id, &response)
        .expect("version 0 has an error code and rows");
    Answer::Encoded(head, bytes)
}

/// The frame, size prefix included.
fn encode(head: &RequestHead, eligible_leader_replicas: bool, epoch: i64) -> Bytes {
    let version = head.version;
    let frame = write_response(head, 64 + 7 * TABLE.len() + 128, |fields| {
        fields.i16(ErrorCode::NONE.0);
        fields.count(TABLE.len());
        for row in TABLE {
            fields.i16(row.key as i16);
            fields.i16(row.min);
            fields.i16(row.max);
            fields.no_tags();
        }
        if version >= 1 {
            fields.i32(0);
        }
        if version >= 3 {
            put_features(fields, version, &features(eligible_leader_replicas), epoch);
        }
    });
    frame.expect("the version is served, and the table is short")
}

fn put_features(fields: &mut FieldWriter<'_>, version: i16, features: &[Feature], epoch: i64) {
    // Clients of v3 reject a lowest level of 0 (KAFKA-17492).
    let told = || features.iter().filter(|feature| feature.min > 0 || version >= 4);
    let finalized = || features.iter().filter(|feature| feature.level > 0);
    fields.tags(3);
    fields.tagged(0, |supported| {
        supported.count(told().count());
        told().for_each(|feature| put_levels(supported, feature.name, feature.min, feature.max));
    });
    fields.tagged(1, |field| field.i64(epoch));
    fields.tagged(2, |field| {
        field.count(finalized().count());
        finalized().for_each(|feature| put_levels(field, feature.name, feature.level, feature.level));
    });
}

fn put_levels(fields: &mut FieldWriter<'_>, name: &str, first: i16, second: i16) {
    fields.nullable_string(Some(name));
    fields.i16(first);
    fields.i16(second);
    fields.no_tags();
}

fn api_version(row: &Served) -> ApiVersion {
    ApiVersion::default()
        .with_api_key(row.key as i16)
        .with_min_version(row.min)
        .with_max_version(row.max)
}

fn features(eligible_leader_replicas: bool) -> [Feature; 3] {
    [
        Feature {
            name: "metadata.version",
            min: OLDEST_METADATA_VERSION,
            max: METADATA_VERSION,
            level: METADATA_VERSION,
        },
        Feature {
            name: "eligible.leader.replicas.version",
            min: 0,
            max: 1,
            level: i16::from(eligible_leader_replicas),
        },
        Feature {
            name: "group.version",
            min: 0,
            max: GROUP_VERSION,
            level: GROUP_VERSION,
        },
    ]
}

/// Letters, digits, `-` and `.`, with a letter or digit at both ends.
fn is_software(name: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use kafka_sim_core::wire;

    use super::super::endpoints::testing::head;
    use super::super::forwarded::testing::served_versions;
    use super::*;

    fn read(version: i16, eligible_leader_replicas: bool, epoch: i64) -> ApiVersionsResponse {
        let frame = encode(&head(ApiKey::ApiVersions, version), eligible_leader_replicas, epoch);
        let decoded = wire::decode_response(ApiKey::ApiVersions, version, frame.slice(4..));
        let Ok((5, ResponseKind::ApiVersions(response))) = decoded else {
            panic!("version {version} gave {decoded:?}")
        };
        response
    }

    #[test]
    fn every_version_lists_every_served_api() {
        for version in served_versions(ApiKey::ApiVersions) {
            let read = read(version, true, 12);
            let rows: Vec<ApiVersion> = TABLE.iter().map(api_version).collect();
            assert_eq!(read.api_keys, rows);
            assert_eq!(read.finalized_features_epoch, if version >= 3 { 12 } else { -1 });
        }
    }

    #[test]
    fn a_lowest_level_of_zero_is_hidden_below_v4() {
        let names = |version| {
            read(version, true, 0)
                .supported_features
                .iter()
                .map(|feature| feature.name.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(3), ["metadata.version"]);
        assert_eq!(
            names(4),
            ["metadata.version", "eligible.leader.replicas.version", "group.version"]
        );
    }

    #[test]
    fn a_feature_that_is_off_is_not_finalized() {
        assert_eq!(read(4, true, 0).finalized_features.len(), 3);
        assert_eq!(read(4, false, 0).finalized_features.len(), 2);
        let group = &read(4, false, 0).finalized_features[1];
        assert_eq!(
            (group.max_version_level, group.min_version_level),
            (GROUP_VERSION, GROUP_VERSION)
        );
    }

    #[test]
    fn an_unserved_version_is_answered_in_version_zero_with_one_row() {
        let Answer::Encoded(head, bytes) = downgrade(9) else {
            panic!("not encoded")
        };
        assert_eq!((head.version, head.correlation_id), (0, 9));
        let expected = [0, 0, 0, 16, 0, 0, 0, 9, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4];
        assert_eq!(bytes[..], expected);
    }

    #[test]
    fn software_names_begin_and_end_with_a_letter_or_digit() {
        for good in ["a", "apache-kafka-java", "4.1.0", "x-1"] {
            assert!(is_software(good), "{good}");
        }
        for bad in ["", "-a", "a.", "a b", "ä", "a_b"] {
            assert!(!is_software(bad), "{bad}");
        }
    }
}
