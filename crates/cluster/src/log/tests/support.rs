//! A log on a disk, and batches to put into it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_sim_core::batch::{Batch, BatchBuilder, BatchOptions, Codec};
use kafka_sim_core::{Offset, Seed, SimTime};

use crate::disk::{Disk, DiskConfig, Survivors, WriteBack};
use crate::log::{AppendError, AppendOrigin, Appended, Log, LogConfig, OpenOptions, RecoveryReport};

pub(super) const NOW_MS: i64 = 1_700_000_000_000;
pub(super) const DIR: &str = "orders-0";

pub(super) struct Bench {
    pub(super) disk: Disk,
    pub(super) log: Log,
    pub(super) now: SimTime,
    pub(super) now_ms: i64,
}

impl Bench {
    pub(super) fn new(config: LogConfig) -> Self {
        Bench::on(WriteBack::Never, config)
    }

    pub(super) fn on(write_back: WriteBack, config: LogConfig) -> Self {
        let disk_config = DiskConfig {
            write_back,
            sync_latency: Duration::from_millis(2),
            capacity_bytes: None,
        };
        let mut disk = Disk::new(disk_config);
        let (log, _) = Log::open(&mut disk, DIR, config, options(true, 0, SimTime::ZERO)).unwrap();
        Bench {
            disk,
            log,
            now: SimTime::ZERO,
            now_ms: NOW_MS,
        }
    }

    pub(super) fn try_append(&mut self, records: Bytes, epoch: i32) -> Result<Appended, AppendError> {
        self.log.append_as_leader(
            &mut self.disk,
            records,
            epoch,
            self.now,
            self.now_ms,
            AppendOrigin::Client,
        )
    }

    pub(super) fn append(&mut self, records: Bytes) -> Appended {
        self.try_append(records, 0).unwrap()
    }

    /// Appends batches of one record each.
    pub(super) fn fill(&mut self, batches: usize) {
        for _ in 0..batches {
            self.append(records(1));
        }
    }

    pub(super) fn sleep(&mut self, duration: Duration) {
        self.now += duration;
        self.now_ms += i64::try_from(duration.as_millis()).unwrap();
    }

    pub(super) fn flush(&mut self) {
        self.now = self.log.flush(&mut self.disk, self.now).unwrap();
        self.log.settle(self.now);
    }

    /// The process dies and starts again with this recovery point in its checkpoint.
    pub(super) fn kill(&mut self, recovery_point: Offset) -> RecoveryReport {
        let mut options = options(false, recovery_point, self.now);
        options.now_ms = self.now_ms;
        let (log, report) = Log::open(&mut self.disk, DIR, self.log.config().clone(), options).unwrap();
        self.log = log;
        report
    }

    pub(super) fn power_loss(&mut self, survivors: Survivors, seed: u64) -> RecoveryReport {
        self.disk
            .power_loss(self.now, survivors, &mut Seed(seed).stream("disk", 0));
        self.kill(0)
    }

    pub(super) fn stop_and_start(&mut self) {
        self.now = self.log.close_clean(&mut self.disk, self.now).unwrap();
        let mut options = options(true, self.log.recovery_point(), self.now);
        options.log_start = self.log.log_start_offset();
        options.now_ms = self.now_ms;
        self.log = Log::open(&mut self.disk, DIR, self.log.config().clone(), options)
            .unwrap()
            .0;
    }

    /// Everything from the log start on.
    pub(super) fn all(&self) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut next = self.log.log_start_offset();
        loop {
            let read = self.log.read(next, usize::MAX, Offset::MAX, true).unwrap();
            let Some(last) = read.batches.last() else {
                return batches;
            };
            next = last.header.next_offset();
            batches.extend(read.batches);
        }
    }

    pub(super) fn files(&self, suffix: &str) -> Vec<String> {
        let prefix = format!("{DIR}/");
        let names = self.disk.list(&prefix);
        names
            .iter()
            .filter_map(|path| path.strip_prefix(&prefix))
            .filter(|n| n.ends_with(suffix))
            .map(str::to_owned)
            .collect()
    }
}

pub(super) fn options(clean: bool, recovery_point: Offset, now: SimTime) -> OpenOptions {
    OpenOptions {
        clean,
        recovery_point,
        log_start: 0,
        now,
        now_ms: NOW_MS,
    }
}

/// A batch of `count` records with keys.
pub(super) fn records(count: usize) -> Bytes {
    stamped(&vec![NOW_MS; count])
}

/// A batch with these timestamps.
pub(super) fn stamped(timestamps: &[i64]) -> Bytes {
    with(BatchOptions::default(), timestamps)
}

pub(super) fn with(options: BatchOptions, timestamps: &[i64]) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for timestamp in timestamps {
        builder.append(*timestamp, Some(b"key"), Some(b"value"), &[]);
    }
    builder.build().unwrap()
}

pub(super) fn compressed(codec: Codec, count: usize) -> Bytes {
    with(
        BatchOptions {
            codec,
            ..BatchOptions::default()
        },
        &vec![NOW_MS; count],
    )
}

/// A batch of an idempotent producer.
pub(super) fn sequenced(producer_id: i64, producer_epoch: i16, base_sequence: i32, count: usize) -> Bytes {
    let options = BatchOptions {
        producer_id,
        producer_epoch,
        base_sequence,
        ..BatchOptions::default()
    };
    with(options, &vec![NOW_MS; count])
}

/// A batch that is `size` bytes long.
pub(super) fn sized(size: usize) -> Bytes {
    let near = valued(size - 80);
    let exact = valued(size - 80 + (size - near.len()));
    assert_eq!(exact.len(), size);
    exact
}

/// A batch of one record whose value has that many bytes.
pub(super) fn valued(size: usize) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(NOW_MS, None, Some(&vec![7; size]), &[]);
    builder.build().unwrap()
}

/// The bytes with some of them changed and the CRC made right again.
pub(super) fn forged(records: &Bytes, at: usize, bytes: &[u8]) -> Bytes {
    let mut changed = BytesMut::from(records.as_ref());
    changed[at..at + bytes.len()].copy_from_slice(bytes);
    let crc = crc32c(&changed[21..]);
    changed[17..21].copy_from_slice(&crc.to_be_bytes());
    changed.freeze()
}

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 }
        })
    })
}

pub(super) fn offsets(batches: &[Batch]) -> Vec<Offset> {
    batches.iter().map(|batch| batch.header.base_offset).collect()
}
