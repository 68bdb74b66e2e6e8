//! Classic groups: what members of a group are promised about who reads what, and what they are not.

use std::time::Duration;

use kafka_sim_client::ConsumerOutcome;
use kafka_sim_cluster::Topic;

use crate::fleet::Fleet;
use crate::story::secs;

fn orders() -> Topic {
    Topic::named("orders").partitions(4).replicas(3)
}

#[test]
fn two_members_split_the_partitions_and_read_everything_once() {
    let mut fleet = Fleet::new(orders());
    let (one, two) = (fleet.join(&[]), fleet.join(&[]));
    fleet.wait(secs(60), "both to own two partitions", |fleet| {
        fleet.app(one).owned().len() == 2 && fleet.app(two).owned().len() == 2
    });
    for partition in 0..4 {
        fleet.produce(partition, 25);
    }
    fleet.pass(secs(10));
    for partition in 0..4 {
        let mut read = fleet.app(one).processed_of(partition);
        read.extend(fleet.app(two).processed_of(partition));
        assert_eq!(read, (0..25).collect::<Vec<_>>(), "partition {partition}");
    }
}

#[test]
fn a_member_that_closes_hands_over_at_once_and_its_successor_goes_on_where_it_stopped() {
    let mut fleet = Fleet::new(orders());
    let one = fleet.join(&[]);
    fleet.produce(0, 10);
    fleet.wait(secs(60), "ten records", |fleet| fleet.app(one).processed.len() == 10);
    let two = fleet.join(&[]);
    fleet.wait(secs(60), "a split", |fleet| fleet.app(two).owned().len() == 2);
    fleet.app_mut(one).running = false;
    fleet.pass(secs(1));
    fleet.on(one, |consumer, now, out| consumer.close(now, secs(30), out));
    fleet.wait(secs(10), "the end", |fleet| fleet.app(one).consumer.is_closed());
    assert!(
        fleet
            .app(one)
            .was_told(|said| matches!(said, ConsumerOutcome::Closed { result: Ok(()) }))
    );
    fleet.wait(secs(10), "the other to own all", |fleet| {
        fleet.app(two).owned().len() == 4
    });
    fleet.produce(0, 5);
    fleet.pass(Duration::from_secs(5));
    assert_eq!(fleet.app(two).processed_of(0), [10, 11, 12, 13, 14]);
}
