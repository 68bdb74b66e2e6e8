//! Counts marks and says which waiting triggers are reached.

use kafka_sim_core::BrokerId;
use uuid::Uuid;

use crate::event::Event;
use crate::mark::{MarkKind, MarkName, MarkSubject};

/// Counts marks. Totals are kept for every kind; single partitions are watched only while a trigger waits for them, so
/// that an unwatched event costs a comparison or two.
#[derive(Clone, Debug, Default)]
pub struct MarkCounter {
    totals: [u64; MarkName::ALL.len()],
    watches: Vec<Watch>,
}

#[derive(Clone, Debug)]
struct Watch {
    name: MarkName,
    mark: MarkKind,
    left: u32,
    trigger: usize,
}

impl MarkCounter {
    /// Nothing counted, nothing awaited.
    pub fn new() -> MarkCounter {
        MarkCounter::default()
    }

    /// Reports `trigger` on the `n`-th occurrence of `mark` counted from now; 0 is read as 1.
    pub fn arm(&mut self, mark: MarkKind, n: u32, trigger: usize) {
        self.watches.push(Watch {
            name: mark.name(),
            mark,
            left: n.max(1),
            trigger,
        });
    }

    /// Counts the marks of `event` and appends the triggers that are reached to `reached`, in the order they were
    /// armed. `name_of` tells the name of a topic by its id; a deleted topic has none and reaches nothing.
    pub fn observe<'a>(&mut self, event: &Event, name_of: impl Fn(Uuid) -> Option<&'a str>, reached: &mut Vec<usize>) {
        for (name, subject) in event.marks() {
            self.totals[name as usize] += 1;
            if self.watches.iter().any(|watch| watch.name == name) {
                self.count_watched(name, subject, &name_of, reached);
            }
        }
    }

    fn count_watched<'a>(
        &mut self,
        name: MarkName,
        subject: MarkSubject,
        name_of: &impl Fn(Uuid) -> Option<&'a str>,
        reached: &mut Vec<usize>,
    ) {
        let resolved = match subject {
            MarkSubject::Broker(broker) => Resolved::Broker(broker),
            MarkSubject::Partition(tp) => match name_of(tp.topic) {
                Some(topic) => Resolved::Partition(topic, tp.partition),
                None => return,
            },
        };
        self.watches.retain_mut(|watch| {
            if watch.name == name && resolved.is(&watch.mark) {
                watch.left -= 1;
                if watch.left == 0 {
                    reached.push(watch.trigger);
                }
            }
            watch.left > 0
        });
    }

    /// How often `name` has occurred since the start, over all partitions and brokers.
    pub fn total(&self, name: MarkName) -> u64 {
        self.totals[name as usize]
    }

    /// How often each mark has occurred, in the order of [`MarkName::ALL`].
    pub fn totals(&self) -> &[u64] {
        &self.totals
    }

    /// How many triggers still wait.
    pub fn waiting(&self) -> usize {
        self.watches.len()
    }
}

enum Resolved<'a> {
    Partition(&'a str, i32),
    Broker(BrokerId),
}

impl Resolved<'_> {
    fn is(&self, mark: &MarkKind) -> bool {
        match self {
            Resolved::Partition(topic, partition) => mark.partition() == Some((topic, *partition)),
            Resolved::Broker(broker) => mark.broker() == Some(*broker),
        }
    }
}
