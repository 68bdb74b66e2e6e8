//! Whether memory stays flat over many runs. Linux only: resident memory comes from /proc.

mod world;

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?
        .trim()
        .strip_suffix(" kB")?
        .trim()
        .parse()
        .ok()
}

#[allow(clippy::print_stdout, reason = "the output is the result")]
fn main() {
    let runs = if std::env::args().any(|arg| arg == "--test") {
        20
    } else {
        10_000
    };
    let mut at_tenth = None;
    for seed in 0..runs {
        assert!(world::run(seed, false).converged, "seed {seed} did not converge");
        if seed == runs / 10 {
            at_tenth = resident_kib();
        }
    }
    match (at_tenth, resident_kib()) {
        (Some(early), Some(late)) => println!(
            "resident after {} runs: {early} KiB, after {runs} runs: {late} KiB",
            runs / 10
        ),
        _ => println!("{runs} runs; this system does not tell resident memory in /proc/self/status"),
    }
}
