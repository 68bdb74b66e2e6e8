//! How long a group takes to agree, in real time: members times partitions, with both protocols.
//!
//! Every member speaks to the coordinator over a link of its own; time is virtual. Throughput is counted in members, so
//! that a group twice as large shows whether the time for each member stays the same.

mod group;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const SIZES: [u16; 4] = [250, 500, 1_000, 2_000];

fn rebalances(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rebalance");
    group.sample_size(10);
    for size in SIZES {
        group.throughput(Throughput::Elements(u64::from(size)));
        group.bench_with_input(BenchmarkId::new("classic", size), &size, |bencher, size| {
            bencher.iter(|| group::classic(*size));
        });
        group.bench_with_input(BenchmarkId::new("consumer", size), &size, |bencher, size| {
            bencher.iter(|| group::consumer(*size));
        });
    }
    group.finish();
}

criterion_group!(benches, rebalances);
criterion_main!(benches);
