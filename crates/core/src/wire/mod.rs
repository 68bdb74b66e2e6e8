//! Bytes on a connection: frames, headers, requests and responses.
//!
//! Everything decoded here comes from the other end of a connection and may lie. No length, count or tag in it is
//! believed beyond the bytes that are actually there (see `guard`), so a hostile frame costs no more memory than an
//! honest one of its size.
//!
//! Bytes left over after a message are ignored, as Apache Kafka ignores them: its request parser reads what the schema
//! describes and never looks at what follows.

mod answers;
mod dispatch;
mod error;
mod fields;
mod frame;
mod guard;
mod head;
mod request;
mod response;
mod shipping;
mod topic_ids;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod hostile_tests;

pub use answers::{
    ClusterMetadata, Endpoint, Fetched, FetchedPartition, PartitionMetadata, Produced, ProducedPartition,
    TopicMetadata, TopicRef, VersionRow, Versions, decode_fetched, decode_metadata, decode_produced, decode_versions,
};
pub use dispatch::supported_versions;
pub use error::WireError;
pub use fields::{FieldReader, FieldWriter};
pub use frame::{FrameError, FrameSplitter};
pub use head::{RawHead, RequestHead, decode_request_head, decode_request_head_after, peek_head};
pub use request::{
    RequestWriter, decode_request, decode_request_body, encode_request, encode_request_into, encode_request_of,
    write_request,
};
pub use response::{ResponseWriter, decode_response, encode_response, encode_response_kind, write_response};
pub use topic_ids::{topic_id_as_name, topic_id_of_name};

pub use kafka_protocol::messages::{ApiKey, RequestKind, ResponseKind};
pub use kafka_protocol::protocol::StrBytes;
