//! A compacted log and somebody who cleans it.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_sim_core::Offset;
use kafka_sim_core::batch::{Batch, BatchBuilder, BatchOptions, Record};

use super::support::*;
use crate::disk::WriteBack;
use crate::log::{AppendOrigin, Cleanable, Cleaned, Cleaning, CleaningError, LogConfig};

pub(super) struct Compacted {
    pub(super) bench: Bench,
    pub(super) cleaned_to: Option<Offset>,
    pub(super) max_keys: usize,
}

/// `cleanup.policy=compact`, and everything that is dirty is cleaned at once.
pub(super) fn compacting() -> LogConfig {
    LogConfig {
        cleanup_compact: true,
        cleanup_delete: false,
        min_cleanable_dirty_millionths: 0,
        ..LogConfig::default()
    }
}

impl Compacted {
    pub(super) fn new(config: LogConfig) -> Self {
        Compacted {
            bench: Bench::on(WriteBack::Never, config),
            cleaned_to: None,
            max_keys: usize::MAX,
        }
    }

    /// Appends one record in a batch of its own; without a value it is a tombstone.
    pub(super) fn put(&mut self, key: &str, value: Option<&str>) -> Offset {
        let records = keyed(BatchOptions::default(), self.bench.now_ms, &[(key, value)]);
        self.bench.append(records).first_offset
    }

    pub(super) fn put_all(&mut self, pairs: &[(&str, &str)]) {
        for (key, value) in pairs {
            self.put(key, Some(value));
        }
    }

    /// Appends what only a coordinator may.
    pub(super) fn coordinate(&mut self, records: Bytes) {
        let bench = &mut self.bench;
        let (now, now_ms) = (bench.now, bench.now_ms);
        bench
            .log
            .append_as_leader(&mut bench.disk, records, 0, now, now_ms, AppendOrigin::Coordinator)
            .unwrap();
    }

    /// Closes the active segment and waits until it is on the platter.
    pub(super) fn roll(&mut self) {
        let bench = &mut self.bench;
        let end = bench.log.log_end_offset();
        bench.log.roll(&mut bench.disk, end, bench.now, bench.now_ms);
        bench.sleep(std::time::Duration::from_millis(10));
    }

    pub(super) fn range(&self) -> Cleanable {
        let log = &self.bench.log;
        log.cleanable(self.cleaned_to, log.log_end_offset(), self.bench.now_ms)
    }

    pub(super) fn begin(&mut self) -> Result<Cleaning, CleaningError> {
        let range = self.range();
        let bench = &mut self.bench;
        bench
            .log
            .begin_cleaning(&mut bench.disk, &range, self.max_keys, bench.now, bench.now_ms)
    }

    pub(super) fn step(&mut self) -> Result<Cleaning, CleaningError> {
        let bench = &mut self.bench;
        bench.log.continue_cleaning(&mut bench.disk, bench.now)
    }

    pub(super) fn try_clean(&mut self) -> Result<Cleaned, CleaningError> {
        let mut step = self.begin()?;
        loop {
            match step {
                Cleaning::Waits(until) => self.bench.now = until,
                Cleaning::Done(cleaned) => {
                    self.cleaned_to = Some(cleaned.to);
                    return Ok(cleaned);
                }
            }
            step = self.step()?;
        }
    }

    pub(super) fn clean(&mut self) -> Cleaned {
        self.try_clean().unwrap()
    }

    /// Offset, key and value of every record.
    pub(super) fn records(&self) -> Vec<(Offset, String, Option<String>)> {
        records_of(&self.bench.all())
    }

    pub(super) fn offsets(&self) -> Vec<Offset> {
        self.records().iter().map(|(offset, ..)| *offset).collect()
    }

    /// What a reader of the whole log ends up with.
    pub(super) fn state(&self) -> BTreeMap<String, String> {
        let mut state = BTreeMap::new();
        for (_, key, value) in self.records() {
            match value {
                Some(value) => state.insert(key, value),
                None => state.remove(&key),
            };
        }
        state
    }
}

pub(super) fn keyed(options: BatchOptions, timestamp: i64, pairs: &[(&str, Option<&str>)]) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for (key, value) in pairs {
        builder.append(timestamp, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
    }
    builder.build().unwrap()
}

pub(super) fn records_of(batches: &[Batch]) -> Vec<(Offset, String, Option<String>)> {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    let data = batches.iter().filter(|batch| !batch.header.is_control());
    let records = data.flat_map(|batch| batch.records(1 << 20).unwrap());
    let plain = |record: Record| {
        let key = text(&record.key.expect("compacted logs have keys"));
        (record.offset, key, record.value.as_ref().map(text))
    };
    records.map(plain).collect()
}
