use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::{Seed, SimRng};

use super::*;

const LATENCY: Duration = Duration::from_millis(2);
const LOG: &str = "orders-0/00000000000000000000.log";

fn disk(write_back: WriteBack) -> Disk {
    Disk::new(DiskConfig {
        write_back,
        sync_latency: LATENCY,
        capacity_bytes: None,
    })
}

fn rng(seed: u64) -> SimRng {
    Seed(seed).stream("disk-test", 0)
}

fn at(millis: u64) -> SimTime {
    SimTime::from_millis(millis)
}

fn put(disk: &mut Disk, path: &str, text: &str, now: SimTime) -> FileId {
    let file = disk.open_or_create(path, now);
    disk.append(file, Chunk::Plain(Bytes::copy_from_slice(text.as_bytes())), now)
        .unwrap();
    file
}

fn content(disk: &Disk, path: &str) -> Option<String> {
    disk.lookup(path)
        .map(|file| String::from_utf8_lossy(&disk.read_bytes(file)).into_owned())
}

#[test]
fn power_loss_without_a_sync_loses_everything() {
    let mut disk = disk(WriteBack::Never);
    put(&mut disk, LOG, "abc", at(0));
    let report = disk.power_loss(at(1000), Survivors::None, &mut rng(1));
    assert_eq!(report.lost_bytes(), 3);
    assert_eq!(disk.used_bytes(), 0);
}

#[test]
fn a_sync_counts_from_the_instant_it_is_complete() {
    let mut before = disk(WriteBack::Never);
    let file = put(&mut before, LOG, "abc", at(0));
    let durable = before.sync(file, at(10)).unwrap();
    assert_eq!(durable, at(12));
    assert_eq!(
        (before.durable_len(file, at(11)), before.durable_len(file, at(12))),
        (0, 3)
    );
    let mut after = before.clone();
    before.power_loss(at(11), Survivors::None, &mut rng(1));
    assert_eq!(content(&before, LOG), None);
    after.power_loss(at(12), Survivors::None, &mut rng(1));
    assert_eq!(content(&after, LOG).as_deref(), Some("abc"));
}

#[test]
fn syncing_what_is_durable_costs_nothing() {
    let mut disk = disk(WriteBack::Never);
    let file = put(&mut disk, LOG, "abc", at(0));
    assert_eq!(disk.sync(file, at(0)), Ok(at(2)));
    assert_eq!(disk.sync(file, at(1)), Ok(at(2)), "the sync under way covers it");
    assert_eq!(disk.sync(file, at(3)), Ok(at(3)));
}

#[test]
fn write_back_makes_old_bytes_durable_without_a_sync() {
    let mut disk = disk(WriteBack::Every(Duration::from_secs(30)));
    let file = put(&mut disk, LOG, "old", at(0));
    disk.append(file, Chunk::Plain(Bytes::from_static(b"new")), at(10_000))
        .unwrap();
    assert_eq!(disk.durable_len(file, at(29_999)), 0);
    assert_eq!(disk.durable_len(file, at(30_000)), 3);
    disk.power_loss(at(30_000), Survivors::None, &mut rng(1));
    assert_eq!(content(&disk, LOG).as_deref(), Some("old"));
}

#[test]
fn a_failed_sync_loses_the_bytes_even_if_the_next_one_succeeds() {
    let mut disk = disk(WriteBack::Every(Duration::from_secs(30)));
    let file = put(&mut disk, LOG, "abc", at(0));
    disk.sync(file, at(0)).unwrap();
    disk.append(file, Chunk::Plain(Bytes::from_static(b"def")), at(10))
        .unwrap();
    disk.set_sync_fault(SyncFault::Fail);
    assert_eq!(disk.sync(file, at(10)), Err(IoError::SyncFailed));
    disk.set_sync_fault(SyncFault::None);
    assert_eq!(disk.sync(file, at(20)), Ok(at(20)), "the pages are clean");
    assert_eq!(
        content(&disk, LOG).as_deref(),
        Some("abcdef"),
        "the page cache still shows them"
    );
    assert_eq!(disk.durable_len(file, at(100_000)), 3);
    disk.power_loss(at(100_000), Survivors::All, &mut rng(1));
    assert_eq!(content(&disk, LOG).as_deref(), Some("abc"));
}

#[test]
fn bytes_synced_after_a_failed_sync_survive_behind_a_hole() {
    let mut disk = disk(WriteBack::Never);
    let file = put(&mut disk, LOG, "abc", at(0));
    disk.set_sync_fault(SyncFault::Fail);
    disk.sync(file, at(0)).unwrap_err();
    disk.set_sync_fault(SyncFault::None);
    disk.append(file, Chunk::Plain(Bytes::from_static(b"def")), at(10))
        .unwrap();
    disk.sync(file, at(10)).unwrap();
    disk.power_loss(at(20), Survivors::None, &mut rng(1));
    assert_eq!(content(&disk, LOG).as_deref(), Some("\0\0\0def"));
}

#[test]
fn a_lying_sync_makes_nothing_durable() {
    let mut disk = disk(WriteBack::Never);
    let file = put(&mut disk, LOG, "abc", at(0));
    disk.set_sync_fault(SyncFault::Lie);
    assert_eq!(disk.sync(file, at(0)), Ok(at(2)));
    disk.write_checkpoint("checkpoint", Bytes::from_static(b"1"), at(0))
        .unwrap();
    disk.power_loss(at(1000), Survivors::None, &mut rng(1));
    assert!(disk.is_empty());
}

#[test]
fn a_slow_sync_takes_longer() {
    let mut disk = disk(WriteBack::Never);
    let file = put(&mut disk, LOG, "abc", at(0));
    disk.set_sync_fault(SyncFault::Slow(Duration::from_secs(1)));
    assert_eq!(disk.sync(file, at(0)), Ok(at(1002)));
}

#[test]
fn a_full_disk_writes_nothing() {
    let mut disk = Disk::new(DiskConfig {
        capacity_bytes: Some(5),
        ..DiskConfig::default()
    });
    let file = put(&mut disk, LOG, "abc", at(0));
    assert_eq!(
        disk.append(file, Chunk::Plain(Bytes::from_static(b"def")), at(0)),
        Err(IoError::Full)
    );
    assert_eq!(
        disk.write_checkpoint("checkpoint", Bytes::from_static(b"def"), at(0)),
        Err(IoError::Full)
    );
    assert_eq!(disk.used_bytes(), 3);
    disk.truncate(file, 1, at(0));
    assert!(
        disk.append(file, Chunk::Plain(Bytes::from_static(b"def")), at(0))
            .is_ok()
    );
    disk.set_full(true);
    assert_eq!(
        disk.append(file, Chunk::Plain(Bytes::from_static(b"d")), at(0)),
        Err(IoError::Full)
    );
}

#[test]
fn a_truncation_that_was_not_synced_comes_undone() {
    let mut disk = disk(WriteBack::Never);
    let file = put(&mut disk, LOG, "abcdef", at(0));
    disk.sync(file, at(0)).unwrap();
    disk.truncate(file, 2, at(10));
    disk.append(file, Chunk::Plain(Bytes::from_static(b"X")), at(10))
        .unwrap();
    let mut synced = disk.clone();
    disk.power_loss(at(20), Survivors::None, &mut rng(1));
    assert_eq!(content(&disk, LOG).as_deref(), Some("abcdef"));

    let mut all = synced.clone();
    all.power_loss(at(20), Survivors::All, &mut rng(1));
    assert_eq!(content(&all, LOG).as_deref(), Some("abX"));

    synced.sync(file, at(20)).unwrap();
    synced.power_loss(at(30), Survivors::None, &mut rng(1));
    assert_eq!(content(&synced, LOG).as_deref(), Some("abX"));
}

#[test]
fn a_truncation_is_journalled_after_five_seconds() {
    let mut disk = disk(WriteBack::Never);
    let file = put(&mut disk, LOG, "abcdef", at(0));
    disk.sync(file, at(0)).unwrap();
    disk.truncate(file, 2, at(10));
    disk.power_loss(at(5010), Survivors::None, &mut rng(1));
    assert_eq!(content(&disk, LOG).as_deref(), Some("ab"));
}

#[test]
fn truncating_inside_a_write_keeps_its_beginning() {
    let mut disk = disk(WriteBack::Never);
    let file = put(&mut disk, LOG, "abc", at(0));
    disk.append(file, Chunk::Plain(Bytes::from_static(b"def")), at(0))
        .unwrap();
    disk.truncate(file, 4, at(0));
    disk.append(file, Chunk::Plain(Bytes::from_static(b"X")), at(0))
        .unwrap();
    assert_eq!(content(&disk, LOG).as_deref(), Some("abcdX"));
    assert_eq!(disk.used_bytes(), 5);
}

#[test]
fn a_rename_shows_at_once_and_lasts_from_the_next_sync_of_anything() {
    let mut disk = disk(WriteBack::Never);
    let file = put(&mut disk, "a", "abc", at(0));
    disk.sync(file, at(0)).unwrap();
    disk.rename(file, "b", at(10));
    assert_eq!(
        (content(&disk, "a"), content(&disk, "b").as_deref()),
        (None, Some("abc"))
    );
    let mut other_synced = disk.clone();
    disk.power_loss(at(11), Survivors::None, &mut rng(1));
    assert_eq!(
        (content(&disk, "a").as_deref(), content(&disk, "b")),
        (Some("abc"), None)
    );

    let other = put(&mut other_synced, "c", "x", at(10));
    other_synced.sync(other, at(10)).unwrap();
    other_synced.power_loss(at(12), Survivors::None, &mut rng(1));
    assert_eq!(content(&other_synced, "b").as_deref(), Some("abc"));
}

#[test]
fn a_prefix_of_several_renames_survives() {
    let mut names = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let mut disk = disk(WriteBack::Never);
        let file = put(&mut disk, "a", "abc", at(0));
        disk.sync(file, at(0)).unwrap();
        disk.rename(file, "b", at(10));
        disk.rename(file, "c", at(10));
        disk.power_loss(at(11), Survivors::Prefix, &mut rng(seed));
        let left = disk.list("");
        assert_eq!(left.len(), 1, "seed {seed}: {left:?}");
        names.insert(left[0].to_string());
    }
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn an_unlinked_file_comes_back_until_the_names_are_synced() {
    let mut disk = disk(WriteBack::Never);
    let file = put(&mut disk, "a", "abc", at(0));
    disk.sync(file, at(0)).unwrap();
    disk.unlink(file, at(10));
    assert_eq!((content(&disk, "a"), disk.used_bytes()), (None, 0));
    let mut synced = disk.clone();
    disk.power_loss(at(11), Survivors::None, &mut rng(1));
    assert_eq!((content(&disk, "a").as_deref(), disk.used_bytes()), (Some("abc"), 3));

    assert_eq!(synced.sync_names(at(10)), Ok(at(12)));
    synced.power_loss(at(12), Survivors::None, &mut rng(1));
    assert_eq!(content(&synced, "a"), None);
}

#[test]
fn a_file_that_took_the_name_of_another_gives_it_back_with_its_rename_undone() {
    let mut disk = disk(WriteBack::Never);
    for (name, content) in [("old", "1"), ("new", "2")] {
        let file = put(&mut disk, name, content, at(0));
        disk.sync(file, at(0)).unwrap();
    }
    let new = disk.lookup("new").unwrap();
    disk.rename(new, "old", at(10));
    assert_eq!(content(&disk, "old").as_deref(), Some("2"));
    disk.power_loss(at(11), Survivors::None, &mut rng(1));
    assert_eq!(
        (content(&disk, "old").as_deref(), content(&disk, "new").as_deref()),
        (Some("1"), Some("2"))
    );
}

#[test]
fn syncing_names_fails_and_lies_with_the_disk() {
    let mut disk = disk(WriteBack::Never);
    disk.set_sync_fault(SyncFault::Fail);
    assert_eq!(disk.sync_names(at(0)), Err(IoError::SyncFailed));
    disk.set_sync_fault(SyncFault::Lie);
    let file = put(&mut disk, "a", "abc", at(0));
    disk.rename(file, "b", at(0));
    assert_eq!(disk.sync_names(at(0)), Ok(at(2)));
    disk.power_loss(at(3), Survivors::None, &mut rng(1));
    assert!(disk.is_empty());
}

#[test]
fn a_checkpoint_is_old_or_new_but_never_mixed() {
    let (mut old, mut new) = (0, 0);
    for seed in 0..50 {
        let mut disk = disk(WriteBack::Never);
        disk.write_checkpoint("checkpoint", Bytes::from_static(b"old"), at(0))
            .unwrap();
        assert_eq!(
            disk.write_checkpoint("checkpoint", Bytes::from_static(b"newer"), at(10)),
            Ok(at(14))
        );
        disk.power_loss(at(13), Survivors::PageSubset, &mut rng(seed));
        match content(&disk, "checkpoint").as_deref() {
            Some("old") => old += 1,
            Some("newer") => new += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(old > 0 && new > 0, "both happen: {old} old, {new} new");
}

#[test]
fn a_failed_checkpoint_leaves_the_old_one() {
    let mut disk = disk(WriteBack::Never);
    disk.write_checkpoint("checkpoint", Bytes::from_static(b"old"), at(0))
        .unwrap();
    disk.set_sync_fault(SyncFault::Fail);
    assert_eq!(
        disk.write_checkpoint("checkpoint", Bytes::from_static(b"new"), at(10)),
        Err(IoError::SyncFailed)
    );
    assert_eq!(content(&disk, "checkpoint").as_deref(), Some("old"));
}

#[test]
fn an_unsynced_replacement_lasts_once_the_journal_has_committed() {
    let mut disk = disk(WriteBack::Never);
    disk.write_unsynced("epochs", Bytes::from_static(b"1"), at(0)).unwrap();
    disk.write_unsynced("epochs", Bytes::from_static(b"2"), at(4000))
        .unwrap();
    let mut later = disk.clone();
    disk.power_loss(at(4999), Survivors::None, &mut rng(1));
    assert_eq!(content(&disk, "epochs"), None);
    later.power_loss(at(9000), Survivors::None, &mut rng(1));
    assert_eq!(content(&later, "epochs").as_deref(), Some("2"));
}

#[test]
fn pages_survive_on_their_own_and_lost_ones_read_as_zeros() {
    let mut holes = 0;
    for seed in 0..50 {
        let mut disk = disk(WriteBack::Never);
        let file = put(&mut disk, LOG, &"s".repeat(100), at(0));
        disk.sync(file, at(0)).unwrap();
        disk.append(file, Chunk::Plain(Bytes::from(vec![b'd'; 20_000])), at(10))
            .unwrap();
        disk.power_loss(at(20), Survivors::PageSubset, &mut rng(seed));
        let bytes = disk.read_bytes(disk.lookup(LOG).unwrap());
        assert!(
            bytes[..100].iter().all(|byte| *byte == b's'),
            "synced bytes are untouched"
        );
        for page in bytes[100..].chunks(1).map(|byte| byte[0]) {
            assert!(page == b'd' || page == 0);
        }
        holes += usize::from(bytes.contains(&0));
        assert_ne!(bytes.last(), Some(&0), "the length is that of the last surviving page");
    }
    assert!(holes > 0);
}

#[test]
fn a_torn_tail_keeps_all_but_the_middle_of_the_last_write() {
    for seed in 0..20 {
        let mut disk = disk(WriteBack::Never);
        let file = put(&mut disk, LOG, "abc", at(0));
        disk.append(file, Chunk::Plain(Bytes::from_static(b"defgh")), at(0))
            .unwrap();
        disk.power_loss(at(1), Survivors::TornTail, &mut rng(seed));
        let left = content(&disk, LOG).unwrap();
        assert!(
            left.len() > 3 && left.len() < 8 && "abcdefgh".starts_with(&left),
            "{left}"
        );
    }
}

#[test]
fn a_prefix_is_a_prefix_and_some_end_at_a_write() {
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let mut disk = disk(WriteBack::Never);
        let file = put(&mut disk, LOG, "abc", at(0));
        disk.append(file, Chunk::Plain(Bytes::from_static(b"defg")), at(0))
            .unwrap();
        disk.power_loss(at(1), Survivors::Prefix, &mut rng(seed));
        if let Some(left) = content(&disk, LOG) {
            assert!("abcdefg".starts_with(&left));
            lengths.insert(left.len());
        }
    }
    assert_eq!(lengths, (0..=7).collect());
}

#[test]
fn the_same_seed_leaves_the_same_bytes() {
    let lose = |seed| {
        let mut disk = disk(WriteBack::Never);
        for name in ["a", "b", "c"] {
            put(&mut disk, name, &"x".repeat(50_000), at(0));
        }
        disk.power_loss(at(1), Survivors::PageSubset, &mut rng(seed))
    };
    assert_eq!(lose(7), lose(7));
    assert_ne!(lose(7), lose(8));
}

#[test]
fn a_wiped_disk_is_empty() {
    let mut disk = disk(WriteBack::Never);
    put(&mut disk, LOG, "abc", at(0));
    disk.wipe();
    assert!(disk.is_empty() && disk.used_bytes() == 0);
}

#[test]
fn files_are_listed_by_prefix() {
    let mut disk = disk(WriteBack::Never);
    for path in ["orders-1/x", "orders-10/x", "orders-1/a", "zebra"] {
        disk.open_or_create(path, at(0));
    }
    let listed: Vec<String> = disk.list("orders-1/").iter().map(|path| path.to_string()).collect();
    assert_eq!(listed, ["orders-1/a", "orders-1/x"]);
}
