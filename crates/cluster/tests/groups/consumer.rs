//! Groups of the consumer protocol (KIP-848) over the wire.

use std::collections::BTreeSet;

use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
    CreatePartitionsRequest, DescribeGroupsRequest, GroupId, ListGroupsRequest, TopicName,
};
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::view::GroupKind;
use kafka_sim_core::ConnId;
use kafka_sim_core::wire::{ApiKey, RequestKind, ResponseKind};
use uuid::Uuid;

use crate::world::{GROUP, World};

/// A member that reads "orders" and does at once what it is told.
pub(crate) struct Consumer {
    conn: ConnId,
    pub(crate) id: &'static str,
    pub(crate) epoch: i32,
    topic: Uuid,
    owned: BTreeSet<i32>,
}

impl Consumer {
    pub(crate) fn new(world: &mut World, broker: i32, id: &'static str) -> Consumer {
        Consumer {
            conn: world.connect(broker),
            id,
            epoch: 0,
            topic: Uuid::nil(),
            owned: BTreeSet::new(),
        }
    }

    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        let owned = TopicPartitions::default()
            .with_topic_id(self.topic)
            .with_partitions(self.owned.iter().copied().collect());
        let owned = if self.owned.is_empty() { Vec::new() } else { vec![owned] };
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(GROUP.into()))
            .with_member_id(self.id.into())
            .with_member_epoch(self.epoch)
            .with_topic_partitions(Some(owned));
        if self.epoch != 0 {
            return request.with_rebalance_timeout_ms(-1);
        }
        request
            .with_rebalance_timeout_ms(60_000)
            .with_subscribed_topic_names(Some(vec![TopicName("orders".into())]))
    }

    fn beat(&mut self, world: &mut World) -> ConsumerGroupHeartbeatResponse {
        let request = RequestKind::ConsumerGroupHeartbeat(self.request());
        world.send(self.conn, ApiKey::ConsumerGroupHeartbeat, 1, &request);
        let Some(ResponseKind::ConsumerGroupHeartbeat(response)) = world.wait(self.conn) else {
            panic!("no answer to a heartbeat")
        };
        if response.error_code == 0 {
            self.epoch = response.member_epoch;
        }
        if let Some(assignment) = &response.assignment {
            self.owned.clear();
            for topic in &assignment.topic_partitions {
                self.topic = topic.topic_id;
                self.owned.extend(&topic.partitions);
            }
        }
        response
    }

    pub(crate) fn beat_well(&mut self, world: &mut World) {
        let response = self.beat(world);
        assert_eq!(response.error_code, 0, "{:?}", response.error_message);
    }
}

/// Everybody sends a few heartbeats.
fn settle(world: &mut World, consumers: &mut [Consumer]) {
    for _ in 0..4 {
        consumers.iter_mut().for_each(|consumer| consumer.beat_well(world));
        world.pass(1_000);
    }
}

fn owned(consumers: &[Consumer]) -> Vec<i32> {
    let mut owned: Vec<i32> = consumers.iter().flat_map(|consumer| consumer.owned.clone()).collect();
    owned.sort_unstable();
    owned
}

fn pair(world: &mut World) -> (i32, Vec<Consumer>) {
    let broker = world.coordinator().expect("a coordinator");
    let mut consumers = vec![Consumer::new(world, broker, "a"), Consumer::new(world, broker, "b")];
    settle(world, &mut consumers);
    (broker, consumers)
}

#[test]
fn members_share_the_partitions_and_take_over_from_those_that_leave() {
    let mut world = World::new(3, &[]);
    let (broker, mut consumers) = pair(&mut world);
    assert_eq!(owned(&consumers), [0, 1]);
    assert!(consumers.iter().all(|consumer| consumer.owned.len() == 1));
    let (id, epoch) = (consumers[0].id, consumers[0].epoch);
    assert_eq!(world.commit_as(broker, id, epoch, 7, 9), 0);
    assert_eq!(world.commit_as(broker, id, epoch - 1, 8, 9), 113, "a stale epoch");
    assert_eq!(world.fetch(broker), Ok(7));
    consumers[0].epoch = -1;
    consumers[0].beat_well(&mut world);
    consumers.remove(0);
    settle(&mut world, &mut consumers);
    assert_eq!(owned(&consumers), [0, 1]);
}

#[test]
fn members_carry_on_with_the_next_coordinator() {
    let mut world = World::new(3, &[]);
    let (broker, mut consumers) = pair(&mut world);
    world.fault(Fault::Kill(Role::broker(broker)));
    let mut next = world.coordinator().expect("another coordinator");
    while next == broker {
        next = world.coordinator().expect("another coordinator");
    }
    for consumer in &mut consumers {
        consumer.conn = world.connect(next);
        let mut code = consumer.beat(&mut world).error_code;
        while code != 0 {
            assert!([14, 16].contains(&code), "the member is known: {code}");
            world.pass(500);
            code = consumer.beat(&mut world).error_code;
        }
    }
    assert!(consumers.iter().all(|consumer| consumer.epoch == 2));
    assert_eq!(owned(&consumers), [0, 1]);
}

#[test]
fn a_member_that_hears_nothing_for_its_session_is_unknown_to_the_next_coordinator_too() {
    let mut world = World::new(3, &[]);
    let (broker, mut consumers) = pair(&mut world);
    world.fault(Fault::Kill(Role::broker(broker)));
    world.pass(60_000);
    let next = world.coordinator().expect("another coordinator");
    consumers[0].conn = world.connect(next);
    assert_eq!(consumers[0].beat(&mut world).error_code, 25);
}

#[test]
fn a_topic_that_grows_reaches_the_members_with_their_heartbeats() {
    let mut world = World::new(3, &[]);
    let (_, mut consumers) = pair(&mut world);
    let topic = CreatePartitionsTopic::default()
        .with_name(TopicName("orders".into()))
        .with_count(5)
        .with_assignments(None);
    let request = CreatePartitionsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(10_000);
    let grown = world.ask(0, ApiKey::CreatePartitions, 3, RequestKind::CreatePartitions(request));
    assert!(matches!(grown, Some(ResponseKind::CreatePartitions(response)) if response.results[0].error_code == 0));
    world.pass(1_000);
    settle(&mut world, &mut consumers);
    assert_eq!(owned(&consumers), [0, 1, 2, 3, 4]);
}

#[test]
fn tools_see_a_consumer_group_as_what_it_is() {
    let mut world = World::new(3, &[]);
    let (broker, consumers) = pair(&mut world);
    let only = |kind: &'static str| {
        let request = ListGroupsRequest::default().with_types_filter(vec![kind.into()]);
        RequestKind::ListGroups(request)
    };
    let count = |response| match response {
        Some(ResponseKind::ListGroups(list)) => list.groups.len(),
        other => panic!("no list: {other:?}"),
    };
    assert_eq!(count(world.ask(broker, ApiKey::ListGroups, 5, only("Consumer"))), 1);
    assert_eq!(count(world.ask(broker, ApiKey::ListGroups, 5, only("classic"))), 0);

    let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![GroupId(GROUP.into())]);
    let request = RequestKind::ConsumerGroupDescribe(request);
    let Some(ResponseKind::ConsumerGroupDescribe(response)) =
        world.ask(broker, ApiKey::ConsumerGroupDescribe, 1, request)
    else {
        panic!("no description")
    };
    let group = &response.groups[0];
    assert_eq!((&*group.group_state, group.group_epoch), ("Stable", consumers[0].epoch));
    assert_eq!(&*group.assignor_name, "uniform");
    assert_eq!(&*group.members[0].client_host, "/app");
    assert_eq!(group.members[0].assignment, group.members[0].target_assignment);

    let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(GROUP.into())]);
    let request = RequestKind::DescribeGroups(request);
    let Some(ResponseKind::DescribeGroups(response)) = world.ask(broker, ApiKey::DescribeGroups, 6, request) else {
        panic!("no description")
    };
    assert_eq!(
        (response.groups[0].error_code, &*response.groups[0].group_state),
        (69, "Dead")
    );

    let view = world.cluster.view();
    let group = view.group(GROUP).expect("it exists");
    assert_eq!(
        (group.kind, group.state, group.members.len()),
        (GroupKind::Consumer, "Stable", 2)
    );
    assert_eq!(group.members[0].assignment.len(), 1);
}

#[test]
fn without_the_protocol_a_broker_refuses_it() {
    let mut world = World::new(3, &[("group.coordinator.rebalance.protocols", "classic")]);
    let broker = world.coordinator().expect("a coordinator");
    let mut consumer = Consumer::new(&mut world, broker, "a");
    assert_eq!(consumer.beat(&mut world).error_code, 35);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut world = World::new(3, &[]);
        let (_, consumers) = pair(&mut world);
        (world.cluster.trace().hash(), owned(&consumers))
    };
    assert_eq!(run(), run());
}
