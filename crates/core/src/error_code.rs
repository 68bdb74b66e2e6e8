//! The error codes of the protocol, by Kafka's names (`org.apache.kafka.common.protocol.Errors`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A protocol error code. Codes nobody has named can be carried too.
///
/// ```
/// use kafka_sim_core::ErrorCode;
/// assert_eq!(ErrorCode(6), ErrorCode::NOT_LEADER_OR_FOLLOWER);
/// assert_eq!(ErrorCode(6).to_string(), "NOT_LEADER_OR_FOLLOWER(6)");
/// assert!(ErrorCode(6).is_retriable());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(pub i16);

/// What the Java client does about a code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// Nothing by itself.
    Final,
    /// Tries again.
    Retriable,
    /// Tries again after it has refreshed its metadata.
    Metadata,
}

macro_rules! error_codes {
    ($($code:literal $name:ident $remedy:ident,)*) => {
        impl ErrorCode {
            $(#[doc = concat!("Code ", $code, ".")]
            pub const $name: ErrorCode = ErrorCode($code);)*

            /// Every code with a name, in ascending order.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode($code)),*];

            /// Kafka's name for the code, or `UNNAMED` if it has none.
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($code => stringify!($name),)*
                    _ => "UNNAMED",
                }
            }

            const fn remedy(self) -> Remedy {
                match self.0 {
                    $($code => Remedy::$remedy,)*
                    _ => Remedy::Final,
                }
            }
        }
    };
}

error_codes! {
    -1 UNKNOWN_SERVER_ERROR Final,
    0 NONE Final,
    1 OFFSET_OUT_OF_RANGE Final,
    2 CORRUPT_MESSAGE Retriable,
    3 UNKNOWN_TOPIC_OR_PARTITION Metadata,
    4 INVALID_FETCH_SIZE Final,
    5 LEADER_NOT_AVAILABLE Metadata,
    6 NOT_LEADER_OR_FOLLOWER Metadata,
    7 REQUEST_TIMED_OUT Retriable,
    8 BROKER_NOT_AVAILABLE Final,
    9 REPLICA_NOT_AVAILABLE Metadata,
    10 MESSAGE_TOO_LARGE Final,
    11 STALE_CONTROLLER_EPOCH Final,
    12 OFFSET_METADATA_TOO_LARGE Final,
    13 NETWORK_EXCEPTION Metadata,
    14 COORDINATOR_LOAD_IN_PROGRESS Retriable,
    15 COORDINATOR_NOT_AVAILABLE Retriable,
    16 NOT_COORDINATOR Retriable,
    17 INVALID_TOPIC_EXCEPTION Final,
    18 RECORD_LIST_TOO_LARGE Final,
    19 NOT_ENOUGH_REPLICAS Retriable,
    20 NOT_ENOUGH_REPLICAS_AFTER_APPEND Retriable,
    21 INVALID_REQUIRED_ACKS Final,
    22 ILLEGAL_GENERATION Final,
    23 INCONSISTENT_GROUP_PROTOCOL Final,
    24 INVALID_GROUP_ID Final,
    25 UNKNOWN_MEMBER_ID Final,
    26 INVALID_SESSION_TIMEOUT Final,
    27 REBALANCE_IN_PROGRESS Final,
    28 INVALID_COMMIT_OFFSET_SIZE Final,
    29 TOPIC_AUTHORIZATION_FAILED Final,
    30 GROUP_AUTHORIZATION_FAILED Final,
    31 CLUSTER_AUTHORIZATION_FAILED Final,
    32 INVALID_TIMESTAMP Final,
    33 UNSUPPORTED_SASL_MECHANISM Final,
    34 ILLEGAL_SASL_STATE Final,
    35 UNSUPPORTED_VERSION Final,
    36 TOPIC_ALREADY_EXISTS Final,
    37 INVALID_PARTITIONS Final,
    38 INVALID_REPLICATION_FACTOR Final,
    39 INVALID_REPLICA_ASSIGNMENT Final,
    40 INVALID_CONFIG Final,
    41 NOT_CONTROLLER Retriable,
    42 INVALID_REQUEST Final,
    43 UNSUPPORTED_FOR_MESSAGE_FORMAT Final,
    44 POLICY_VIOLATION Final,
    45 OUT_OF_ORDER_SEQUENCE_NUMBER Final,
    46 DUPLICATE_SEQUENCE_NUMBER Final,
    47 INVALID_PRODUCER_EPOCH Final,
    48 INVALID_TXN_STATE Final,
    49 INVALID_PRODUCER_ID_MAPPING Final,
    50 INVALID_TRANSACTION_TIMEOUT Final,
    51 CONCURRENT_TRANSACTIONS Retriable,
    52 TRANSACTION_COORDINATOR_FENCED Final,
    53 TRANSACTIONAL_ID_AUTHORIZATION_FAILED Final,
    54 SECURITY_DISABLED Final,
    55 OPERATION_NOT_ATTEMPTED Final,
    56 KAFKA_STORAGE_ERROR Metadata,
    57 LOG_DIR_NOT_FOUND Final,
    58 SASL_AUTHENTICATION_FAILED Final,
    59 UNKNOWN_PRODUCER_ID Final,
    60 REASSIGNMENT_IN_PROGRESS Final,
    61 DELEGATION_TOKEN_AUTH_DISABLED Final,
    62 DELEGATION_TOKEN_NOT_FOUND Final,
    63 DELEGATION_TOKEN_OWNER_MISMATCH Final,
    64 DELEGATION_TOKEN_REQUEST_NOT_ALLOWED Final,
    65 DELEGATION_TOKEN_AUTHORIZATION_FAILED Final,
    66 DELEGATION_TOKEN_EXPIRED Final,
    67 INVALID_PRINCIPAL_TYPE Final,
    68 NON_EMPTY_GROUP Final,
    69 GROUP_ID_NOT_FOUND Final,
    70 FETCH_SESSION_ID_NOT_FOUND Retriable,
    71 INVALID_FETCH_SESSION_EPOCH Retriable,
    72 LISTENER_NOT_FOUND Metadata,
    73 TOPIC_DELETION_DISABLED Final,
    74 FENCED_LEADER_EPOCH Metadata,
    75 UNKNOWN_LEADER_EPOCH Retriable,
    76 UNSUPPORTED_COMPRESSION_TYPE Final,
    77 STALE_BROKER_EPOCH Final,
    78 OFFSET_NOT_AVAILABLE Retriable,
    79 MEMBER_ID_REQUIRED Final,
    80 PREFERRED_LEADER_NOT_AVAILABLE Metadata,
    81 GROUP_MAX_SIZE_REACHED Final,
    82 FENCED_INSTANCE_ID Final,
    83 ELIGIBLE_LEADERS_NOT_AVAILABLE Metadata,
    84 ELECTION_NOT_NEEDED Metadata,
    85 NO_REASSIGNMENT_IN_PROGRESS Final,
    86 GROUP_SUBSCRIBED_TO_TOPIC Final,
    87 INVALID_RECORD Final,
    88 UNSTABLE_OFFSET_COMMIT Retriable,
    89 THROTTLING_QUOTA_EXCEEDED Retriable,
    90 PRODUCER_FENCED Final,
    91 RESOURCE_NOT_FOUND Final,
    92 DUPLICATE_RESOURCE Final,
    93 UNACCEPTABLE_CREDENTIAL Final,
    94 INCONSISTENT_VOTER_SET Final,
    95 INVALID_UPDATE_VERSION Final,
    96 FEATURE_UPDATE_FAILED Final,
    97 PRINCIPAL_DESERIALIZATION_FAILURE Final,
    98 SNAPSHOT_NOT_FOUND Final,
    99 POSITION_OUT_OF_RANGE Final,
    100 UNKNOWN_TOPIC_ID Metadata,
    101 DUPLICATE_BROKER_REGISTRATION Final,
    102 BROKER_ID_NOT_REGISTERED Final,
    103 INCONSISTENT_TOPIC_ID Metadata,
    104 INCONSISTENT_CLUSTER_ID Final,
    105 TRANSACTIONAL_ID_NOT_FOUND Final,
    106 FETCH_SESSION_TOPIC_ID_ERROR Retriable,
    107 INELIGIBLE_REPLICA Final,
    108 NEW_LEADER_ELECTED Final,
    109 OFFSET_MOVED_TO_TIERED_STORAGE Final,
    110 FENCED_MEMBER_EPOCH Final,
    111 UNRELEASED_INSTANCE_ID Final,
    112 UNSUPPORTED_ASSIGNOR Final,
    113 STALE_MEMBER_EPOCH Final,
    114 MISMATCHED_ENDPOINT_TYPE Final,
    115 UNSUPPORTED_ENDPOINT_TYPE Final,
    116 UNKNOWN_CONTROLLER_ID Final,
    117 UNKNOWN_SUBSCRIPTION_ID Final,
    118 TELEMETRY_TOO_LARGE Final,
    119 INVALID_REGISTRATION Final,
    120 TRANSACTION_ABORTABLE Final,
    121 INVALID_RECORD_STATE Final,
    122 SHARE_SESSION_NOT_FOUND Retriable,
    123 INVALID_SHARE_SESSION_EPOCH Retriable,
    124 FENCED_STATE_EPOCH Final,
    125 INVALID_VOTER_KEY Final,
    126 DUPLICATE_VOTER Final,
    127 VOTER_NOT_FOUND Final,
    128 INVALID_REGULAR_EXPRESSION Final,
    129 REBOOTSTRAP_REQUIRED Final,
    130 STREAMS_INVALID_TOPOLOGY Final,
    131 STREAMS_INVALID_TOPOLOGY_EPOCH Final,
    132 STREAMS_TOPOLOGY_FENCED Final,
    133 SHARE_SESSION_LIMIT_REACHED Final,
}

impl ErrorCode {
    /// Whether this is [`ErrorCode::NONE`].
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// Whether this is anything but [`ErrorCode::NONE`].
    pub const fn is_err(self) -> bool {
        self.0 != 0
    }

    /// Whether the Java client tries again after this code (`RetriableException`).
    pub const fn is_retriable(self) -> bool {
        !matches!(self.remedy(), Remedy::Final)
    }

    /// Whether the Java client refreshes its metadata after this code (`InvalidMetadataException`). All of these are
    /// retriable.
    pub const fn is_invalid_metadata(self) -> bool {
        matches!(self.remedy(), Remedy::Metadata)
    }
}

impl From<i16> for ErrorCode {
    fn from(code: i16) -> Self {
        ErrorCode(code)
    }
}

impl From<ErrorCode> for i16 {
    fn from(code: ErrorCode) -> Self {
        code.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_from_minus_one_to_133_has_its_own_name() {
        let mut names: Vec<_> = (-1..=133).map(|code| ErrorCode(code).name()).collect();
        assert!(!names.contains(&"UNNAMED"));
        assert_eq!(ErrorCode::ALL.len(), names.len());
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 135);
    }

    #[test]
    fn retries_and_refreshes_follow_the_java_client() {
        assert!(ErrorCode::NOT_ENOUGH_REPLICAS.is_retriable());
        assert!(!ErrorCode::NOT_ENOUGH_REPLICAS.is_invalid_metadata());
        assert!(ErrorCode::NOT_LEADER_OR_FOLLOWER.is_invalid_metadata());
        assert!(ErrorCode::FENCED_LEADER_EPOCH.is_invalid_metadata());
        assert!(!ErrorCode::MESSAGE_TOO_LARGE.is_retriable());
        assert!(!ErrorCode::NONE.is_retriable());
        assert!(!ErrorCode(999).is_retriable());
        assert!(
            ErrorCode::ALL
                .iter()
                .all(|code| !code.is_invalid_metadata() || code.is_retriable())
        );
    }

    #[test]
    fn codes_without_a_name_are_carried_and_printed() {
        assert_eq!(ErrorCode::from(999).to_string(), "UNNAMED(999)");
        assert_eq!(i16::from(ErrorCode::NONE), 0);
        assert!(ErrorCode::default().is_ok());
        assert!(ErrorCode::UNKNOWN_SERVER_ERROR.is_err());
    }
}
