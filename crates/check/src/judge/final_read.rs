//! The final read of each partition.

use crate::history::{FOREIGN, History, Step};

/// What the final reader of a partition found there.
#[derive(Clone, Debug)]
pub(crate) struct FinalRead {
    /// When it reached the end.
    pub(crate) at: u64,
    /// Below this offset records were removed on purpose.
    pub(crate) log_start: i64,
    /// The messages in the order of reading, repetitions included, without foreign bytes.
    pub(crate) messages: Vec<u32>,
    /// The same with their offsets, sorted.
    sorted: Vec<(u32, i64)>,
}

impl FinalRead {
    pub(crate) fn contains(&self, message: u32) -> bool {
        let from = self.sorted.partition_point(|(found, _)| *found < message);
        self.sorted.get(from).is_some_and(|(found, _)| *found == message)
    }

    /// Whether the message is there to stay: it was found at this offset, or removed from there on purpose.
    pub(crate) fn keeps(&self, message: u32, offset: i64) -> bool {
        offset < self.log_start || self.sorted.binary_search(&(message, offset)).is_ok()
    }
}

/// The final reads of all partitions that have one, by log.
#[derive(Clone, Debug)]
pub(crate) struct FinalReads(Vec<Option<FinalRead>>);

impl FinalReads {
    pub(crate) fn of(history: &History) -> FinalReads {
        let mut last_end = vec![None; history.log_count()];
        for (number, end) in history.ends().iter().enumerate() {
            last_end[end.log as usize] = Some(number);
        }
        let mut found: Vec<Vec<(u32, i64)>> = vec![Vec::new(); history.log_count()];
        let mut finals: Vec<Option<FinalRead>> = vec![None; history.log_count()];
        // Whether this reader is the one whose read of the log is final, and still under way.
        let is_final = |finals: &[Option<FinalRead>], log: u32, reader: u32| {
            finals[log as usize].is_none()
                && last_end[log as usize].is_some_and(|end| history.ends()[end].reader == reader)
        };
        for step in history.steps() {
            match *step {
                Step::Read(read) => {
                    let read = history.reads()[read as usize];
                    if read.message != FOREIGN && is_final(&finals, read.log, read.reader) {
                        found[read.log as usize].push((read.message, read.offset));
                    }
                }
                Step::Repositioned { log, reader, .. } if is_final(&finals, log, reader) => {
                    found[log as usize].clear();
                }
                Step::End(number) => {
                    let end = history.ends()[number as usize];
                    if last_end[end.log as usize] == Some(number as usize) {
                        let mut sorted = std::mem::take(&mut found[end.log as usize]);
                        let messages = sorted.iter().map(|(message, _)| *message).collect();
                        sorted.sort_unstable();
                        finals[end.log as usize] = Some(FinalRead {
                            at: end.at,
                            log_start: end.log_start,
                            messages,
                            sorted,
                        });
                    }
                }
                _ => {}
            }
        }
        FinalReads(finals)
    }

    pub(crate) fn get(&self, log: u32) -> Option<&FinalRead> {
        self.0[log as usize].as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &FinalRead)> {
        (0..).zip(&self.0).filter_map(|(log, read)| Some((log, read.as_ref()?)))
    }
}
