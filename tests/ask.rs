//! Requests whose response type is known.

use kafka_protocol::messages::*;

/// A request and the response that answers it.
pub trait Ask: Clone + Into<RequestKind> {
    /// The API.
    const KEY: ApiKey;
    /// What answers it.
    type Response;
    /// Takes the response out of the sum of all responses.
    fn response(kind: ResponseKind) -> Option<Self::Response>;
}

macro_rules! asks {
    ($($name:ident $request:ident $response:ident;)*) => {
        $(impl Ask for $request {
            const KEY: ApiKey = ApiKey::$name;
            type Response = $response;
            fn response(kind: ResponseKind) -> Option<$response> {
                match kind {
                    ResponseKind::$name(response) => Some(response),
                    _ => None,
                }
            }
        })*
    };
}

asks! {
    Produce ProduceRequest ProduceResponse;
    Fetch FetchRequest FetchResponse;
    ListOffsets ListOffsetsRequest ListOffsetsResponse;
    Metadata MetadataRequest MetadataResponse;
    FindCoordinator FindCoordinatorRequest FindCoordinatorResponse;
    OffsetCommit OffsetCommitRequest OffsetCommitResponse;
    OffsetFetch OffsetFetchRequest OffsetFetchResponse;
    ApiVersions ApiVersionsRequest ApiVersionsResponse;
    CreateTopics CreateTopicsRequest CreateTopicsResponse;
    DeleteTopics DeleteTopicsRequest DeleteTopicsResponse;
    DeleteRecords DeleteRecordsRequest DeleteRecordsResponse;
    InitProducerId InitProducerIdRequest InitProducerIdResponse;
    OffsetForLeaderEpoch OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse;
    DescribeConfigs DescribeConfigsRequest DescribeConfigsResponse;
    AlterConfigs AlterConfigsRequest AlterConfigsResponse;
    CreatePartitions CreatePartitionsRequest CreatePartitionsResponse;
    ElectLeaders ElectLeadersRequest ElectLeadersResponse;
    IncrementalAlterConfigs IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse;
    DescribeCluster DescribeClusterRequest DescribeClusterResponse;
    DescribeTopicPartitions DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse;
}
