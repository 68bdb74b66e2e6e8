//! The timers of one broker process, really removed when cancelled.

use std::time::Duration;

use kafka_sim_core::{Agenda, AgendaKey, BrokerId, SimTime};

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
    /// Time to see whether a fetcher's request got no answer.
    FetchTimeout(BrokerId),
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
pub(crate) type TimerKey = AgendaKey;

/// Timers by (time, order of setting).
#[derive(Clone, Default, Debug)]
pub(crate) struct Timers {
    due: Agenda<Timer>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: SimTime, timer: Timer) -> TimerKey {
        self.due.push(at, timer)
    }

    /// Sets a timer of something that happens again and again. An interval of nothing, which Kafka's configuration allows,
    /// would keep time from passing.
    pub(crate) fn set_after(&mut self, now: SimTime, interval: Duration, timer: Timer) -> TimerKey {
        self.set(now + interval.max(Duration::from_millis(1)), timer)
    }

    pub(crate) fn cancel(&mut self, key: TimerKey) {
        self.due.cancel(key);
    }

    #[inline]
    pub(crate) fn next_due(&self) -> Option<SimTime> {
        self.due.next_due()
    }

    pub(crate) fn pop_due(&mut self, now: SimTime) -> Option<Timer> {
        self.due.pop_due(now).map(|(_, timer)| timer)
    }
}
