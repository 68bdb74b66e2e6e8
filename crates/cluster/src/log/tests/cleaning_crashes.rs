//! Whatever is written, cleaned and cut short: the last value of every key is there afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::{Offset, Seed, SimRng};

use super::cleaning_support::*;
use super::support::*;
use crate::disk::{Chunk, Survivors, SyncFault};
use crate::log::{Cleaning, LogConfig};

const POLICIES: [Survivors; 5] = [
    Survivors::None,
    Survivors::Prefix,
    Survivors::PageSubset,
    Survivors::TornTail,
    Survivors::All,
];

/// Everything that was ever written.
type History = Vec<(Offset, String, Option<String>)>;

fn write_something(log: &mut Compacted, history: &mut History, rng: &mut SimRng) {
    for _ in 0..rng.between(1, 25) {
        let key = format!("key-{}", rng.below(6));
        let value = rng.chance(4, 5).then(|| format!("{}", rng.below(1000)));
        let offset = log.put(&key, value.as_deref());
        history.push((offset, key, value));
        if rng.chance(1, 5) {
            log.roll();
        }
    }
    // What is lost of an unsynced segment is another story: here everything written is on the platter.
    log.bench.flush();
}

fn state_of(history: &History) -> BTreeMap<String, String> {
    let mut state = BTreeMap::new();
    for (_, key, value) in history {
        match value {
            Some(value) => state.insert(key.clone(), value.clone()),
            None => state.remove(key),
        };
    }
    state
}

/// Some steps of a cleaning; the last one may have come in vain.
fn clean_somewhat(log: &mut Compacted, rng: &mut SimRng) {
    let mut step = log.begin().unwrap();
    while let Cleaning::Waits(until) = step {
        if rng.chance(1, 4) {
            // Cut short while the disk is at work, or right after.
            if rng.chance(1, 2) {
                log.bench.now = until;
            }
            return;
        }
        log.bench.now = until;
        step = log.step().unwrap();
    }
    if let Cleaning::Done(cleaned) = step {
        log.cleaned_to = Some(cleaned.to);
    }
}

fn crash(log: &mut Compacted, rng: &mut SimRng) {
    let survivors = POLICIES[rng.index(POLICIES.len())];
    let killed = rng.chance(1, 2);
    if killed {
        log.bench.kill(0);
    }
    if !killed || rng.chance(1, 2) {
        log.bench.disk.power_loss(log.bench.now, survivors, rng);
        log.bench.kill(0);
    }
    // The checkpoint of the cleaner is as old as it likes.
    if rng.chance(1, 3) {
        log.cleaned_to = None;
    }
}

fn config(rng: &mut SimRng) -> LogConfig {
    LogConfig {
        segment_bytes: rng.between(200, 2_000),
        delete_retention_ms: 50,
        ..compacting()
    }
}

#[test]
fn the_last_value_of_every_key_survives_compaction_kills_and_power_losses() {
    let (mut cut_short, mut shrunk) = (0, 0);
    for seed in 0..400 {
        let mut rng = Seed(seed).stream("cleaning-crashes", 0);
        let mut log = Compacted::new(config(&mut rng));
        let mut history = History::new();
        for round in 0..6 {
            write_something(&mut log, &mut history, &mut rng);
            let before = log.bench.log.size_bytes();
            clean_somewhat(&mut log, &mut rng);
            shrunk += usize::from(log.bench.log.size_bytes() < before);
            cut_short += usize::from(log.bench.log.is_being_cleaned());
            crash(&mut log, &mut rng);
            let context = format!("seed {seed}, round {round}");
            assert_eq!(log.state(), state_of(&history), "{context}");
            assert_eq!(log.bench.log.log_end_offset(), history.len() as Offset, "{context}");
            assert_eq!(
                log.bench.files(".cleaned").len() + log.bench.files(".swap").len(),
                0,
                "{context}"
            );
            let mut written = history.iter();
            for record in log.records() {
                assert!(
                    written.any(|known| *known == record),
                    "{context}: {record:?} is out of place"
                );
            }
            log.bench.sleep(Duration::from_millis(rng.below(100)));
        }
    }
    assert!(cut_short > 100, "cleanings were cut short {cut_short} times");
    assert!(shrunk > 100, "cleanings shrank the log {shrunk} times");
}

#[test]
fn a_disk_that_lies_about_syncs_loses_the_last_value_of_a_key() {
    let lost = (0..200).filter(|seed| {
        let mut rng = Seed(*seed).stream("cleaning-crashes", 1);
        let mut log = Compacted::new(config(&mut rng));
        let mut history = History::new();
        write_something(&mut log, &mut history, &mut rng);
        log.bench.disk.set_sync_fault(SyncFault::Lie);
        log.clean();
        // Names are journalled within seconds, lie or not. The contents never are.
        log.bench.sleep(Duration::from_secs(6));
        log.bench.power_loss(Survivors::None, *seed);
        log.state() != state_of(&history)
    });
    assert!(lost.count() > 50);
}

/// A log whose cleaning is written, synced and about to be swapped in.
fn about_to_swap() -> Compacted {
    let mut log = Compacted::new(compacting());
    log.put_all(&[("a", "1"), ("b", "1")]);
    log.roll();
    log.put_all(&[("a", "2"), ("c", "1")]);
    log.roll();
    log.put("a", Some("3"));
    log.bench.flush();
    let Ok(Cleaning::Waits(until)) = log.begin() else {
        panic!("there is something to clean")
    };
    log.bench.now = until;
    log
}

fn rename(log: &mut Compacted, from: &str, to: &str) {
    let file = log.bench.disk.lookup(&format!("{DIR}/{from}")).unwrap();
    log.bench.disk.rename(file, &format!("{DIR}/{to}"), log.bench.now);
}

const FIRST: &str = "00000000000000000000.log";
const SECOND: &str = "00000000000000000002.log";

#[test]
fn an_interrupted_cleaning_is_forgotten_before_the_swap_and_finished_after_it() {
    let cleaned: &[(&str, &str)] = &[("00000000000000000000.log.cleaned", "00000000000000000000.log.swap")];
    let first_gone = [cleaned, &[(FIRST, "00000000000000000000.log.deleted")]].concat();
    let both_gone = [&first_gone[..], &[(SECOND, "00000000000000000002.log.deleted")]].concat();
    let named = [&both_gone[..], &[("00000000000000000000.log.swap", FIRST)]].concat();
    for renames in [&[], cleaned, &first_gone, &both_gone, &named] {
        let expected: &[Offset] = if renames.is_empty() {
            &[0, 1, 2, 3, 4]
        } else {
            &[1, 2, 3, 4]
        };
        let mut log = about_to_swap();
        for (from, to) in renames {
            rename(&mut log, from, to);
        }
        log.bench.kill(0);
        assert_eq!(log.offsets(), expected, "after {} renames", renames.len());
        let suffixes = [".cleaned", ".swap", ".deleted"];
        assert_eq!(suffixes.map(|suffix| log.bench.files(suffix).len()), [0; 3]);
    }
}

#[test]
fn a_swap_behind_a_half_written_segment_is_dropped() {
    let mut log = about_to_swap();
    rename(
        &mut log,
        "00000000000000000000.log.cleaned",
        "00000000000000000002.log.swap",
    );
    let junk = format!("{DIR}/{FIRST}.cleaned");
    let file = log.bench.disk.open_or_create(&junk, log.bench.now);
    let chunk = Chunk::Plain(Bytes::from_static(b"half a batch"));
    log.bench.disk.append(file, chunk, log.bench.now).unwrap();
    log.bench.kill(0);
    assert_eq!(log.offsets(), [0, 1, 2, 3, 4]);
    assert_eq!(log.bench.files(".swap").len() + log.bench.files(".cleaned").len(), 0);
}

#[test]
fn a_recovery_that_loses_power_itself_is_done_again() {
    for seed in 0..50 {
        let mut log = about_to_swap();
        rename(
            &mut log,
            "00000000000000000000.log.cleaned",
            "00000000000000000000.log.swap",
        );
        log.bench.kill(0);
        log.bench.power_loss(Survivors::Prefix, seed);
        let swapped = log.offsets() == [1, 2, 3, 4];
        assert!(
            swapped || log.offsets() == [0, 1, 2, 3, 4],
            "seed {seed}: {:?}",
            log.offsets()
        );
    }
}

#[test]
fn a_clean_stop_in_the_middle_leaves_nothing_behind() {
    let mut log = about_to_swap();
    log.bench.stop_and_start();
    assert_eq!(log.offsets(), [0, 1, 2, 3, 4]);
    assert_eq!(log.bench.files(".cleaned").len(), 0);
}
