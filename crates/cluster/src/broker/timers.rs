//! The timers of one broker process, really removed when cancelled.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_sim_core::{BrokerId, SimTime};

use crate::peer::Tp;

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// A parked produce or fetch reaches its time-out.
    Purgatory(u64),
    /// The parked fetch of a follower reaches its time-out.
    FollowerWait(BrokerId),
    /// A leader's own log end counts towards the high watermark again: its fsync is done.
    LeaderFlushed(Tp),
    /// Heartbeat to the controller.
    Heartbeat,
    /// No answer from the controller to this request.
    ControllerTimeout(u64),
    /// Stop without the controller's permission.
    StopAnyway,
    /// Register again.
    Register,
    /// Look for followers that lag (every `replica.lag.time.max.ms` / 2).
    IsrShrink,
    /// Send queued AlterPartition proposals.
    AlterPartition,
    /// A fetcher may fetch from this leader again.
    Fetch(BrokerId),
    /// A fetcher's request got no answer.
    FetchTimeout(BrokerId, u64),
    /// `replica.high.watermark.checkpoint.interval.ms`
    HighWatermarkCheckpoint,
    /// `log.flush.offset.checkpoint.interval.ms` and `log.flush.start.offset.checkpoint.interval.ms`
    RecoveryPointCheckpoint,
    /// `log.flush.scheduler.interval.ms`
    FlushScheduler,
    /// `log.retention.check.interval.ms`
    Retention,
    /// A cleaner thread goes on.
    LogCleaner(i32),
    /// `producer.id.expiration.check.interval.ms`
    ProducerExpiry,
    /// Close connections that were idle for `connections.max.idle.ms`.
    IdleConnections,
    /// Something is due in this shard of the group coordinator.
    GroupShard(i32),
}

/// Identifies a set timer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TimerKey(SimTime, u64);

/// Timers by (time, order of setting).
#[derive(Clone, Default, Debug)]
pub(crate) struct Timers {
    due: BTreeMap<TimerKey, Timer>,
    set: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, at: SimTime, timer: Timer) -> TimerKey {
        self.set += 1;
        let key = TimerKey(at, self.set);
        self.due.insert(key, timer);
        key
    }

    /// Sets a timer of something that happens again and again. An interval of nothing, which Kafka's configuration allows,
    /// would keep time from passing.
    pub(crate) fn set_after(&mut self, now: SimTime, interval: Duration, timer: Timer) -> TimerKey {
        self.set(now + interval.max(Duration::from_millis(1)), timer)
    }

    pub(crate) fn cancel(&mut self, key: TimerKey) {
        self.due.remove(&key);
    }

    pub(crate) fn next_due(&self) -> Option<SimTime> {
        self.due.first_key_value().map(|(key, _)| key.0)
    }

    pub(crate) fn pop_due(&mut self, now: SimTime) -> Option<Timer> {
        let entry = self.due.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}
