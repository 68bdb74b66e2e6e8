//! A run that was recorded comes out the same again.

use std::path::PathBuf;
use std::time::Duration;

use kafka_sim::journal::{Journal, Until, replay};
use kafka_sim::{Fault, Role, Seed, Server, SimTime, Topic};

use crate::client::{self, Client};
use crate::{bounded, eventually};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Messages, a kill, an election, a restart: everything that timers and clients can contribute.
async fn recorded(path: &PathBuf) -> u64 {
    let topic = Topic::named("orders").replicas(3).config("min.insync.replicas", "2");
    let server = Server::builder()
        .brokers(3)
        .topic(topic)
        .seed(Seed(11))
        .racks(["a", "b"])
        .config("num.partitions", "2")
        .record(path);
    let server = server.start().await.expect("it starts");
    let leader = crate::faults::leader(&server.view().await);
    let mut client = Client::connect(server.addresses()[leader]).await;
    for _ in 0..20 {
        client.produce("orders", client::batch(&[1; 10_000])).await;
    }
    server
        .inject_for(Fault::Kill(Role::leader_of("orders", 0)), Duration::from_millis(30))
        .await;
    eventually(&server, |view| {
        view.brokers.iter().all(|broker| broker.running && !broker.fenced)
    })
    .await;
    let hash = server.trace_hash().await;
    server.shutdown().await;
    hash
}

#[tokio::test]
async fn a_replay_of_the_journal_has_the_hash_of_the_run() {
    bounded(async {
        let path = file("replayed.journal");
        recorded(&path).await;
        let journal = Journal::read(&path).expect("a whole journal");
        let outcome = replay(&journal, Until::End).expect("a valid setup");
        assert_eq!(outcome.is_identical(), Some(true));
        assert_eq!(
            outcome
                .view
                .partition("orders", 0)
                .map(|p| p.replicas.iter().map(|r| r.log_end).max()),
            Some(Some(20))
        );
        assert_eq!(outcome.view.brokers[1].rack.as_deref(), Some("b"));
    })
    .await;
}

#[tokio::test]
async fn a_replay_stops_where_it_is_told_to() {
    bounded(async {
        let path = file("stopped.journal");
        recorded(&path).await;
        let journal = Journal::read(&path).expect("a whole journal");
        let whole = replay(&journal, Until::End).expect("a valid setup");
        let half = replay(&journal, Until::Events(whole.events.len() as u64 / 2)).expect("a valid setup");
        assert_eq!(half.is_identical(), None);
        assert_eq!(half.events[..], whole.events[..half.events.len()]);
        let until = SimTime::from_nanos(half.at.as_nanos());
        let same = replay(&journal, Until::Time(until)).expect("a valid setup");
        assert!(same.events.len() >= half.events.len() && same.at == half.at);
    })
    .await;
}

#[tokio::test]
async fn a_journal_that_was_cut_replays_up_to_the_cut() {
    bounded(async {
        let path = file("cut.journal");
        recorded(&path).await;
        let text = std::fs::read(&path).unwrap();
        let journal = Journal::parse(&text[..text.len() / 2]).expect("whole lines before the cut");
        assert_eq!(journal.end, None);
        let outcome = replay(&journal, Until::End).expect("a valid setup");
        assert_eq!((outcome.is_identical(), outcome.entries), (None, journal.entries.len()));
    })
    .await;
}
