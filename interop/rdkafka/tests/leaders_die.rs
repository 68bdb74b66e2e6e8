//! A librdkafka producer with acks=all and idempotence keeps every acknowledged message while leaders are killed and
//! restarted under it, and the twin that waits for the leader alone loses them.

use std::time::Duration;

use kafka_sim::{Fault, Peer, Role, Server, Topic};
use kafka_sim_interop_rdkafka::{FULL_SIZE, Findings, producer, read_back, send_range};
use rdkafka::consumer::{BaseConsumer, Consumer as _};

const PARTITIONS: i32 = 6;
/// No test here takes a tenth of it; a hanging one must not hang whoever runs the tests.
const BOUND: Duration = Duration::from_secs(240);

async fn three_brokers() -> Server {
    let topic = Topic::named("orders")
        .partitions(PARTITIONS)
        .replicas(3)
        .config("min.insync.replicas", "2");
    Server::builder()
        .brokers(3)
        .topic(topic)
        .start()
        .await
        .expect("three brokers start")
}

/// The broker that leads a partition of `orders`, as a client sees it.
async fn leader_of(bootstrap: &str, partition: i32) -> i32 {
    let bootstrap = bootstrap.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let client: BaseConsumer = rdkafka::ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .create()
            .expect("a valid configuration");
        let metadata = client
            .fetch_metadata(Some("orders"), Duration::from_secs(30))
            .expect("brokers answer");
        let topic = metadata.topics().first().expect("the topic exists");
        let partition = topic.partitions().iter().find(|found| found.id() == partition);
        partition.expect("the partition exists").leader()
    });
    asked.await.expect("asking does not panic")
}

async fn read(bootstrap: &str, partitions: i32, sent: u64) -> Findings {
    let bootstrap = bootstrap.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        read_back(&bootstrap, "orders", partitions, sent, Duration::from_secs(90)).expect("brokers answer")
    });
    reading.await.expect("reading does not panic")
}

async fn bounded<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, test)
        .await
        .expect("the test ends within its bound")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_messages_are_read_back_by_assignment() {
    bounded(async {
        let server = three_brokers().await;
        let bootstrap = server.bootstrap_servers();
        let producer = producer(&bootstrap, &[]).expect("a valid configuration");
        let delivered = send_range(&producer, "orders", PARTITIONS, 0..FULL_SIZE).await;
        assert_eq!(delivered.failed, []);
        let findings = read(&bootstrap, PARTITIONS, FULL_SIZE).await;
        assert!(findings.is_clean() && findings.read == FULL_SIZE, "{findings}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_while_leaders_are_killed_and_restarted() {
    bounded(async {
        let server = three_brokers().await;
        let bootstrap = server.bootstrap_servers();
        let producer = producer(&bootstrap, &[]).expect("a valid configuration");
        let sending = tokio::spawn(async move {
            let mut failed = Vec::new();
            // Waves keep messages in flight over the whole time in which leaders die.
            for wave in 0..20 {
                let numbers = wave * FULL_SIZE / 20..(wave + 1) * FULL_SIZE / 20;
                failed.extend(send_range(&producer, "orders", PARTITIONS, numbers).await.failed);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            failed
        });
        for partition in [0, 3] {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let killed = leader_of(&bootstrap, partition).await;
            server.inject(Fault::Kill(Role::leader_of("orders", partition))).await;
            tokio::time::sleep(Duration::from_millis(1_000)).await;
            server.inject(Fault::Restart(Role::broker(killed))).await;
        }
        assert_eq!(
            sending.await.expect("sending does not panic"),
            [],
            "the client gave up on messages"
        );
        let findings = read(&bootstrap, PARTITIONS, FULL_SIZE).await;
        assert!(findings.is_clean() && findings.read == FULL_SIZE, "{findings}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acks_one_loses_what_no_follower_had_when_the_leader_dies() {
    bounded(async {
        let topic = Topic::named("orders").partitions(1).replicas(3);
        let server = Server::builder()
            .brokers(3)
            .topic(topic)
            .start()
            .await
            .expect("three brokers start");
        let bootstrap = server.bootstrap_servers();
        let producer = producer(&bootstrap, &[("acks", "1"), ("enable.idempotence", "false")]).expect("valid");
        assert_eq!(send_range(&producer, "orders", 1, 0..100).await.failed, []);
        // Long enough for the followers to have them, far less than until they are put out of the ISR.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let leader = leader_of(&bootstrap, 0).await;
        for nth in 0..2 {
            let follower = Role::follower_of("orders", 0, nth);
            server
                .inject(Fault::BlackHole {
                    from: Peer::from(Role::broker(leader)),
                    to: Peer::from(follower),
                })
                .await;
        }
        assert_eq!(send_range(&producer, "orders", 1, 100..200).await.failed, []);
        server.inject(Fault::Kill(Role::leader_of("orders", 0))).await;
        while [-1, leader].contains(&leader_of(&bootstrap, 0).await) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let findings = read(&bootstrap, 1, 200).await;
        assert_eq!(findings.missing, (100..200).collect::<Vec<_>>(), "{findings}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_batches_come_back_as_they_were_sent() {
    bounded(async {
        for codec in ["gzip", "snappy", "lz4"] {
            let server = three_brokers().await;
            let bootstrap = server.bootstrap_servers();
            let producer = producer(&bootstrap, &[("compression.type", codec)]).expect("a valid configuration");
            assert_eq!(
                send_range(&producer, "orders", PARTITIONS, 0..10_000).await.failed,
                [],
                "{codec}"
            );
            let findings = read(&bootstrap, PARTITIONS, 10_000).await;
            assert!(findings.is_clean(), "{codec}: {findings}");
        }
    })
    .await;
}
