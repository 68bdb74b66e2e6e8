//! A cluster and clients that speak to it one request at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::{FindCoordinatorRequest, GroupId, OffsetCommitRequest, OffsetFetchRequest, TopicName};
use kafka_sim_cluster::fault::Fault;
use kafka_sim_cluster::{Cluster, ClusterConfig, Input, Output, Topic};
use kafka_sim_core::wire::{
    ApiKey, FrameSplitter, RequestHead, RequestKind, ResponseKind, decode_response, encode_request,
};
use kafka_sim_core::{BrokerId, ConnId, Seed, SimTime};

pub(crate) const GROUP: &str = "billing";

/// A cluster and clients that speak to it one request at a time.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) now: SimTime,
    conns: u64,
    heard: BTreeMap<ConnId, FrameSplitter>,
    sent: BTreeMap<ConnId, (ApiKey, i16)>,
}

impl World {
    pub(crate) fn new(brokers: usize, properties: &[(&str, &str)]) -> World {
        World::seeded(Seed(11), brokers, properties)
    }

    pub(crate) fn seeded(seed: Seed, brokers: usize, properties: &[(&str, &str)]) -> World {
        let mut config = ClusterConfig::simulated(brokers);
        let all = [
            ("offsets.topic.num.partitions", "5"),
            ("group.initial.rebalance.delay.ms", "100"),
        ];
        for (key, value) in all.iter().chain(properties) {
            config.broker_config.set(key, value).expect("the key exists");
        }
        config.topics = vec![
            Topic::named("orders")
                .partitions(2)
                .replicas(i16::try_from(brokers).expect("few")),
        ];
        let mut world = World {
            cluster: Cluster::new(config, seed).expect("the configuration is valid"),
            now: SimTime::ZERO,
            conns: 0,
            heard: BTreeMap::new(),
            sent: BTreeMap::new(),
        };
        while !world.cluster.is_ready() {
            world.step();
        }
        world
    }

    pub(crate) fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Data { conn, bytes } => self
                    .heard
                    .entry(conn)
                    .or_insert_with(|| FrameSplitter::new(1 << 20))
                    .push(bytes),
                Output::Disconnect { conn, .. } => {
                    self.sent.remove(&conn);
                }
                _ => {}
            }
        }
    }

    pub(crate) fn step(&mut self) {
        let due = self.cluster.next_due().expect("brokers always have timers");
        self.now = self.now.max(due);
        let mut out = Vec::new();
        self.cluster.advance(self.now, &mut out);
        self.take(out);
    }

    pub(crate) fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.cluster.handle(self.now, input, &mut out);
        self.take(out);
    }

    pub(crate) fn pass(&mut self, millis: u64) {
        let until = self.now + Duration::from_millis(millis);
        while self.cluster.next_due().is_some_and(|at| at <= until) {
            self.step();
        }
        self.now = until;
    }

    pub(crate) fn connect(&mut self, broker: i32) -> ConnId {
        self.conns += 1;
        let conn = ConnId(self.conns);
        self.input(Input::Connect {
            conn,
            broker: BrokerId(broker),
            host: Arc::from("app"),
        });
        self.pass(10);
        conn
    }

    pub(crate) fn send(&mut self, conn: ConnId, api_key: ApiKey, version: i16, body: &RequestKind) {
        let head = RequestHead {
            api_key,
            version,
            correlation_id: 7,
            client_id: Some("app".into()),
        };
        let bytes = encode_request(&head, body).expect("the request is well-formed");
        self.sent.insert(conn, (api_key, version));
        self.input(Input::Data { conn, bytes });
    }

    pub(crate) fn poll(&mut self, conn: ConnId) -> Option<ResponseKind> {
        let frame: Bytes = self
            .heard
            .get_mut(&conn)?
            .next_frame()
            .expect("brokers send whole frames")?;
        let (api_key, version) = self.sent.remove(&conn)?;
        Some(
            decode_response(api_key, version, frame)
                .expect("brokers send what clients can read")
                .1,
        )
    }

    /// The response, if it comes within a minute and the connection lasts.
    pub(crate) fn wait(&mut self, conn: ConnId) -> Option<ResponseKind> {
        let until = self.now + Duration::from_secs(60);
        loop {
            if let Some(response) = self.poll(conn) {
                return Some(response);
            }
            if self.now > until || !self.sent.contains_key(&conn) {
                return None;
            }
            self.step();
        }
    }

    pub(crate) fn ask(
        &mut self,
        broker: i32,
        api_key: ApiKey,
        version: i16,
        body: RequestKind,
    ) -> Option<ResponseKind> {
        let conn = self.connect(broker);
        self.send(conn, api_key, version, &body);
        self.wait(conn)
    }

    /// Asks every running broker in turn until one knows the coordinator.
    pub(crate) fn coordinator(&mut self) -> Option<i32> {
        for _ in 0..60 {
            let running: Vec<i32> = self
                .cluster
                .view()
                .brokers
                .iter()
                .filter(|b| b.running)
                .map(|b| b.id.0)
                .collect();
            for broker in running {
                let request = FindCoordinatorRequest::default().with_key(GROUP.into());
                let response = self.ask(
                    broker,
                    ApiKey::FindCoordinator,
                    3,
                    RequestKind::FindCoordinator(request),
                );
                if let Some(ResponseKind::FindCoordinator(found)) = response
                    && found.error_code == 0
                    && self
                        .cluster
                        .view()
                        .brokers
                        .iter()
                        .any(|b| b.id.0 == found.node_id.0 && b.running)
                {
                    return Some(found.node_id.0);
                }
            }
            self.pass(500);
        }
        None
    }

    pub(crate) fn commit(&mut self, broker: i32, member: &str, generation: i32, offset: i64) -> i16 {
        self.commit_as(broker, member, generation, offset, 8)
    }

    pub(crate) fn commit_as(&mut self, broker: i32, member: &str, generation: i32, offset: i64, version: i16) -> i16 {
        let part = OffsetCommitRequestPartition::default().with_committed_offset(offset);
        let topic = OffsetCommitRequestTopic::default()
            .with_name(TopicName("orders".into()))
            .with_partitions(vec![part]);
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(GROUP.into()))
            .with_member_id(kafka_protocol::protocol::StrBytes::from_string(member.to_owned()))
            .with_generation_id_or_member_epoch(generation)
            .with_topics(vec![topic]);
        match self.ask(
            broker,
            ApiKey::OffsetCommit,
            version,
            RequestKind::OffsetCommit(request),
        ) {
            Some(ResponseKind::OffsetCommit(response)) => response.topics[0].partitions[0].error_code,
            other => panic!("no answer to a commit: {other:?}"),
        }
    }

    /// Commits until it is accepted; the coordinator may move meanwhile.
    pub(crate) fn commit_surely(&mut self, offset: i64) {
        for _ in 0..60 {
            if let Some(broker) = self.coordinator()
                && self.commit(broker, "", -1, offset) == 0
            {
                return;
            }
            self.pass(500);
        }
        panic!("no coordinator took the commit");
    }

    /// Offset or error of what is committed for orders-0.
    pub(crate) fn fetch(&mut self, broker: i32) -> Result<i64, i16> {
        let topic = OffsetFetchRequestTopic::default()
            .with_name(TopicName("orders".into()))
            .with_partition_indexes(vec![0]);
        let request = OffsetFetchRequest::default()
            .with_group_id(GroupId(GROUP.into()))
            .with_topics(Some(vec![topic]));
        match self.ask(broker, ApiKey::OffsetFetch, 5, RequestKind::OffsetFetch(request)) {
            Some(ResponseKind::OffsetFetch(response)) if response.error_code == 0 => {
                Ok(response.topics[0].partitions[0].committed_offset)
            }
            Some(ResponseKind::OffsetFetch(response)) => Err(response.error_code),
            other => panic!("no answer to a fetch: {other:?}"),
        }
    }

    pub(crate) fn fetch_surely(&mut self) -> i64 {
        for _ in 0..60 {
            if let Some(broker) = self.coordinator()
                && let Ok(offset) = self.fetch(broker)
            {
                return offset;
            }
            self.pass(500);
        }
        panic!("no coordinator told the offset");
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.input(Input::Fault(fault.at(self.now)));
        self.pass(1);
    }
}
