//! Hurting the cluster under its clients.

use std::time::Duration;

use kafka_sim::cluster::view::View;
use kafka_sim::{Fault, Role, Schedule, SimTime};
use tokio::io::AsyncWriteExt as _;

use crate::client::{self, Client};
use crate::{bounded, eventually, three_brokers};

/// Index of the broker that leads orders-0.
pub(crate) fn leader(view: &View) -> usize {
    let leader = view
        .partition("orders", 0)
        .and_then(|partition| partition.leader)
        .expect("orders-0 has a leader");
    usize::try_from(leader.0).expect("ids count from 0")
}

fn running(view: &View) -> usize {
    view.brokers.iter().filter(|broker| broker.running).count()
}

#[tokio::test]
async fn a_killed_leader_is_replaced_and_acknowledged_messages_survive() {
    bounded(async {
        let server = three_brokers().await;
        let old = leader(&server.view().await);
        let mut client = Client::connect(server.addresses()[old]).await;
        assert_eq!(client.produce("orders", client::batch(b"kept")).await, (0, 0));
        server.inject(Fault::Kill(Role::leader_of("orders", 0))).await;
        assert!(
            !server.view().await.brokers[old].running,
            "inject returns when the fault has struck"
        );
        assert!(client.is_closed().await, "a dead broker has no connections");
        let elected = |view: &View| {
            view.partition("orders", 0)
                .and_then(|p| p.leader)
                .is_some_and(|l| usize::try_from(l.0) != Ok(old))
        };
        let new = leader(&eventually(&server, elected).await);
        let mut client = Client::connect(server.addresses()[new]).await;
        let (error, values) = client.fetch("orders", 0).await;
        assert_eq!((error, values), (0, vec!["kept".into()]));
    })
    .await;
}

#[tokio::test]
async fn a_dead_broker_turns_clients_away_until_it_is_healed() {
    bounded(async {
        let server = three_brokers().await;
        server.inject(Fault::Kill(Role::broker(0))).await;
        assert!(Client::connect(server.addresses()[0]).await.is_closed().await);
        server.heal_all().await;
        // It serves again once it has registered and caught up with the metadata.
        let request = Client::connect(server.addresses()[1])
            .await
            .encode(3, &client::api_versions())
            .0;
        loop {
            let mut client = Client::connect(server.addresses()[0]).await;
            if client.socket.write_all(&request).await.is_ok() && client.frame().await.is_some() {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_injects_a_fault_is_told_whom_it_struck() {
    bounded(async {
        let server = three_brokers().await;
        let leader = server.view().await.partition("orders", 0).and_then(|p| p.leader);
        let leader = leader.expect("a partition has a leader from the start");
        let kill = || Fault::Kill(Role::leader_of("orders", 0));
        assert_eq!(server.inject(kill()).await, [leader]);
        assert_eq!(
            server
                .inject_for(Fault::Pause(Role::AllBrokers), Duration::from_millis(1))
                .await
                .len(),
            3
        );
        assert_eq!(server.inject(Fault::Kill(Role::leader_of("payments", 0))).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_fault_strikes_after_everything_was_healed_too() {
    bounded(async {
        let server = three_brokers().await;
        server.heal_all().await;
        server.inject(Fault::Kill(Role::broker(1))).await;
        assert_eq!(running(&server.view().await), 2);
    })
    .await;
}

#[tokio::test]
async fn an_injected_fault_can_heal_by_itself() {
    bounded(async {
        let server = three_brokers().await;
        server
            .inject_for(Fault::Kill(Role::broker(2)), Duration::from_millis(50))
            .await;
        assert_eq!(running(&server.view().await), 2);
        eventually(&server, |view| running(view) == 3).await;
    })
    .await;
}

#[tokio::test]
async fn a_schedule_counts_from_the_call_that_hands_it_over() {
    bounded(async {
        let server = three_brokers().await;
        let start = server.view().await.at_nanos;
        let schedule: Schedule = [Fault::Kill(Role::broker(0)).at(SimTime::from_millis(100))]
            .into_iter()
            .collect();
        server.schedule(schedule).await;
        assert_eq!(running(&server.view().await), 3);
        let view = eventually(&server, |view| running(view) == 2).await;
        assert!(view.at_nanos - start >= 100_000_000);
    })
    .await;
}
