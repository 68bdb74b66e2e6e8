//! What a group's next coordinator says of a commit that was answered before the last one died, from the first instant
//! on and without a break.
//!
//! The next coordinator has every record that was answered, but its high watermark may lag behind for a moment. With
//! `require_stable`, as Java and librdkafka ask, it answers when that has caught up; without, as of the high watermark.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{GroupId, OffsetFetchRequest, TopicName};
use kafka_sim_cluster::Input;
use kafka_sim_cluster::fault::{Fault, Role, Survivors};
use kafka_sim_core::wire::{ApiKey, ResponseKind};
use kafka_sim_core::{BrokerId, ConnId, Seed};
use uuid::Uuid;

use crate::consumer::Consumer;
use crate::topic_ids::{id_of_orders, named};
use crate::world::{GROUP, World};

const SEEDS: u64 = 20;
/// COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: all of them are asked again.
const ASK_AGAIN: [i16; 3] = [14, 15, 16];
const OFFSET: i64 = 4;

/// Who asks, and how.
struct Asking {
    stable: bool,
    member: Consumer,
    orders: Uuid,
}

impl Asking {
    /// What a version asks for orders-0 with. From v9 on the member tells its id and epoch.
    fn request(&self, version: i16) -> OffsetFetchRequest {
        let request = OffsetFetchRequest::default().with_require_stable(self.stable && version >= 7);
        if version < 8 {
            let topic = OffsetFetchRequestTopic::default()
                .with_name(TopicName("orders".into()))
                .with_partition_indexes(vec![0]);
            return request
                .with_group_id(GroupId(GROUP.into()))
                .with_topics(Some(vec![topic]));
        }
        let name = if version < 10 {
            TopicName("orders".into())
        } else {
            named(self.orders)
        };
        let topic = OffsetFetchRequestTopics::default()
            .with_name(name)
            .with_partition_indexes(vec![0]);
        let group = OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(GROUP.into()))
            .with_topics(Some(vec![topic]));
        request.with_groups(vec![if version < 9 {
            group
        } else {
            group
                .with_member_id(Some(self.member.id.into()))
                .with_member_epoch(self.member.epoch)
        }])
    }

    fn versions(&self) -> RangeInclusive<i16> {
        if self.stable { 7..=10 } else { 1..=10 }
    }
}

/// The offset that was answered, or the error, wherever the version has it.
fn outcome(response: ResponseKind) -> Result<i64, i16> {
    let ResponseKind::OffsetFetch(response) = response else {
        panic!("no answer to an OffsetFetch: {response:?}")
    };
    let (codes, offset) = match response.groups.first() {
        Some(group) => {
            let part = group.topics.first().map(|topic| &topic.partitions[0]);
            let code = part.map_or(0, |part| part.error_code);
            ([group.error_code, code], part.map(|part| part.committed_offset))
        }
        None => {
            let part = response.topics.first().map(|topic| &topic.partitions[0]);
            let code = part.map_or(0, |part| part.error_code);
            ([response.error_code, code], part.map(|part| part.committed_offset))
        }
    };
    match codes.into_iter().find(|code| *code != 0) {
        Some(code) => Err(code),
        None => Ok(offset.expect("what is no error has an offset")),
    }
}

/// One connection to a broker for each version that asks without a break.
struct Probe {
    conn: ConnId,
    version: i16,
}

impl Probe {
    fn ask(&self, world: &mut World, asking: &Asking) {
        let request = asking.request(self.version).into();
        world.send(self.conn, ApiKey::OffsetFetch, self.version, &request);
    }
}

/// Who leads the only partition of the offsets topic.
fn leader(world: &World) -> Option<BrokerId> {
    let view = world.cluster.view();
    view.partition("__consumer_offsets", 0)?.leader
}

fn faults(coordinator: i32) -> [Fault; 5] {
    let target = Role::broker(coordinator);
    [
        Fault::Kill(target.clone()),
        Fault::PowerLoss {
            target: target.clone(),
            survivors: Survivors::None,
        },
        Fault::Pause(target.clone()),
        Fault::Isolate(target.clone()),
        Fault::ControlledStop(target),
    ]
}

/// Everything that was answered to those who asked the next coordinator, from its election until each version has told the commit.
fn answers_after_the_coordinator_died(seed: u64, stable: bool) -> Vec<(i16, Result<i64, i16>)> {
    let mut world = World::seeded(Seed(seed), 3, &[("offsets.topic.num.partitions", "1")]);
    let coordinator = world.coordinator().expect("a coordinator");
    let mut member = Consumer::new(&mut world, coordinator, "a");
    member.beat_well(&mut world);
    let orders = id_of_orders(&mut world);
    let asking = Asking { stable, member, orders };
    let others = (0..3).filter(|broker| *broker != coordinator);
    let pairs = others.flat_map(|broker| asking.versions().map(move |version| (broker, version)));
    let probes: Vec<Probe> = pairs
        .map(|(broker, version)| Probe {
            conn: world.connect(broker),
            version,
        })
        .collect();
    for offset in 1..=OFFSET {
        let code = world.commit_as(coordinator, asking.member.id, asking.member.epoch, offset, 9);
        assert_eq!(code, 0);
    }
    let faults = faults(coordinator);
    let fault = faults[usize::try_from(seed).expect("seeds are small") % faults.len()].clone();
    world.input(Input::Fault(fault.at(world.now)));
    while leader(&world).is_none_or(|leader| leader.0 == coordinator) {
        world.step();
    }
    probes.iter().for_each(|probe| probe.ask(&mut world, &asking));
    let until = world.now + Duration::from_secs(5);
    let mut answers = Vec::new();
    let mut lagging: BTreeSet<i16> = asking.versions().collect();
    while !lagging.is_empty() && world.now < until {
        world.step();
        for probe in &probes {
            if let Some(response) = world.poll(probe.conn) {
                let outcome = outcome(response);
                if outcome == Ok(OFFSET) {
                    lagging.remove(&probe.version);
                }
                answers.push((probe.version, outcome));
                probe.ask(&mut world, &asking);
            }
        }
    }
    assert!(
        lagging.is_empty(),
        "seed {seed}: versions {lagging:?} never tell the commit"
    );
    answers
}

#[test]
fn the_next_coordinator_never_answers_less_than_was_committed() {
    for seed in 0..SEEDS {
        for (version, answer) in answers_after_the_coordinator_died(seed, true) {
            match answer {
                Ok(offset) => assert_eq!(offset, OFFSET, "seed {seed}, version {version}"),
                Err(code) => assert!(ASK_AGAIN.contains(&code), "seed {seed}, version {version}: {code}"),
            }
        }
    }
}

#[test]
fn without_require_stable_it_answers_less_until_its_high_watermark_has_caught_up() {
    let answers = (0..SEEDS).flat_map(|seed| answers_after_the_coordinator_died(seed, false));
    let less: BTreeSet<i16> = answers
        .filter(|(_, answer)| answer.is_ok_and(|offset| offset < OFFSET))
        .map(|(version, _)| version)
        .collect();
    assert_eq!(less, (1..=10).collect(), "versions that told less");
}
