//! Groups over the wire: members, commits, and what becomes of them when coordinators die.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest,
    JoinGroupResponse, LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest,
    TopicName,
};
use kafka_sim_cluster::fault::{Fault, Role, Survivors};
use kafka_sim_cluster::{Cluster, ClusterConfig, Input, Output, Topic};
use kafka_sim_core::wire::{
    ApiKey, FrameSplitter, RequestHead, RequestKind, ResponseKind, decode_response, encode_request,
};
use kafka_sim_core::{BrokerId, ConnId, Seed, SimTime};

const GROUP: &str = "billing";

/// A cluster and clients that speak to it one request at a time.
struct World {
    cluster: Cluster,
    now: SimTime,
    conns: u64,
    heard: BTreeMap<ConnId, FrameSplitter>,
    sent: BTreeMap<ConnId, (ApiKey, i16)>,
}

impl World {
    fn new(brokers: usize, properties: &[(&str, &str)]) -> World {
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
            cluster: Cluster::new(config, Seed(11)).expect("the configuration is valid"),
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

    fn take(&mut self, outputs: Vec<Output>) {
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

    fn step(&mut self) {
        let due = self.cluster.next_due().expect("brokers always have timers");
        self.now = self.now.max(due);
        let mut out = Vec::new();
        self.cluster.advance(self.now, &mut out);
        self.take(out);
    }

    fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.cluster.handle(self.now, input, &mut out);
        self.take(out);
    }

    fn pass(&mut self, millis: u64) {
        let until = self.now + Duration::from_millis(millis);
        while self.cluster.next_due().is_some_and(|at| at <= until) {
            self.step();
        }
        self.now = until;
    }

    fn connect(&mut self, broker: i32) -> ConnId {
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

    fn send(&mut self, conn: ConnId, api_key: ApiKey, version: i16, body: &RequestKind) {
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

    fn poll(&mut self, conn: ConnId) -> Option<ResponseKind> {
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
    fn wait(&mut self, conn: ConnId) -> Option<ResponseKind> {
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

    fn ask(&mut self, broker: i32, api_key: ApiKey, version: i16, body: RequestKind) -> Option<ResponseKind> {
        let conn = self.connect(broker);
        self.send(conn, api_key, version, &body);
        self.wait(conn)
    }

    /// Asks every running broker in turn until one knows the coordinator.
    fn coordinator(&mut self) -> Option<i32> {
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

    fn commit(&mut self, broker: i32, member: &str, generation: i32, offset: i64) -> i16 {
        let part = OffsetCommitRequestPartition::default().with_committed_offset(offset);
        let topic = OffsetCommitRequestTopic::default()
            .with_name(TopicName("orders".into()))
            .with_partitions(vec![part]);
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(GROUP.into()))
            .with_member_id(kafka_protocol::protocol::StrBytes::from_string(member.to_owned()))
            .with_generation_id_or_member_epoch(generation)
            .with_topics(vec![topic]);
        match self.ask(broker, ApiKey::OffsetCommit, 8, RequestKind::OffsetCommit(request)) {
            Some(ResponseKind::OffsetCommit(response)) => response.topics[0].partitions[0].error_code,
            other => panic!("no answer to a commit: {other:?}"),
        }
    }

    /// Commits until it is accepted; the coordinator may move meanwhile.
    fn commit_surely(&mut self, offset: i64) {
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
    fn fetch(&mut self, broker: i32) -> Result<i64, i16> {
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

    fn fetch_surely(&mut self) -> i64 {
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

    fn fault(&mut self, fault: Fault) {
        self.input(Input::Fault(fault.at(self.now)));
        self.pass(1);
    }
}

/// One member on a connection of its own.
struct Member {
    conn: ConnId,
    id: String,
    generation: i32,
}

impl Member {
    /// Gets an id and sends the JoinGroup that counts.
    fn begin(world: &mut World, broker: i32) -> Member {
        let mut member = Member {
            conn: world.connect(broker),
            id: String::new(),
            generation: -1,
        };
        member.join(world);
        member.id = joined(world.wait(member.conn)).member_id.to_string();
        member.join(world);
        member
    }

    fn join(&self, world: &mut World) {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name("range".into())
            .with_metadata(Bytes::from_static(b"opaque"));
        let request = JoinGroupRequest::default()
            .with_group_id(GroupId(GROUP.into()))
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(30_000)
            .with_member_id(self.id.clone().into())
            .with_protocol_type("consumer".into())
            .with_protocols(vec![protocol]);
        world.send(self.conn, ApiKey::JoinGroup, 6, &RequestKind::JoinGroup(request));
    }

    fn sync(&self, world: &mut World, assignments: &[(&str, &'static [u8])]) {
        let assignments = assignments.iter().map(|(id, bytes)| {
            SyncGroupRequestAssignment::default()
                .with_member_id((*id).to_owned().into())
                .with_assignment(Bytes::from_static(bytes))
        });
        let request = SyncGroupRequest::default()
            .with_group_id(GroupId(GROUP.into()))
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone().into())
            .with_assignments(assignments.collect());
        world.send(self.conn, ApiKey::SyncGroup, 4, &RequestKind::SyncGroup(request));
    }

    fn heartbeat(&self, world: &mut World) -> i16 {
        let request = HeartbeatRequest::default()
            .with_group_id(GroupId(GROUP.into()))
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone().into());
        world.send(self.conn, ApiKey::Heartbeat, 3, &RequestKind::Heartbeat(request));
        match world.wait(self.conn) {
            Some(ResponseKind::Heartbeat(response)) => response.error_code,
            other => panic!("no answer to a heartbeat: {other:?}"),
        }
    }
}

fn joined(response: Option<ResponseKind>) -> JoinGroupResponse {
    match response {
        Some(ResponseKind::JoinGroup(response)) => response,
        other => panic!("no answer to a JoinGroup: {other:?}"),
    }
}

/// Lets members that have sent their JoinGroup agree; the leader gives everybody its own id's first byte.
fn settle(world: &mut World, members: &mut [Member]) {
    let answers: Vec<JoinGroupResponse> = members.iter().map(|member| joined(world.wait(member.conn))).collect();
    for (member, answer) in members.iter_mut().zip(&answers) {
        assert_eq!(answer.error_code, 0);
        member.generation = answer.generation_id;
    }
    let ids: Vec<String> = members.iter().map(|member| member.id.clone()).collect();
    let given: Vec<(&str, &'static [u8])> = ids.iter().map(|id| (id.as_str(), &b"part"[..])).collect();
    for (member, answer) in members.iter().zip(&answers) {
        let leads = *answer.leader == *member.id;
        assert_eq!(answer.members.len(), if leads { members.len() } else { 0 });
        member.sync(world, if leads { &given } else { &[] });
    }
    for member in members.iter() {
        let Some(ResponseKind::SyncGroup(response)) = world.wait(member.conn) else {
            panic!("no answer to a SyncGroup")
        };
        assert_eq!((response.error_code, &response.assignment[..]), (0, &b"part"[..]));
    }
}

#[test]
fn members_come_and_go_and_the_others_rebalance() {
    let mut world = World::new(3, &[]);
    let broker = world
        .coordinator()
        .expect("three brokers are enough for the offsets topic");
    let mut members = vec![Member::begin(&mut world, broker), Member::begin(&mut world, broker)];
    settle(&mut world, &mut members);
    assert!(members.iter().all(|member| member.generation == 1));
    assert_eq!(members[0].heartbeat(&mut world), 0);

    let third = Member::begin(&mut world, broker);
    assert_eq!(members[0].heartbeat(&mut world), 27);
    members.iter().for_each(|member| member.join(&mut world));
    members.push(third);
    settle(&mut world, &mut members);
    assert!(members.iter().all(|member| member.generation == 2));

    let leaver = members.pop().expect("there are three");
    let identity = MemberIdentity::default().with_member_id(leaver.id.clone().into());
    let request = LeaveGroupRequest::default()
        .with_group_id(GroupId(GROUP.into()))
        .with_members(vec![identity]);
    world.send(leaver.conn, ApiKey::LeaveGroup, 4, &RequestKind::LeaveGroup(request));
    world.wait(leaver.conn).expect("an answer");
    members.iter().for_each(|member| member.join(&mut world));
    settle(&mut world, &mut members);
    assert!(members.iter().all(|member| member.generation == 3));

    assert_eq!(
        world.commit(broker, &members[0].id, 2, 1),
        22,
        "an older generation is fenced"
    );
    assert_eq!(world.commit(broker, &members[0].id, 3, 1), 0);
}

#[test]
fn tools_list_describe_and_delete_groups() {
    let mut world = World::new(3, &[]);
    let broker = world.coordinator().expect("a coordinator");
    let mut members = vec![Member::begin(&mut world, broker)];
    settle(&mut world, &mut members);
    let Some(ResponseKind::ListGroups(list)) = world.ask(
        broker,
        ApiKey::ListGroups,
        5,
        RequestKind::ListGroups(ListGroupsRequest::default()),
    ) else {
        panic!("no list")
    };
    assert_eq!(
        (&*list.groups[0].group_id.0, &*list.groups[0].group_state),
        (GROUP, "Stable")
    );
    let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(GROUP.into())]);
    let Some(ResponseKind::DescribeGroups(response)) =
        world.ask(broker, ApiKey::DescribeGroups, 5, RequestKind::DescribeGroups(request))
    else {
        panic!("no description")
    };
    assert_eq!(response.groups[0].members[0].member_assignment, &b"part"[..]);
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![GroupId(GROUP.into())]);
    let codes = |response| match response {
        Some(ResponseKind::DeleteGroups(response)) => response.results[0].error_code,
        other => panic!("no answer: {other:?}"),
    };
    let refused = world.ask(
        broker,
        ApiKey::DeleteGroups,
        2,
        RequestKind::DeleteGroups(delete.clone()),
    );
    assert_eq!(codes(refused), 68);
    world.pass(11_000);
    let deleted = world.ask(broker, ApiKey::DeleteGroups, 2, RequestKind::DeleteGroups(delete));
    assert_eq!(codes(deleted), 0);
}

#[test]
fn commits_survive_the_death_of_their_coordinator() {
    let mut world = World::new(3, &[]);
    world.commit_surely(42);
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::Kill(Role::broker(coordinator)));
    assert_eq!(world.fetch_surely(), 42);
    assert_ne!(world.coordinator(), Some(coordinator));
}

#[test]
fn a_replicated_offsets_topic_keeps_commits_when_its_leader_loses_power() {
    let mut world = World::new(3, &[]);
    world.commit_surely(42);
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::PowerLoss {
        target: Role::broker(coordinator),
        survivors: Survivors::None,
    });
    assert_eq!(world.fetch_surely(), 42);
}

#[test]
fn an_offsets_topic_without_replicas_loses_them() {
    let mut world = World::new(3, &[("offsets.topic.replication.factor", "1")]);
    world.commit_surely(42);
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::PowerLoss {
        target: Role::broker(coordinator),
        survivors: Survivors::None,
    });
    world.pass(15_000);
    world.input(Input::HealAll);
    world.pass(15_000);
    assert_eq!(world.fetch_surely(), -1);
}

#[test]
fn an_offsets_topic_without_replicas_keeps_them_when_only_the_process_dies() {
    let mut world = World::new(3, &[("offsets.topic.replication.factor", "1")]);
    world.commit_surely(42);
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::Kill(Role::broker(coordinator)));
    world.pass(15_000);
    world.input(Input::HealAll);
    world.pass(15_000);
    assert_eq!(world.fetch_surely(), 42);
}

#[test]
fn requests_are_told_to_wait_while_the_offsets_are_loaded() {
    // Every byte of the topic takes a millisecond to load.
    let mut world = World::new(3, &[("offsets.load.buffer.size", "1")]);
    for offset in 0..50 {
        world.commit_surely(offset);
    }
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::Kill(Role::broker(coordinator)));
    let next = world.coordinator().expect("another coordinator");
    assert_eq!(world.fetch(next), Err(14));
    assert_eq!(world.commit(next, "", -1, 1), 14);
    let stranger = Member {
        conn: world.connect(next),
        id: "m".to_owned(),
        generation: 1,
    };
    assert_eq!(stranger.heartbeat(&mut world), 0, "it may be a member");
    world.pass(20_000);
    assert_eq!(world.fetch(next), Ok(49));
    assert_eq!(stranger.heartbeat(&mut world), 25);
}

#[test]
fn members_carry_on_with_the_next_coordinator() {
    let mut world = World::new(3, &[]);
    let broker = world.coordinator().expect("a coordinator");
    let mut members = vec![Member::begin(&mut world, broker)];
    settle(&mut world, &mut members);
    world.fault(Fault::Kill(Role::broker(broker)));
    let mut next = world.coordinator().expect("another coordinator");
    while next == broker {
        next = world.coordinator().expect("another coordinator");
    }
    members[0].conn = world.connect(next);
    let mut code = members[0].heartbeat(&mut world);
    for _ in 0..60 {
        if code == 0 {
            break;
        }
        assert!([14, 16].contains(&code), "the member is known: {code}");
        world.pass(500);
        code = members[0].heartbeat(&mut world);
    }
    assert_eq!(code, 0);
}

#[test]
fn a_broker_that_stops_sends_parked_members_to_the_next_coordinator() {
    let mut world = World::new(3, &[("group.initial.rebalance.delay.ms", "30000")]);
    let broker = world.coordinator().expect("a coordinator");
    let member = Member::begin(&mut world, broker);
    world.fault(Fault::ControlledStop(Role::broker(broker)));
    assert_eq!(joined(world.wait(member.conn)).error_code, 16);
}

#[test]
fn without_enough_brokers_for_the_offsets_topic_there_is_no_coordinator() {
    let mut world = World::new(1, &[]);
    assert_eq!(world.coordinator(), None);
    let mut enough = World::new(1, &[("offsets.topic.replication.factor", "1")]);
    assert_eq!(enough.coordinator(), Some(0));
}

#[test]
fn a_commit_that_its_followers_never_get_times_out() {
    let mut world = World::new(3, &[]);
    world.commit_surely(1);
    let coordinator = world.coordinator().expect("a coordinator");
    for other in (0..3).filter(|id| *id != coordinator) {
        world.fault(Fault::Pause(Role::broker(other)));
    }
    assert_eq!(world.commit(coordinator, "", -1, 2), 15);
    assert_eq!(world.fetch(coordinator), Ok(1), "readers see what is replicated");
}

#[test]
fn a_fault_finds_the_coordinator_that_members_are_told() {
    let mut world = World::new(3, &[]);
    world.fault(Fault::Kill(Role::coordinator_of(GROUP)));
    assert_eq!(world.cluster.struck_by_newest_fault(), [], "there are no groups yet");
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::Kill(Role::coordinator_of(GROUP)));
    assert_eq!(world.cluster.struck_by_newest_fault(), [BrokerId(coordinator)]);
    assert!(!world.cluster.view().brokers[usize::try_from(coordinator).expect("ids count from 0")].running);
    world.pass(15_000);
    let next = world.coordinator().expect("another coordinator");
    assert_ne!(next, coordinator);
    world.fault(Fault::Pause(Role::coordinator_of(GROUP)));
    assert_eq!(world.cluster.struck_by_newest_fault(), [BrokerId(next)]);
}

#[test]
fn a_broker_that_does_not_coordinate_the_group_says_so() {
    let mut world = World::new(3, &[]);
    let coordinator = world.coordinator().expect("a coordinator");
    let other = (0..3).find(|id| *id != coordinator).expect("there are three");
    assert_eq!(world.commit(other, "", -1, 1), 16);
    assert_eq!(world.fetch(other), Err(16));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut world = World::new(3, &[]);
        let broker = world.coordinator().expect("a coordinator");
        let mut members = vec![Member::begin(&mut world, broker), Member::begin(&mut world, broker)];
        settle(&mut world, &mut members);
        world.commit(broker, &members[0].id, 1, 1);
        (world.cluster.trace().hash(), members[0].id.clone())
    };
    assert_eq!(run(), run());
}
