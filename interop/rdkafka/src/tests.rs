//! The judge of these tests is judged first: against a server that is known to work, and against made-up logs.

use std::time::Duration;

use rdkafka::mocking::MockCluster;

use crate::{Findings, producer, read_back, send_range};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_run_against_librdkafkas_own_mock_is_clean() {
    let mock = MockCluster::new(3).expect("librdkafka starts its mock");
    mock.create_topic("orders", 6, 3).expect("the mock creates topics");
    let bootstrap = mock.bootstrap_servers();
    let producer = producer(&bootstrap, &[]).expect("a valid configuration");
    let delivered = send_range(&producer, "orders", 6, 0..10_000).await;
    assert_eq!(delivered.failed, []);
    let findings = tokio::task::spawn_blocking(move || {
        read_back(&bootstrap, "orders", 6, 10_000, Duration::from_secs(30)).expect("the mock answers")
    });
    let findings = findings.await.expect("reading does not panic");
    assert!(findings.is_clean() && findings.read == 10_000, "{findings}");
}

#[test]
fn a_lost_message_is_named() {
    assert_eq!(Findings::of(&[vec![0, 4], vec![1, 3, 5]], 6).missing, [2]);
}

#[test]
fn a_doubled_message_is_named() {
    let findings = Findings::of(&[vec![0, 2, 2], vec![1, 3]], 4);
    assert_eq!(
        (findings.unexpected, findings.missing, findings.read),
        (vec![2], vec![], 5)
    );
}

#[test]
fn a_message_behind_a_later_one_is_named() {
    assert_eq!(Findings::of(&[vec![2, 0], vec![1, 3]], 4).out_of_order, [0]);
}
