//! Histories in few words, for tests. One topic, and a clock that ticks with every observation.

use crate::{Completion, History, MessageId, Observation};
use std::collections::BTreeMap;

/// A history under construction.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) history: History,
    clock: u64,
    sequences: BTreeMap<(u32, i32), u64>,
}

impl Script {
    pub(crate) fn new() -> Script {
        Script::default()
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    pub(crate) fn sent(self, producer: u32, partition: i32, id: u64) -> Script {
        self.sent_with(producer, partition, id, |_| {})
    }

    pub(crate) fn keyed(self, producer: u32, partition: i32, id: u64, the_key: u64) -> Script {
        self.sent_with(producer, partition, id, |sent| {
            if let Observation::Sent { key, .. } = sent {
                *key = Some(the_key);
            }
        })
    }

    pub(crate) fn sent_with(
        mut self,
        producer: u32,
        partition: i32,
        id: u64,
        change: impl FnOnce(&mut Observation),
    ) -> Script {
        let next = self.sequences.entry((producer, partition)).or_default();
        let sequence = *next;
        *next += 1;
        let mut sent = Observation::Sent {
            at: self.tick(),
            producer,
            message: MessageId(id),
            topic: "orders".into(),
            partition: Some(partition),
            key: None,
            sequence,
            business: None,
            resend_of: None,
        };
        change(&mut sent);
        self.history.record(sent);
        self
    }

    pub(crate) fn compacted(mut self) -> Script {
        let at = self.tick();
        let topic = "orders".into();
        self.history.record(Observation::Compacted { at, topic });
        self
    }

    /// Acknowledged in the partition that was asked for, or in 0.
    pub(crate) fn acked(mut self, id: u64, offset: impl Into<Option<i64>>) -> Script {
        let partition = self
            .history
            .message(MessageId(id))
            .and_then(|message| message.partition)
            .unwrap_or(0);
        let at = self.tick();
        self.history.record(Observation::Acked {
            at,
            message: MessageId(id),
            partition,
            offset: offset.into(),
        });
        self
    }

    pub(crate) fn refused(mut self, id: u64) -> Script {
        let at = self.tick();
        self.history.record(Observation::Refused {
            at,
            message: MessageId(id),
            error: "MESSAGE_TOO_LARGE".into(),
        });
        self
    }

    pub(crate) fn unknown(mut self, id: u64) -> Script {
        let at = self.tick();
        self.history.record(Observation::Unknown {
            at,
            message: MessageId(id),
            error: "REQUEST_TIMED_OUT".into(),
        });
        self
    }

    pub(crate) fn poll(mut self, reader: u32, completion: Completion) -> Script {
        let at = self.tick();
        self.history.record(Observation::Poll { at, reader, completion });
        self
    }

    pub(crate) fn repositioned(mut self, reader: u32, partition: i32) -> Script {
        let at = self.tick();
        self.history.record(Observation::Repositioned {
            at,
            reader,
            topic: "orders".into(),
            partition,
        });
        self
    }

    pub(crate) fn read(mut self, reader: u32, partition: i32, offset: i64, id: impl Into<Option<u64>>) -> Script {
        let at = self.tick();
        self.history.record(Observation::Read {
            at,
            reader,
            topic: "orders".into(),
            partition,
            offset,
            message: id.into().map(MessageId),
            leader_epoch: None,
        });
        self
    }

    /// Reader 0 reads these messages from offset 0 on and reaches the end of the partition.
    pub(crate) fn final_read(mut self, partition: i32, ids: &[u64]) -> Script {
        for (offset, &id) in (0..).zip(ids) {
            self = self.read(0, partition, offset, id);
        }
        self.end(0, partition, 0, ids.len() as i64)
    }

    pub(crate) fn end(mut self, reader: u32, partition: i32, log_start: i64, offset: i64) -> Script {
        let at = self.tick();
        self.history.record(Observation::EndOfRead {
            at,
            reader,
            topic: "orders".into(),
            partition,
            log_start,
            offset,
        });
        self
    }

    /// Every observation that the caller makes of the instant.
    fn observe(mut self, observation: impl FnOnce(u64) -> Observation) -> Script {
        let at = self.tick();
        self.history.record(observation(at));
        self
    }

    pub(crate) fn joined(self, reader: u32, group: &str) -> Script {
        let group = group.into();
        self.observe(|at| Observation::Joined { at, reader, group })
    }

    pub(crate) fn owned(self, reader: u32, partition: i32) -> Script {
        let topic = "orders".into();
        self.observe(|at| Observation::Owned {
            at,
            reader,
            topic,
            partition,
        })
    }

    pub(crate) fn released(self, reader: u32, partition: i32) -> Script {
        let topic = "orders".into();
        self.observe(|at| Observation::Released {
            at,
            reader,
            topic,
            partition,
        })
    }

    pub(crate) fn processed(self, reader: u32, partition: i32, offset: i64, id: impl Into<Option<u64>>) -> Script {
        let (topic, message) = ("orders".into(), id.into().map(MessageId));
        self.observe(|at| Observation::Processed {
            at,
            reader,
            topic,
            partition,
            offset,
            message,
        })
    }

    pub(crate) fn effect(self, reader: u32, id: u64) -> Script {
        let message = MessageId(id);
        self.observe(|at| Observation::Effect { at, reader, message })
    }

    pub(crate) fn commit_sent(self, reader: u32, partition: i32, offset: i64) -> Script {
        let topic = "orders".into();
        self.observe(|at| Observation::CommitSent {
            at,
            reader,
            topic,
            partition,
            offset,
        })
    }

    pub(crate) fn committed(self, reader: u32, partition: i32, offset: i64, completion: Completion) -> Script {
        let topic = "orders".into();
        self.observe(|at| Observation::Committed {
            at,
            reader,
            topic,
            partition,
            offset,
            completion,
        })
    }

    /// A commit that is sent and succeeds at once.
    pub(crate) fn commit(self, reader: u32, partition: i32, offset: i64) -> Script {
        self.commit_sent(reader, partition, offset)
            .committed(reader, partition, offset, Completion::Ok)
    }

    pub(crate) fn died(self, reader: u32) -> Script {
        self.observe(|at| Observation::Died { at, reader })
    }

    pub(crate) fn settled(self, group: &str, caught_up: bool) -> Script {
        let group = group.into();
        self.observe(|at| Observation::GroupSettled { at, group, caught_up })
    }
}
