//! A broker with one topic, and connections that wait for one answer each.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_sim_cluster::{Cluster, ClusterConfig, Input, Output, Topic};
use kafka_sim_core::wire::{
    ApiKey, FrameSplitter, RequestHead, RequestKind, ResponseKind, decode_response, encode_request,
};
use kafka_sim_core::{BrokerId, ConnId, Seed, SimTime};

pub(crate) const GROUP: &str = "billing";
pub(crate) const TOPIC: &str = "orders";

pub(crate) struct Wire {
    cluster: Cluster,
    now: SimTime,
    connections: BTreeMap<ConnId, FrameSplitter>,
    /// Where something has come in that was not looked at.
    heard: Vec<ConnId>,
}

impl Wire {
    /// A broker that is ready to coordinate groups.
    pub(crate) fn new(partitions: u16, members: u16) -> Wire {
        let mut config = ClusterConfig::simulated(1);
        for (key, value) in [
            ("offsets.topic.num.partitions", "1"),
            ("offsets.topic.replication.factor", "1"),
        ] {
            config.broker_config.set(key, value).expect("the key exists");
        }
        config.topics = vec![Topic::named(TOPIC).partitions(i32::from(partitions)).replicas(1)];
        let mut wire = Wire {
            cluster: Cluster::new(config, Seed(1)).expect("the configuration is valid"),
            now: SimTime::ZERO,
            connections: BTreeMap::new(),
            heard: Vec::new(),
        };
        while !wire.cluster.is_ready() {
            wire.step();
        }
        for conn in 0..u64::from(members) {
            let (conn, broker) = (ConnId(conn), BrokerId(0));
            wire.connections.insert(conn, FrameSplitter::new(1 << 24));
            wire.input(Input::Connect {
                conn,
                broker,
                host: Arc::from("app"),
            });
        }
        wire.find_coordinator();
        wire
    }

    /// The first question makes the offsets topic.
    fn find_coordinator(&mut self) {
        loop {
            let request = kafka_protocol::messages::FindCoordinatorRequest::default().with_key(GROUP.into());
            let answers = self.ask(ApiKey::FindCoordinator, 3, [(0, RequestKind::FindCoordinator(request))]);
            match answers.into_iter().next() {
                Some((_, ResponseKind::FindCoordinator(found))) if found.error_code == 0 => return,
                _ => self.step(),
            }
        }
    }

    /// Sends requests on connections of their own, and waits for all answers.
    pub(crate) fn ask(
        &mut self,
        api_key: ApiKey,
        version: i16,
        requests: impl IntoIterator<Item = (u64, RequestKind)>,
    ) -> Vec<(u64, ResponseKind)> {
        let mut waiting = 0;
        for (conn, body) in requests {
            let head = RequestHead {
                api_key,
                version,
                correlation_id: 0,
                client_id: Some("app".into()),
            };
            let bytes = encode_request(&head, &body).expect("the request is well-formed");
            self.input(Input::Data {
                conn: ConnId(conn),
                bytes,
            });
            waiting += 1;
        }
        let mut answers = Vec::with_capacity(waiting);
        while answers.len() < waiting {
            self.step();
            for conn in std::mem::take(&mut self.heard) {
                let splitter = self.connections.get_mut(&conn).expect("connections are never closed");
                while let Some(frame) = splitter.next_frame().expect("brokers send whole frames") {
                    let response = decode_response(api_key, version, frame).expect("clients can read it").1;
                    answers.push((conn.0, response));
                }
            }
        }
        answers
    }

    fn step(&mut self) {
        self.now = self
            .now
            .max(self.cluster.next_due().expect("brokers always have timers"));
        let mut out = Vec::new();
        self.cluster.advance(self.now, &mut out);
        self.take(out);
    }

    fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.cluster.handle(self.now, input, &mut out);
        self.take(out);
    }

    fn take(&mut self, out: Vec<Output>) {
        for output in out {
            if let Output::Data { conn, bytes } = output
                && let Some(splitter) = self.connections.get_mut(&conn)
            {
                splitter.push(bytes);
                self.heard.push(conn);
            }
        }
    }
}
