//! How fast a closed world runs: whole runs, and events of the machine per second on one core.

mod world;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kafka_sim::Promise;

const PROMISES: [Promise; 5] = [
    Promise::AckedSurvives,
    Promise::NoDuplicates,
    Promise::InOrder,
    Promise::ConsistentOffsets,
    Promise::SendsResolved,
];

fn whole_runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("60-virtual-seconds");
    group.sample_size(20);
    let mut seed = 0;
    group.bench_function("run", |bencher| {
        bencher.iter(|| {
            seed += 1;
            world::run(seed, false)
        })
    });
    group.bench_function("run-and-judge", |bencher| {
        bencher.iter(|| {
            seed += 1;
            world::run(seed, true).check(&PROMISES)
        })
    });
    group.throughput(Throughput::Elements(world::run(1, false).steps));
    group.bench_function("machine-events", |bencher| bencher.iter(|| world::run(1, false)));
    group.finish();
}

criterion_group!(benches, whole_runs);
criterion_main!(benches);
