//! Checkpoint files: small texts of rows that are always replaced as a whole (CheckpointFile, CleanShutdownFileHandler).
//!
//! A file that is missing or corrupt counts as empty.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_sim_core::{Offset, SimTime, TopicPartition};

use crate::disk::{Disk, IoError};

const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
const LOG_STARTS: &str = "log-start-offset-checkpoint";
const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
const CLEANED: &str = "cleaner-offset-checkpoint";
const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
const VERSION: &str = "0";

/// An offset for each partition of a log directory.
pub type Offsets = BTreeMap<TopicPartition, Offset>;

/// Writes the recovery points. Returns when they are durable.
///
/// # Errors
/// The disk failed; the old file is still in place.
pub fn write_recovery_points<'a>(
    disk: &mut Disk,
    offsets: impl IntoIterator<Item = (&'a TopicPartition, &'a Offset)>,
    now: SimTime,
) -> Result<SimTime, IoError> {
    write_offsets(disk, RECOVERY_POINTS, offsets.into_iter().collect(), now)
}

/// Reads the recovery points.
pub fn read_recovery_points(disk: &Disk) -> Offsets {
    read_offsets(disk, RECOVERY_POINTS)
}

/// Writes the log starts. Returns when they are durable.
///
/// # Errors
/// The disk failed; the old file is still in place.
pub fn write_log_starts<'a>(
    disk: &mut Disk,
    offsets: impl IntoIterator<Item = (&'a TopicPartition, &'a Offset)>,
    now: SimTime,
) -> Result<SimTime, IoError> {
    write_offsets(disk, LOG_STARTS, offsets.into_iter().collect(), now)
}

/// Reads the log starts.
pub fn read_log_starts(disk: &Disk) -> Offsets {
    read_offsets(disk, LOG_STARTS)
}

/// Writes the high watermarks. Returns when they are durable.
///
/// # Errors
/// The disk failed; the old file is still in place.
pub fn write_high_watermarks<'a>(
    disk: &mut Disk,
    offsets: impl IntoIterator<Item = (&'a TopicPartition, &'a Offset)>,
    now: SimTime,
) -> Result<SimTime, IoError> {
    write_offsets(disk, HIGH_WATERMARKS, offsets.into_iter().collect(), now)
}

/// Reads the high watermarks.
pub fn read_high_watermarks(disk: &Disk) -> Offsets {
    read_offsets(disk, HIGH_WATERMARKS)
}

/// Writes where the cleaned part of each compacted log ends. Returns when that is durable.
///
/// # Errors
/// The disk failed; the old file is still in place.
pub fn write_cleaned<'a>(
    disk: &mut Disk,
    offsets: impl IntoIterator<Item = (&'a TopicPartition, &'a Offset)>,
    now: SimTime,
) -> Result<SimTime, IoError> {
    write_offsets(disk, CLEANED, offsets.into_iter().collect(), now)
}

/// Reads where the cleaned part of each compacted log ends.
pub fn read_cleaned(disk: &Disk) -> Offsets {
    read_offsets(disk, CLEANED)
}

/// Writes the marker of a clean shutdown with the epoch of the broker that stops. Returns when it is durable.
///
/// # Errors
/// The disk failed; there is no marker.
pub fn write_clean_shutdown(disk: &mut Disk, broker_epoch: i64, now: SimTime) -> Result<SimTime, IoError> {
    let text = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
    disk.write_checkpoint(CLEAN_SHUTDOWN, text.into(), now)
}

/// Takes the marker away and returns its broker epoch, −1 if it cannot be read. `None`: the last shutdown was not clean.
pub fn take_clean_shutdown(disk: &mut Disk) -> Option<i64> {
    let file = disk.lookup(CLEAN_SHUTDOWN)?;
    let text = disk.read_bytes(file);
    disk.remove(file);
    Some(broker_epoch(&text).unwrap_or(-1))
}

fn broker_epoch(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, after) = text.split_once("\"brokerEpoch\":")?;
    after.trim_end().trim_end_matches('}').trim().parse().ok()
}

fn write_offsets(
    disk: &mut Disk,
    path: &str,
    mut offsets: Vec<(&TopicPartition, &Offset)>,
    now: SimTime,
) -> Result<SimTime, IoError> {
    offsets.sort_unstable_by_key(|(tp, _)| *tp);
    let mut text = head(offsets.len());
    for (tp, offset) in offsets {
        text.push_str(&tp.topic);
        text.push(' ');
        push_number(&mut text, tp.partition);
        text.push(' ');
        push_number(&mut text, *offset);
        text.push('\n');
    }
    disk.write_checkpoint(path, text.into(), now)
}

fn read_offsets(disk: &Disk, path: &str) -> Offsets {
    let rows = read_rows(disk, path).unwrap_or_default();
    let parsed: Option<Offsets> = rows
        .iter()
        .map(|row| match row.as_slice() {
            [topic, partition, offset] => Some((
                TopicPartition::new(topic.as_str(), partition.parse().ok()?),
                offset.parse().ok()?,
            )),
            _ => None,
        })
        .collect();
    parsed.unwrap_or_default()
}

/// A file of rows of two numbers each.
pub(super) fn pairs_to_text(pairs: &[(i32, Offset)]) -> Bytes {
    let mut text = head(pairs.len());
    for (first, second) in pairs {
        push_number(&mut text, *first);
        text.push(' ');
        push_number(&mut text, *second);
        text.push('\n');
    }
    text.into()
}

/// What stands before that many rows, with room for them if they are short.
fn head(rows: usize) -> String {
    let mut text = String::with_capacity(16 + 32 * rows);
    text.push_str(VERSION);
    text.push('\n');
    push_number(&mut text, rows);
    text.push('\n');
    text
}

/// Appends a number in decimal, without the detours of a format: these files are written every few seconds.
fn push_number(text: &mut String, number: impl itoa::Integer) {
    text.push_str(itoa::Buffer::new().format(number));
}

/// The words of each row, or `None` if the file is missing or not as it should be.
pub(super) fn read_rows(disk: &Disk, path: &str) -> Option<Vec<Vec<String>>> {
    let bytes = disk.read_bytes(disk.lookup(path)?);
    let mut lines = std::str::from_utf8(&bytes).ok()?.lines();
    if lines.next()? != VERSION {
        return None;
    }
    let count: usize = lines.next()?.parse().ok()?;
    let rows: Vec<Vec<String>> = lines.map(|line| line.split(' ').map(str::to_owned).collect()).collect();
    (rows.len() == count).then_some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{DiskConfig, Survivors};
    use kafka_sim_core::Seed;

    fn offsets() -> Offsets {
        [
            (TopicPartition::new("orders", 0), 7),
            (TopicPartition::new("orders", 1), i64::MAX),
        ]
        .into()
    }

    #[test]
    fn numbers_are_written_as_formats_write_them() {
        for number in [0, 7, 10, -1, 1_234_567, i64::MAX, i64::MIN] {
            let mut text = String::new();
            push_number(&mut text, number);
            assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn offset_files_come_back_as_they_were_written() {
        let mut disk = Disk::new(DiskConfig::default());
        assert_eq!(read_recovery_points(&disk), Offsets::new());
        write_recovery_points(&mut disk, &offsets(), SimTime::ZERO).unwrap();
        write_log_starts(&mut disk, &Offsets::new(), SimTime::ZERO).unwrap();
        write_high_watermarks(&mut disk, &offsets(), SimTime::ZERO).unwrap();
        assert_eq!(read_recovery_points(&disk), offsets());
        assert_eq!(read_log_starts(&disk), Offsets::new());
        assert_eq!(read_high_watermarks(&disk), offsets());
        let file = disk.lookup(RECOVERY_POINTS).unwrap();
        assert_eq!(
            disk.read_bytes(file),
            format!("0\n2\norders 0 7\norders 1 {}\n", i64::MAX)
        );
    }

    #[test]
    fn a_corrupt_file_counts_as_missing() {
        let bad = [
            "",
            "1\n0\n",
            "0\n",
            "0\n2\norders 0 7\n",
            "0\n1\norders 0\n",
            "0\n1\norders zero 7\n",
            "0\nx\n",
        ];
        for text in bad {
            let mut disk = Disk::new(DiskConfig::default());
            disk.write_checkpoint(RECOVERY_POINTS, text.into(), SimTime::ZERO)
                .unwrap();
            assert_eq!(read_recovery_points(&disk), Offsets::new(), "{text:?}");
        }
        let mut disk = Disk::new(DiskConfig::default());
        disk.write_checkpoint(RECOVERY_POINTS, Bytes::from_static(&[0, 159, 146, 150]), SimTime::ZERO)
            .unwrap();
        assert_eq!(read_recovery_points(&disk), Offsets::new());
    }

    #[test]
    fn a_checkpoint_under_way_when_power_is_lost_leaves_the_one_before() {
        let mut disk = Disk::new(DiskConfig::default());
        let durable = write_recovery_points(&mut disk, &offsets(), SimTime::ZERO).unwrap();
        write_recovery_points(&mut disk, &Offsets::new(), durable).unwrap();
        disk.power_loss(durable, Survivors::None, &mut Seed(0).stream("disk", 0));
        assert_eq!(read_recovery_points(&disk), offsets());
    }

    #[test]
    fn the_clean_shutdown_marker_is_read_once() {
        let mut disk = Disk::new(DiskConfig::default());
        assert_eq!(take_clean_shutdown(&mut disk), None);
        write_clean_shutdown(&mut disk, 42, SimTime::ZERO).unwrap();
        assert_eq!(take_clean_shutdown(&mut disk), Some(42));
        assert_eq!(take_clean_shutdown(&mut disk), None);
        disk.write_checkpoint(CLEAN_SHUTDOWN, Bytes::new(), SimTime::ZERO)
            .unwrap();
        assert_eq!(
            take_clean_shutdown(&mut disk),
            Some(-1),
            "a marker from before the epoch was in it"
        );
    }
}
