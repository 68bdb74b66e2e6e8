//! Offsets that are committed and fetched by topic ids (version 10).

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::{GroupId, MetadataRequest, OffsetCommitRequest, OffsetFetchRequest, TopicName};
use kafka_sim_cluster::fault::Fault;
use kafka_sim_core::wire::{ApiKey, ResponseKind, topic_id_as_name};
use uuid::Uuid;

use crate::world::{GROUP, World};

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const UNKNOWN_TOPIC_ID: i16 = 100;
const NOBODY: Uuid = Uuid::from_u128(77);

pub(crate) fn id_of_orders(world: &mut World) -> Uuid {
    let topic = MetadataRequestTopic::default().with_name(Some(TopicName("orders".into())));
    let request = MetadataRequest::default().with_topics(Some(vec![topic]));
    match world.ask(0, ApiKey::Metadata, 12, request.into()) {
        Some(ResponseKind::Metadata(response)) => response.topics[0].topic_id,
        other => panic!("no metadata: {other:?}"),
    }
}

pub(crate) fn named(id: Uuid) -> TopicName {
    TopicName(topic_id_as_name(id))
}

/// The errors of partitions 0 and 9 of each topic, after a commit of 42.
fn commit(world: &mut World, ids: &[Uuid]) -> Vec<(Uuid, Vec<i16>)> {
    let part = |index| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(index)
            .with_committed_offset(42)
    };
    let topic = |id: &Uuid| {
        OffsetCommitRequestTopic::default()
            .with_name(named(*id))
            .with_partitions(vec![part(0), part(9)])
    };
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(GROUP.into()))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(ids.iter().map(topic).collect());
    let coordinator = world.coordinator().expect("a coordinator");
    let Some(ResponseKind::OffsetCommit(response)) = world.ask(coordinator, ApiKey::OffsetCommit, 10, request.into())
    else {
        panic!("no answer to a commit")
    };
    let topics = response.topics.iter();
    topics
        .map(|topic| {
            let id = Uuid::try_parse(&topic.name).expect("topics are named by ids");
            (id, topic.partitions.iter().map(|part| part.error_code).collect())
        })
        .collect()
}

/// Offset and error of partition 0 of each topic; without `ids` of all that the group has committed for.
fn fetch(world: &mut World, ids: Option<&[Uuid]>) -> Vec<(Uuid, i64, i16)> {
    let topic = |id: &Uuid| {
        OffsetFetchRequestTopics::default()
            .with_name(named(*id))
            .with_partition_indexes(vec![0])
    };
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(GroupId(GROUP.into()))
        .with_topics(ids.map(|ids| ids.iter().map(topic).collect()));
    let request = OffsetFetchRequest::default().with_groups(vec![group]);
    let coordinator = world.coordinator().expect("a coordinator");
    let Some(ResponseKind::OffsetFetch(response)) = world.ask(coordinator, ApiKey::OffsetFetch, 10, request.into())
    else {
        panic!("no answer to a fetch")
    };
    let topics = response.groups[0].topics.iter();
    topics
        .map(|topic| {
            let id = Uuid::try_parse(&topic.name).expect("topics are named by ids");
            let part = &topic.partitions[0];
            (id, part.committed_offset, part.error_code)
        })
        .collect()
}

#[test]
fn offsets_are_committed_and_fetched_by_id_and_unknown_ids_refused() {
    let mut world = World::new(3, &[]);
    world.coordinator().expect("a coordinator");
    let orders = id_of_orders(&mut world);
    let committed = commit(&mut world, &[NOBODY, orders]);
    let unknown = vec![UNKNOWN_TOPIC_ID; 2];
    assert_eq!(
        committed,
        [(NOBODY, unknown), (orders, vec![0, UNKNOWN_TOPIC_OR_PARTITION])]
    );
    let fetched = fetch(&mut world, Some(&[NOBODY, orders]));
    assert_eq!(fetched, [(orders, 42, 0), (NOBODY, -1, UNKNOWN_TOPIC_ID)]);
    assert_eq!(fetch(&mut world, None), [(orders, 42, 0)]);
    assert_eq!(world.fetch_surely(), 42, "by name as well");
}

#[test]
fn an_offset_that_was_committed_by_id_survives_its_coordinator() {
    let mut world = World::new(3, &[]);
    let coordinator = world.coordinator().expect("a coordinator");
    let orders = id_of_orders(&mut world);
    commit(&mut world, &[orders]);
    world.fault(Fault::Kill(kafka_sim_cluster::fault::Role::broker(coordinator)));
    world.pass(15_000);
    assert_eq!(fetch(&mut world, Some(&[orders])), [(orders, 42, 0)]);
}

#[test]
fn a_topic_that_was_created_anew_does_not_take_the_offsets_of_the_old_one() {
    let mut world = World::new(3, &[]);
    world.coordinator().expect("a coordinator");
    let old = id_of_orders(&mut world);
    commit(&mut world, &[old]);
    let deletion = Fault::DeleteTopic { topic: "orders".into() }.at(world.now);
    world.input(kafka_sim_cluster::Input::Fault(
        deletion.healed_after(std::time::Duration::from_millis(100)),
    ));
    world.pass(5_000);
    let new = id_of_orders(&mut world);
    assert_ne!(old, new);
    let fetched = fetch(&mut world, Some(&[old, new]));
    assert_eq!(fetched, [(new, -1, 0), (old, -1, UNKNOWN_TOPIC_ID)]);
    let refused = commit(&mut world, &[old]);
    assert_eq!(
        refused,
        [(old, vec![UNKNOWN_TOPIC_ID; 2])],
        "a late commit of the old one"
    );
    assert_eq!(world.fetch_surely(), -1);
}
