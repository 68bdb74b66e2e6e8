//! A member of a group that commits what it has processed before it lets partitions go.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{ClientContext, Message as _, Offset, TopicPartitionList};

/// How long a coordinator that is away is asked again.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often positions are committed besides.
const COMMIT_INTERVAL: Duration = Duration::from_millis(500);

/// What the members of one run have processed.
#[derive(Debug)]
pub struct Course {
    contents: Mutex<Vec<Vec<u64>>>,
    unclean: Mutex<Vec<String>>,
    processed: AtomicU64,
    slow: AtomicBool,
}

impl Course {
    /// Nothing yet of a topic with so many partitions. It starts slow.
    pub fn new(partitions: usize) -> Course {
        Course {
            contents: Mutex::new(vec![Vec::new(); partitions]),
            unclean: Mutex::default(),
            processed: AtomicU64::new(0),
            slow: AtomicBool::new(true),
        }
    }

    /// Lets members process as fast as they can; until then each takes a millisecond for a message.
    pub fn hurry(&self) {
        self.slow.store(false, Ordering::Relaxed);
    }

    /// How many messages were processed, repetitions included.
    pub fn processed(&self) -> u64 {
        self.processed.load(Ordering::Relaxed)
    }

    /// What was processed of each partition, in the order it was.
    pub fn contents(&self) -> Vec<Vec<u64>> {
        locked(&self.contents).clone()
    }

    /// Commits that failed before partitions were given up, in librdkafka's words.
    pub fn unclean(&self) -> Vec<String> {
        locked(&self.unclean).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a member that panicked has written down so far is still true.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A consumer on a thread of its own.
#[derive(Debug)]
pub struct Member {
    processed: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: JoinHandle<KafkaResult<()>>,
}

impl Member {
    /// Joins `group`, which has something committed for every partition, and processes `topic`, with the settings in
    /// `overrides` besides those that every member has.
    pub fn join(bootstrap: &str, group: &str, topic: &str, overrides: &[(&str, &str)], course: &Arc<Course>) -> Member {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            // Something has to be committed before. Where nothing is, librdkafka asks for the beginning itself, and may
            // go back to it when answers are late (interop/README.md).
            .set("auto.offset.reset", "error")
            .set("check.crcs", "true")
            .set("reconnect.backoff.max.ms", "200")
            .set("topic.metadata.refresh.fast.interval.ms", "100");
        for (key, value) in overrides {
            config.set(*key, *value);
        }
        let (processed, over) = (Arc::default(), Arc::default());
        let worker = Worker {
            topic: topic.to_owned(),
            course: Arc::clone(course),
            processed: Arc::clone(&processed),
            over: Arc::clone(&over),
        };
        Member {
            processed,
            over,
            thread: std::thread::spawn(move || worker.work(&config)),
        }
    }

    /// How many messages this member has processed.
    pub fn processed(&self) -> u64 {
        self.processed.load(Ordering::Relaxed)
    }

    /// Whether its thread has ended, which it does early only when it breaks down.
    pub fn is_gone(&self) -> bool {
        self.thread.is_finished()
    }

    /// Lets the member commit and leave, and waits until it has.
    ///
    /// # Errors
    ///
    /// What broke the member down.
    ///
    /// # Panics
    ///
    /// If the member has panicked.
    pub fn leave(self) -> KafkaResult<()> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("members do not panic")
    }
}

/// The inside of a [`Member`]'s thread.
struct Worker {
    topic: String,
    course: Arc<Course>,
    processed: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Worker {
    fn work(&self, config: &ClientConfig) -> KafkaResult<()> {
        let context = Positions {
            topic: self.topic.clone(),
            next: Mutex::default(),
            committed: Mutex::default(),
            course: Arc::clone(&self.course),
        };
        let consumer: BaseConsumer<Positions> = config.create_with_context(context)?;
        consumer.subscribe(&[&self.topic])?;
        let mut committed = Instant::now();
        let mut count = 0_u64;
        while !self.over.load(Ordering::Relaxed) {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let number = message.payload_view::<str>().and_then(Result::ok);
                    let number = number.and_then(|text| text.parse().ok());
                    let number = number.expect("values are decimal numbers");
                    self.process(consumer.context(), message.partition(), message.offset(), number);
                    count += 1;
                }
                Some(Err(
                    error @ (KafkaError::MessageConsumptionFatal(_)
                    | KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset)),
                )) => return Err(error),
                // Brokers may be restarting.
                Some(Err(_)) | None => {}
            }
            if count % 50 == 49 && self.course.slow.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
                count += 1;
            }
            if committed.elapsed() > COMMIT_INTERVAL {
                committed = Instant::now();
                // If this one fails the next one covers it.
                let _ = consumer.context().commit(&consumer, |_| true);
            }
        }
        // Not left to dropping the consumer: in the middle of a rebalance that leaves the group before it revokes.
        consumer.context().commit_last(&consumer, |_| true);
        Ok(())
    }

    fn process(&self, positions: &Positions, partition: i32, offset: i64, number: u64) {
        let index = usize::try_from(partition).expect("partitions are counted from 0");
        locked(&self.course.contents)[index].push(number);
        locked(&positions.next).insert(partition, offset + 1);
        self.processed.fetch_add(1, Ordering::Relaxed);
        self.course.processed.fetch_add(1, Ordering::Relaxed);
    }
}

/// What comes next in each partition that the member owns.
struct Positions {
    topic: String,
    next: Mutex<BTreeMap<i32, i64>>,
    committed: Mutex<BTreeMap<i32, i64>>,
    course: Arc<Course>,
}

impl Positions {
    /// Commits what is new of these partitions.
    fn commit(&self, consumer: &BaseConsumer<Positions>, wanted: impl Fn(i32) -> bool) -> KafkaResult<()> {
        let mut new = locked(&self.next).clone();
        let committed = locked(&self.committed).clone();
        new.retain(|partition, next| wanted(*partition) && committed.get(partition) != Some(next));
        if new.is_empty() {
            return Ok(());
        }
        let mut offsets = TopicPartitionList::new();
        for (partition, next) in &new {
            offsets
                .add_partition_offset(&self.topic, *partition, Offset::Offset(*next))
                .expect("offsets here are not negative");
        }
        consumer.commit(&offsets, CommitMode::Sync)?;
        locked(&self.committed).extend(new);
        Ok(())
    }

    /// The same; a coordinator that is away is asked again.
    fn commit_last(&self, consumer: &BaseConsumer<Positions>, wanted: impl Fn(i32) -> bool) {
        let started = Instant::now();
        while let Err(error) = self.commit(consumer, &wanted) {
            let out = matches!(
                error.rdkafka_error_code(),
                Some(
                    RDKafkaErrorCode::UnknownMemberId
                        | RDKafkaErrorCode::IllegalGeneration
                        | RDKafkaErrorCode::FencedMemberEpoch
                )
            );
            if out || started.elapsed() > PATIENCE {
                let next = locked(&self.next).clone();
                locked(&self.course.unclean).push(format!("{next:?} could not be committed: {error}"));
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl ClientContext for Positions {}

impl ConsumerContext for Positions {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Positions>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(revoked) = rebalance {
            let mut gone: Vec<i32> = revoked.elements().iter().map(|one| one.partition()).collect();
            gone.sort_unstable();
            let is_gone = |partition| gone.binary_search(&partition).is_ok();
            self.commit_last(consumer, is_gone);
            locked(&self.next).retain(|partition, _| !is_gone(*partition));
            locked(&self.committed).retain(|partition, _| !is_gone(*partition));
        }
    }
}
