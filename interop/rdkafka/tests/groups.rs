//! A group of librdkafka consumers processes every message once while members come and go and its coordinator is killed,
//! and group tooling tells the truth about it.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_sim::{Fault, Role, Server, Topic};
use kafka_sim_interop_rdkafka::{Course, FULL_SIZE, Findings, Member, producer, send_range};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const PARTITIONS: i32 = 6;
const TOPIC: &str = "orders";
/// No test here takes a tenth of it; a hanging one must not hang whoever runs the tests.
const BOUND: Duration = Duration::from_secs(240);
/// One step of a test takes at most that long.
const STEP: Duration = Duration::from_secs(40);
/// A third member or a new coordinator counts as working once each member has got this far with it.
const SHARE: u64 = 300;
/// What a server decides in the newer protocol.
const CLASSIC: [(&str, &str); 2] = [("heartbeat.interval.ms", "300"), ("session.timeout.ms", "20000")];

/// Brokers are declared dead after two seconds instead of nine, a group does not wait three seconds for members that
/// might still come, and members of the newer protocol are heard more often: time is real here.
async fn three_brokers() -> Server {
    let topic = Topic::named(TOPIC)
        .partitions(PARTITIONS)
        .replicas(3)
        .config("min.insync.replicas", "2");
    Server::builder()
        .brokers(3)
        .topic(topic)
        .config("broker.session.timeout.ms", "2000")
        .config("broker.heartbeat.interval.ms", "200")
        .config("group.initial.rebalance.delay.ms", "300")
        .config("group.consumer.min.heartbeat.interval.ms", "300")
        .config("group.consumer.heartbeat.interval.ms", "300")
        .start()
        .await
        .expect("three brokers start")
}

async fn fill(bootstrap: &str, messages: u64) {
    let producer = producer(bootstrap, &[]).expect("a valid configuration");
    let delivered = send_range(&producer, TOPIC, PARTITIONS, 0..messages).await;
    assert_eq!(delivered.failed, []);
}

async fn bounded<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, test)
        .await
        .expect("the test ends within its bound")
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < STEP, "{what}: not within {STEP:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every member gets on from where it is.
async fn everyone_goes_on(what: &str, members: &[&Member]) {
    let before: Vec<u64> = members.iter().map(|member| member.processed()).collect();
    eventually(what, || {
        assert!(
            !members.iter().any(|member| member.is_gone()),
            "{what}: a member broke down"
        );
        let reached = members.iter().zip(&before);
        reached
            .into_iter()
            .all(|(member, before)| member.processed() >= before + SHARE)
    })
    .await;
}

async fn all_run(server: &Server) -> bool {
    server.view().await.brokers.iter().all(|broker| broker.running)
}

/// Blocks; a consumer that asks without joining.
fn asking(bootstrap: &str, group: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create()
        .expect("a valid configuration")
}

/// What a group has committed, by partition; `None` where there is nothing.
async fn committed(bootstrap: &str, group: &str) -> KafkaResult<Vec<Option<i64>>> {
    let (bootstrap, group) = (bootstrap.to_owned(), group.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_range(TOPIC, 0, PARTITIONS - 1);
        let offsets = asking(&bootstrap, &group).committed_offsets(partitions, Duration::from_secs(10))?;
        let offsets = offsets.elements();
        Ok(offsets
            .iter()
            .map(|one| one.offset().to_raw().filter(|offset| *offset >= 0))
            .collect())
    });
    asked.await.expect("asking does not panic")
}

async fn processes_everything_once(settings: &'static [(&'static str, &'static str)]) {
    let server = three_brokers().await;
    let bootstrap = server.bootstrap_servers();
    fill(&bootstrap, FULL_SIZE).await;
    let group = "billing";
    let begun = reset(&bootstrap, group, 0..PARTITIONS, 0).await;
    assert_eq!(begun, Ok(()), "members look for nothing but what is committed");
    let course = Arc::new(Course::new(PARTITIONS as usize));
    let join = || Member::join(&bootstrap, group, TOPIC, settings, &course);

    let (first, second) = (join(), join());
    everyone_goes_on("two members work", &[&first, &second]).await;
    let third = join();
    everyone_goes_on("three members work", &[&first, &second, &third]).await;
    let outage = Duration::from_secs(3);
    let struck = server
        .inject_for(Fault::Kill(Role::coordinator_of(group)), outage)
        .await;
    assert_eq!(struck.len(), 1, "a group that works has one coordinator");
    everyone_goes_on("they work with another coordinator", &[&first, &second, &third]).await;
    while !all_run(&server).await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let leaving = tokio::task::spawn_blocking(|| third.leave());
    leaving
        .await
        .expect("leaving does not panic")
        .expect("the third member did not break down");
    everyone_goes_on("the others take over", &[&first, &second]).await;
    assert!(
        course.processed() < FULL_SIZE,
        "all of this has to happen before the last message"
    );
    course.hurry();
    eventually("everything is processed", || course.processed() >= FULL_SIZE).await;
    let leaving = tokio::task::spawn_blocking(|| [first.leave(), second.leave()]);
    for left in leaving.await.expect("leaving does not panic") {
        left.expect("no member broke down");
    }

    let none: [String; 0] = [];
    assert_eq!(course.unclean(), none);
    let findings = Findings::of(&course.contents(), FULL_SIZE);
    assert!(findings.is_clean() && findings.read == FULL_SIZE, "{findings}");
    let ends: Vec<Option<i64>> = course
        .contents()
        .iter()
        .map(|numbers| i64::try_from(numbers.len()).ok())
        .collect();
    assert_eq!(committed(&bootstrap, group).await, Ok(ends.clone()));
    assert_eq!(server.inject(Fault::Restart(Role::AllBrokers)).await.len(), 3);
    let started = Instant::now();
    while committed(&bootstrap, group).await.as_ref() != Ok(&ends) {
        assert!(
            started.elapsed() < STEP,
            "what was committed has survived a restart of every broker"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_classic_group_processes_every_message_once_while_its_coordinator_dies() {
    bounded(processes_everything_once(&CLASSIC)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_the_newer_protocol_does_too() {
    bounded(processes_everything_once(&[("group.protocol", "consumer")])).await;
}

/// State, protocol and number of members, as librdkafka lists a group; `None` if it does not.
async fn listed(bootstrap: &str, group: &str) -> Option<(String, String, usize)> {
    let (bootstrap, group) = (bootstrap.to_owned(), group.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        let all = asking(&bootstrap, "asking")
            .fetch_group_list(None, Duration::from_secs(10))
            .expect("brokers answer");
        let found = all.groups().iter().find(|found| found.name() == group)?;
        Some((
            found.state().to_owned(),
            found.protocol().to_owned(),
            found.members().len(),
        ))
    });
    asked.await.expect("asking does not panic")
}

/// Commits for a group without being a member of it.
async fn reset(bootstrap: &str, group: &str, partitions: Range<i32>, offset: i64) -> KafkaResult<()> {
    let (bootstrap, group) = (bootstrap.to_owned(), group.to_owned());
    let resetting = tokio::task::spawn_blocking(move || {
        let mut offsets = TopicPartitionList::new();
        for partition in partitions {
            offsets.add_partition_offset(TOPIC, partition, Offset::Offset(offset))?;
        }
        asking(&bootstrap, &group).commit(&offsets, CommitMode::Sync)
    });
    resetting.await.expect("resetting does not panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tooling_lists_describes_resets_and_deletes_a_group() {
    bounded(async {
        let server = three_brokers().await;
        let bootstrap = server.bootstrap_servers();
        fill(&bootstrap, 600).await;
        let group = "tooled";
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &bootstrap)
            .create()
            .expect("a valid configuration");
        let delete = async || {
            let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(10)));
            let mut deleted = admin.delete_groups(&[group], &options).await.expect("brokers answer");
            deleted
                .pop()
                .expect("one answer for one group")
                .map_err(|(_, code)| code)
        };
        assert_eq!(listed(&bootstrap, group).await, None);
        assert_eq!(reset(&bootstrap, group, 0..PARTITIONS, 0).await, Ok(()));

        let course = Arc::new(Course::new(PARTITIONS as usize));
        let members: Vec<Member> = (0..2)
            .map(|_| Member::join(&bootstrap, group, TOPIC, &CLASSIC, &course))
            .collect();
        eventually("everything is processed", || course.processed() == 600).await;
        let stable = ("Stable".to_owned(), "range".to_owned(), 2);
        assert_eq!(listed(&bootstrap, group).await, Some(stable));
        let refused = KafkaError::ConsumerCommit(RDKafkaErrorCode::UnknownMemberId);
        assert_eq!(reset(&bootstrap, group, 0..1, 7).await, Err(refused));
        assert_eq!(delete().await, Err(RDKafkaErrorCode::NonEmptyGroup));

        let leaving = tokio::task::spawn_blocking(|| members.into_iter().try_for_each(Member::leave));
        leaving
            .await
            .expect("leaving does not panic")
            .expect("no member broke down");
        let empty = ("Empty".to_owned(), String::new(), 0);
        assert_eq!(listed(&bootstrap, group).await, Some(empty));
        assert_eq!(committed(&bootstrap, group).await, Ok(vec![Some(100); 6]));
        assert_eq!(reset(&bootstrap, group, 0..1, 7).await, Ok(()));
        let after: Vec<Option<i64>> = [7, 100, 100, 100, 100, 100].map(Some).into();
        assert_eq!(committed(&bootstrap, group).await, Ok(after));

        assert_eq!(delete().await, Ok(group.to_owned()));
        assert_eq!(listed(&bootstrap, group).await, None);
        assert_eq!(committed(&bootstrap, group).await, Ok(vec![None; 6]));
        assert_eq!(delete().await, Err(RDKafkaErrorCode::GroupIdNotFound));
    })
    .await;
}
