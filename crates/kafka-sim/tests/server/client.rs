//! A client that is nothing but a socket.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiVersionsRequest, CreateTopicsRequest, FetchRequest, FetchResponse, MetadataRequest, MetadataResponse,
    ProduceRequest, TopicName,
    create_topics_request::CreatableTopic,
    fetch_request::{FetchPartition, FetchTopic},
    metadata_request::MetadataRequestTopic,
    produce_request::{PartitionProduceData, TopicProduceData},
};
use kafka_sim_core::batch::{BatchBuilder, BatchOptions, split_batches};
use kafka_sim_core::wire::{ApiKey, RequestHead, RequestKind, ResponseKind, StrBytes, decode_response, encode_request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    correlation_id: i32,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Client {
        let socket = TcpStream::connect(address).await.expect("the broker accepts");
        socket.set_nodelay(true).expect("the socket is open");
        Client {
            socket,
            correlation_id: 0,
        }
    }

    /// A request with its size prefix, and the number its response will carry.
    pub(crate) fn encode(&mut self, version: i16, body: &RequestKind) -> (Bytes, i32) {
        self.correlation_id += 1;
        let client_id = Some(StrBytes::from_static_str("raw"));
        let head = RequestHead {
            api_key: api_key(body),
            version,
            correlation_id: self.correlation_id,
            client_id,
        };
        (
            encode_request(&head, body).expect("a valid request"),
            self.correlation_id,
        )
    }

    pub(crate) async fn ask(&mut self, version: i16, body: RequestKind) -> ResponseKind {
        let (request, expected) = self.encode(version, &body);
        self.socket.write_all(&request).await.expect("the broker reads");
        self.answer(api_key(&body), version, expected).await
    }

    pub(crate) async fn answer(&mut self, api_key: ApiKey, version: i16, expected: i32) -> ResponseKind {
        let frame = self.frame().await.expect("the broker answers");
        let (correlation_id, response) = decode_response(api_key, version, frame).expect("a valid response");
        assert_eq!(correlation_id, expected);
        response
    }

    /// The next frame without its prefix; `None` if the broker closed the connection.
    pub(crate) async fn frame(&mut self) -> Option<Bytes> {
        let size = self.socket.read_u32().await.ok()?;
        let mut frame = BytesMut::zeroed(usize::try_from(size).expect("32 bits fit"));
        self.socket.read_exact(&mut frame).await.expect("a frame is sent whole");
        Some(frame.freeze())
    }

    /// Whether the broker closes the connection without another word.
    pub(crate) async fn is_closed(&mut self) -> bool {
        matches!(self.socket.read_u8().await, Err(error) if error.kind() != std::io::ErrorKind::WouldBlock)
    }

    pub(crate) async fn metadata(&mut self, topic: &str) -> MetadataResponse {
        let topic = MetadataRequestTopic::default().with_name(Some(topic_name(topic)));
        let request = MetadataRequest::default().with_topics(Some(vec![topic]));
        match self.ask(9, request.into()).await {
            ResponseKind::Metadata(metadata) => metadata,
            other => panic!("{other:?}"),
        }
    }

    /// Error code and base offset of one batch with acks=all.
    pub(crate) async fn produce(&mut self, topic: &str, batch: Bytes) -> (i16, i64) {
        let request = produce(topic, batch);
        match self.ask(9, request).await {
            ResponseKind::Produce(produced) => {
                let partition = &produced.responses[0].partition_responses[0];
                (partition.error_code, partition.base_offset)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Values from `offset` on, with the error code.
    pub(crate) async fn fetch(&mut self, topic: &str, offset: i64) -> (i16, Vec<Bytes>) {
        let request = fetch(topic, offset, 0);
        match self.ask(11, request).await {
            ResponseKind::Fetch(fetched) => values(&fetched),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn api_key(body: &RequestKind) -> ApiKey {
    match body {
        RequestKind::ApiVersions(_) => ApiKey::ApiVersions,
        RequestKind::Metadata(_) => ApiKey::Metadata,
        RequestKind::CreateTopics(_) => ApiKey::CreateTopics,
        RequestKind::Produce(_) => ApiKey::Produce,
        RequestKind::Fetch(_) => ApiKey::Fetch,
        other => panic!("no test sends {other:?}"),
    }
}

fn topic_name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

pub(crate) fn api_versions() -> RequestKind {
    let software = StrBytes::from_static_str("raw");
    ApiVersionsRequest::default()
        .with_client_software_name(software.clone())
        .with_client_software_version(software)
        .into()
}

pub(crate) fn create_topic(topic: &str, replicas: i16) -> RequestKind {
    let topic = CreatableTopic::default()
        .with_name(topic_name(topic))
        .with_num_partitions(1)
        .with_replication_factor(replicas);
    CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(10_000)
        .into()
}

/// A batch of one record.
pub(crate) fn batch(value: &[u8]) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(0, None, Some(value), &[]);
    builder.build().expect("an uncompressed batch")
}

pub(crate) fn produce(topic: &str, batch: Bytes) -> RequestKind {
    let partition = PartitionProduceData::default().with_index(0).with_records(Some(batch));
    let topic = TopicProduceData::default()
        .with_name(topic_name(topic))
        .with_partition_data(vec![partition]);
    ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic])
        .into()
}

pub(crate) fn fetch(topic: &str, offset: i64, max_wait_ms: i32) -> RequestKind {
    let partition = FetchPartition::default()
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(topic_name(topic))
        .with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_max_wait_ms(max_wait_ms)
        .with_min_bytes(1)
        .with_topics(vec![topic]);
    request.into()
}

pub(crate) fn values(fetched: &FetchResponse) -> (i16, Vec<Bytes>) {
    let partition = &fetched.responses[0].partitions[0];
    let records = partition.records.clone().unwrap_or_default();
    let batches = split_batches(&records).map(|batch| batch.expect("a valid batch"));
    let records = batches.flat_map(|batch| batch.records(1 << 20).expect("valid records"));
    (
        partition.error_code,
        records.filter_map(|record| record.value).collect(),
    )
}
