//! Whatever is written, flushed and survives: what is recovered is a beginning of what was written, and never misses
//! anything below the durable end.

use std::time::Duration;

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{Seed, SimRng};

use super::support::*;
use crate::disk::{Survivors, WriteBack};
use crate::log::LogConfig;

const POLICIES: [Survivors; 5] = [
    Survivors::None,
    Survivors::Prefix,
    Survivors::PageSubset,
    Survivors::TornTail,
    Survivors::All,
];

fn write_something(bench: &mut Bench, rng: &mut SimRng) {
    for _ in 0..rng.between(1, 60) {
        match rng.below(12) {
            0 => {
                let durable = bench.log.flush(&mut bench.disk, bench.now).unwrap();
                if rng.chance(1, 2) {
                    bench.now = durable;
                }
            }
            1 => bench.sleep(Duration::from_millis(rng.between(1, 3000))),
            2 => {
                bench.append(valued(usize::try_from(rng.between(3000, 12_000)).unwrap()));
            }
            _ => bench.fill(1),
        }
    }
}

/// The log cannot be any other prefix than one of whole batches.
fn assert_prefix(recovered: &[Batch], written: &[Batch], context: &str) {
    assert!(recovered.len() <= written.len(), "{context}: more than was written");
    for (got, expected) in recovered.iter().zip(written) {
        assert_eq!(got, expected, "{context}");
    }
}

#[test]
fn what_is_recovered_is_a_prefix_that_holds_everything_durable() {
    let mut losses = [0; POLICIES.len()];
    for seed in 0..300 {
        for (policy, survivors) in POLICIES.into_iter().enumerate() {
            let mut rng = Seed(seed).stream("power-loss-property", policy as u64);
            let write_back = if rng.chance(1, 2) {
                WriteBack::Never
            } else {
                WriteBack::Every(Duration::from_secs(2))
            };
            let segment_bytes = if rng.chance(1, 2) { 20_000 } else { 1 << 30 };
            let mut bench = Bench::on(
                write_back,
                LogConfig {
                    segment_bytes,
                    ..LogConfig::default()
                },
            );
            write_something(&mut bench, &mut rng);
            let written = bench.all();
            let durable_end = bench.log.durable_end_offset(&bench.disk, bench.now);
            bench.log.settle(bench.now);
            let recovery_point = bench.log.recovery_point();
            assert!(recovery_point <= durable_end, "an honest disk has what it acknowledged");
            bench.disk.power_loss(bench.now, survivors, &mut rng);
            bench.kill(if rng.chance(1, 2) { recovery_point } else { 0 });
            let context = format!("seed {seed}, {survivors:?}");
            let end = bench.log.log_end_offset();
            assert!(
                end >= durable_end,
                "{context}: ends at {end}, though {durable_end} was durable"
            );
            assert_eq!(bench.log.durable_end_offset(&bench.disk, bench.now), end, "{context}");
            let recovered = bench.all();
            // Without a continuity check a segment may survive while the tail before it has vanished cleanly.
            if let Some(gap) = recovered
                .iter()
                .zip(&written)
                .position(|(got, expected)| got != expected)
            {
                let base = recovered[gap].header.base_offset;
                assert!(
                    bench.log.segments.iter().any(|s| s.base_offset == base),
                    "{context}: a gap inside a segment"
                );
                assert_prefix(&recovered[..gap], &written, &context);
                assert!(base > durable_end, "{context}");
            } else {
                assert_prefix(&recovered, &written, &context);
            }
            losses[policy] += usize::from(recovered.len() < written.len());
            bench.fill(2);
            bench.kill(0);
            assert_eq!(bench.log.log_end_offset(), end + 2, "{context}: the log goes on");
        }
    }
    assert!(
        losses[..4].iter().all(|count| *count > 0),
        "every policy but the last loses something: {losses:?}"
    );
    assert_eq!(losses[4], 0);
}
