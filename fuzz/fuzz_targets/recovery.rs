//! Any bytes as the files of a partition's directory, as a disk may show them after a loss of power: opening the log never
//! panics, what it has opened holds together, opening it again finds the same, and it can be written to and cleaned.
//!
//! The input is three bytes of options and then files: a byte that picks the name, two for the length, the content.
#![no_main]

use bytes::{Bytes, BytesMut};
use kafka_sim_cluster::disk::{Chunk, Disk, DiskConfig};
use kafka_sim_cluster::log::{AppendOrigin, Cleaning, Log, LogConfig, OpenOptions};
use kafka_sim_core::batch::{Batch, BatchBuilder, BatchHeader, BatchOptions};
use kafka_sim_core::{Offset, SimTime};
use libfuzzer_sys::fuzz_target;

const DIR: &str = "orders-0";
const NOW_MS: i64 = 1_700_000_000_000;

/// What Kafka itself may leave in the directory.
const NAMES: [&str; 16] = [
    "00000000000000000000.log",
    "00000000000000000003.log",
    "00000000000000000007.log",
    "00000000000000000012.log",
    "00000000000000000000.log.cleaned",
    "00000000000000000003.log.cleaned",
    "00000000000000000007.log.cleaned",
    "00000000000000000000.log.swap",
    "00000000000000000003.log.swap",
    "00000000000000000007.log.swap",
    "00000000000000000000.log.deleted",
    "00000000000000000003.log.deleted",
    "00000000000000000003.snapshot",
    "00000000000000000007.snapshot",
    "leader-epoch-checkpoint",
    "partition.metadata",
];

fuzz_target!(|data: &[u8]| {
    let Some((&[flags, recovery_point, log_start], mut rest)) = data.split_first_chunk::<3>() else {
        return;
    };
    let mut disk = Disk::new(DiskConfig::default());
    while let Some((&[name, high, low], after)) = rest.split_first_chunk::<3>() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(after.len());
        let (content, after) = after.split_at(len);
        rest = after;
        let path = format!("{DIR}/{}", NAMES[usize::from(name) % NAMES.len()]);
        let file = disk.open_or_create(&path, SimTime::ZERO);
        // A fuzzer does not find checksums by itself.
        let content = if flags & 4 != 0 {
            with_checksums(content)
        } else {
            Bytes::copy_from_slice(content)
        };
        disk.append(file, Chunk::Plain(content), SimTime::ZERO)
            .expect("the disk has no limit");
    }
    let options = OpenOptions {
        clean: flags & 1 != 0,
        recovery_point: Offset::from(recovery_point),
        log_start: Offset::from(log_start),
        now: SimTime::from_secs(60),
        now_ms: NOW_MS,
    };
    let mut log = open(&mut disk, options);
    if options.clean || options.recovery_point > 0 {
        // Files that were flushed before are believed, as Kafka believes them: nothing is promised of what they hold.
        return;
    }
    let Some(found) = read_all(&log) else { return };
    let again = open(&mut disk, options);
    assert_eq!(
        bounds(&again),
        bounds(&log),
        "the second look at the disk finds another log"
    );
    assert_eq!(read_all(&again), Some(found));
    use_it(&mut log, &mut disk, options.now);
    let unclean = OpenOptions {
        clean: false,
        recovery_point: 0,
        ..options
    };
    read_all(&open(&mut disk, unclean));
});

fn config() -> LogConfig {
    LogConfig {
        cleanup_compact: true,
        min_cleanable_dirty_millionths: 0,
        ..LogConfig::default()
    }
}

fn open(disk: &mut Disk, options: OpenOptions) -> Log {
    let (log, _) = Log::open(disk, DIR, config(), options).expect("the disk is healthy");
    assert!(log.log_start_offset() <= log.log_end_offset());
    log
}

fn bounds(log: &Log) -> (Offset, Offset, u64) {
    (log.log_start_offset(), log.log_end_offset(), log.size_bytes())
}

/// Everything a reader gets, which must come in order and to an end. Nothing if files overlap: Kafka's recovery looks at
/// one segment at a time, and does not notice either that the last batch of one reaches into the next.
fn read_all(log: &Log) -> Option<Vec<Batch>> {
    let mut all: Vec<Batch> = Vec::new();
    let mut next = log.log_start_offset();
    while let Some(batch) = log
        .read(next, 1, Offset::MAX, true)
        .expect("inside of the log")
        .batches
        .pop()
    {
        assert!(batch.header.last_offset() >= next, "a read goes back");
        next = batch.header.next_offset();
        if next > log.log_end_offset() {
            return None;
        }
        all.push(batch);
    }
    Some(all)
}

/// A record, a cleaning, a truncation.
fn use_it(log: &mut Log, disk: &mut Disk, mut now: SimTime) {
    let end = log.log_end_offset();
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(NOW_MS, Some(b"key"), Some(b"value"), &[]);
    let records = builder.build().expect("nothing is compressed");
    let appended = log.append_as_leader(disk, records, i32::MAX, now, NOW_MS, AppendOrigin::Client);
    assert_eq!(appended.map(|appended| appended.first_offset), Ok(end));
    let range = log.cleanable(None, log.log_end_offset(), NOW_MS);
    let mut step = log.begin_cleaning(disk, &range, 1 << 10, now, NOW_MS);
    while let Ok(Cleaning::Waits(until)) = step {
        now = until;
        step = log.continue_cleaning(disk, now);
    }
    assert_eq!(log.log_end_offset(), end + 1, "cleaning moves no offset");
    read_all(log);
    log.truncate_to(disk, end, now).expect("the disk is healthy");
    assert_eq!(log.log_end_offset(), end);
}

/// The bytes with the checksum of every batch made right, as far as they are batches.
fn with_checksums(bytes: &[u8]) -> Bytes {
    let mut fixed = BytesMut::from(bytes);
    let mut at = 0;
    while let Ok(header) = BatchHeader::parse(&fixed[at..]) {
        let Some(batch) = fixed.get_mut(at..at + header.size_in_bytes()) else {
            break;
        };
        let crc = crc32c::crc32c(&batch[21..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
        at += header.size_in_bytes();
    }
    fixed.freeze()
}
