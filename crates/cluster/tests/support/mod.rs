//! A cluster in virtual time with one client that asks one thing after the other.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, CreateTopicsRequest, DeleteRecordsRequest, DeleteTopicsRequest, ProduceRequest, RequestKind, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_cluster::fault::Fault;
use kafka_sim_cluster::view::{BrokerView, ReplicaView};
use kafka_sim_cluster::{Cluster, ClusterConfig, Input, Output};
use kafka_sim_core::batch::{BatchBuilder, BatchOptions};
use kafka_sim_core::wire::{self, RequestHead};
use kafka_sim_core::{BrokerId, ConnId, Seed, SimTime};

pub(crate) struct Machine {
    pub(crate) cluster: Cluster,
    now: SimTime,
    conns: u64,
    answers: usize,
}

impl Machine {
    /// A cluster that is up.
    pub(crate) fn new(config: ClusterConfig) -> Machine {
        let cluster = Cluster::new(config, Seed(7)).expect("tests configure clusters that can run");
        let mut machine = Machine {
            cluster,
            now: SimTime::ZERO,
            conns: 0,
            answers: 0,
        };
        machine.converge();
        machine
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.run(time, |_| false);
    }

    fn run(&mut self, limit: Duration, done: impl Fn(&Machine) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            let due = self.cluster.next_due().filter(|due| *due <= end);
            self.now = due.unwrap_or(end).max(self.now);
            let mut out = Vec::new();
            self.cluster.advance(self.now, &mut out);
            self.answers += answers(&out);
            if due.is_none() {
                return done(self);
            }
        }
        true
    }

    pub(crate) fn tell(&mut self, input: Input) {
        let mut out = Vec::new();
        self.cluster.handle(self.now, input, &mut out);
        self.answers += answers(&out);
    }

    pub(crate) fn inject(&mut self, fault: Fault) {
        self.tell(Input::Fault(fault.at(self.now)));
    }

    pub(crate) fn inject_for(&mut self, fault: Fault, seconds: u64) {
        let fault = fault.at(self.now).healed_after(Duration::from_secs(seconds));
        self.tell(Input::Fault(fault));
    }

    /// Waits until nothing is left to repair.
    pub(crate) fn converge(&mut self) {
        let converged = |m: &Machine| m.cluster.is_ready() && m.cluster.is_converged();
        assert!(
            self.run(Duration::from_secs(120), converged),
            "{:#?}",
            self.cluster.view()
        );
    }

    pub(crate) fn broker(&self, id: i32) -> BrokerView {
        let view = self.cluster.view();
        view.brokers
            .into_iter()
            .find(|b| b.id == BrokerId(id))
            .expect("it is configured")
    }

    pub(crate) fn leader(&self) -> BrokerId {
        let view = self.cluster.view();
        let partition = view.partition("orders", 0).expect("the topic exists");
        partition.leader.expect("the partition has a leader")
    }

    pub(crate) fn replica(&self, broker: i32) -> ReplicaView {
        let view = self.cluster.view();
        let partition = view.partition("orders", 0).expect("the topic exists");
        partition
            .replicas
            .iter()
            .find(|r| r.broker == BrokerId(broker))
            .expect("its broker runs")
            .clone()
    }

    /// Opens a connection without waiting for it.
    pub(crate) fn dial(&mut self, broker: i32) -> ConnId {
        self.conns += 1;
        let conn = ConnId(self.conns);
        self.tell(Input::Connect {
            conn,
            broker: BrokerId(broker),
            host: Arc::from("client"),
        });
        conn
    }

    pub(crate) fn send(&mut self, conn: ConnId, api_key: ApiKey, version: i16, request: impl Into<RequestKind>) {
        let head = RequestHead {
            api_key,
            version,
            correlation_id: 1,
            client_id: None,
        };
        let bytes = wire::encode_request(&head, &request.into()).expect("tests encode what their version has");
        self.tell(Input::Data { conn, bytes });
    }

    fn await_answer(&mut self) {
        let before = self.answers;
        assert!(self.run(Duration::from_secs(60), |m| m.answers > before), "no answer");
    }

    pub(crate) fn send_produce(&mut self, conn: ConnId, partition: i32, acks: i16, value: &[u8]) {
        let data = PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(batch(value)));
        let topic = TopicProduceData::default()
            .with_name(topic_name())
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(acks)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic]);
        self.send(conn, ApiKey::Produce, 9, request);
    }

    pub(crate) fn produce(&mut self, conn: ConnId, partition: i32, acks: i16, value: &[u8]) {
        self.send_produce(conn, partition, acks, value);
        self.await_answer();
    }

    pub(crate) fn delete_records(&mut self, conn: ConnId, below: i64) {
        let partition = DeleteRecordsPartition::default().with_offset(below);
        let topic = DeleteRecordsTopic::default()
            .with_name(topic_name())
            .with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(5_000);
        self.send(conn, ApiKey::DeleteRecords, 2, request);
        self.await_answer();
    }

    pub(crate) fn delete_topic(&mut self, conn: ConnId) {
        let topic = DeleteTopicState::default().with_name(Some(topic_name()));
        let request = DeleteTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(5_000);
        self.send(conn, ApiKey::DeleteTopics, 6, request);
        self.await_answer();
    }

    pub(crate) fn create_topic(&mut self, conn: ConnId) {
        let topic = CreatableTopic::default()
            .with_name(topic_name())
            .with_num_partitions(1)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(5_000);
        self.send(conn, ApiKey::CreateTopics, 7, request);
        self.await_answer();
    }
}

fn topic_name() -> TopicName {
    TopicName(StrBytes::from_static_str("orders"))
}

fn batch(value: &[u8]) -> Bytes {
    let mut batch = BatchBuilder::new(BatchOptions::default());
    batch.append(1_700_000_000_000, None, Some(value), &[]);
    batch.build().expect("one record is a batch")
}

fn answers(out: &[Output]) -> usize {
    out.iter().filter(|o| matches!(o, Output::Data { .. })).count()
}
