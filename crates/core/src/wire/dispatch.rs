//! From an API key to the type of its messages.
//!
//! kafka-protocol has the same tables, but only for `Bytes`; ours work on any buffer, which lets a guard stand in between.

use std::ops::RangeInclusive;

use kafka_protocol::messages::{ApiKey, RequestKind, ResponseKind};
use kafka_protocol::protocol::buf::ByteBuf;
use kafka_protocol::protocol::{Decodable, Message, VersionRange};

use super::WireError;
use super::topic_ids::newest_version;

/// Calls another macro with the list of all APIs.
macro_rules! with_all_apis {
    ($callback:ident) => {
        $callback! {
            Produce Fetch ListOffsets Metadata OffsetCommit OffsetFetch FindCoordinator
            JoinGroup Heartbeat LeaveGroup SyncGroup DescribeGroups ListGroups SaslHandshake
            ApiVersions CreateTopics DeleteTopics DeleteRecords InitProducerId
            OffsetForLeaderEpoch AddPartitionsToTxn AddOffsetsToTxn EndTxn WriteTxnMarkers
            TxnOffsetCommit DescribeAcls CreateAcls DeleteAcls DescribeConfigs AlterConfigs
            AlterReplicaLogDirs DescribeLogDirs SaslAuthenticate CreatePartitions
            CreateDelegationToken RenewDelegationToken ExpireDelegationToken
            DescribeDelegationToken DeleteGroups ElectLeaders IncrementalAlterConfigs
            AlterPartitionReassignments ListPartitionReassignments OffsetDelete
            DescribeClientQuotas AlterClientQuotas DescribeUserScramCredentials
            AlterUserScramCredentials Vote BeginQuorumEpoch EndQuorumEpoch DescribeQuorum
            AlterPartition UpdateFeatures Envelope FetchSnapshot DescribeCluster
            DescribeProducers BrokerRegistration BrokerHeartbeat UnregisterBroker
            DescribeTransactions ListTransactions AllocateProducerIds ConsumerGroupHeartbeat
            ConsumerGroupDescribe ControllerRegistration GetTelemetrySubscriptions
            PushTelemetry AssignReplicasToDirs ListConfigResources DescribeTopicPartitions
            ShareGroupHeartbeat ShareGroupDescribe ShareFetch ShareAcknowledge AddRaftVoter
            RemoveRaftVoter UpdateRaftVoter InitializeShareGroupState ReadShareGroupState
            WriteShareGroupState DeleteShareGroupState ReadShareGroupStateSummary
            DescribeShareGroupOffsets AlterShareGroupOffsets DeleteShareGroupOffsets
        }
    };
}
pub(super) use with_all_apis;

macro_rules! define_decoders {
    ($($name:ident)*) => {
        /// Versions in which both the request and the response of an API can be encoded and decoded.
        ///
        /// `ApiKey::valid_versions` of kafka-protocol is not that: it counts unstable versions that only one of the two has.
        pub fn supported_versions(api_key: ApiKey) -> RangeInclusive<i16> {
            let both = match api_key {
                $(ApiKey::$name => {
                    versions_of(RequestKind::$name).intersect(&versions_of(ResponseKind::$name))
                })*
            };
            both.min..=newest_version(api_key, both.max)
        }

        /// Decodes the body of a request. `buf` must be guarded or known to be honest in shape.
        pub(super) fn request_from<B: ByteBuf>(
            api_key: ApiKey,
            version: i16,
            buf: &mut B,
        ) -> Result<RequestKind, WireError> {
            match api_key {
                $(ApiKey::$name => Decodable::decode(buf, version).map(RequestKind::$name),)*
            }
            .map_err(|reason| WireError::malformed(api_key, version, reason))
        }

        /// Decodes the body of a response. `buf` must be guarded or known to be honest in shape.
        pub(super) fn response_from<B: ByteBuf>(
            api_key: ApiKey,
            version: i16,
            buf: &mut B,
        ) -> Result<ResponseKind, WireError> {
            match api_key {
                $(ApiKey::$name => Decodable::decode(buf, version).map(ResponseKind::$name),)*
            }
            .map_err(|reason| WireError::malformed(api_key, version, reason))
        }
    };
}
with_all_apis!(define_decoders);

/// The versions of the message that `_wrap` wraps.
fn versions_of<M: Message, K>(_wrap: fn(M) -> K) -> VersionRange {
    M::VERSIONS
}
