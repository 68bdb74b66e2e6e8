//! Runs until a weakness is found: schedules drawn at random next to a search steered by what runs have met. `--repeats N`
//! sets how many searches each figure is the mean of, `--most N` after how many runs one is given up.

use kafka_sim::search::{Budget, Profile, Search, Seeds};

fn argument(name: &str, default: u64) -> u64 {
    let mut args = std::env::args().skip_while(|arg| arg != name).skip(1);
    args.next().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Runs until the first failure, in the order of their numbers; those of a search that found nothing count in full.
fn runs(profile: &Profile, budget: Budget, steered: bool, repeats: u64, most: u64) -> Vec<(u64, bool)> {
    let search = |repeat: u64| {
        let search = Search {
            world: profile.world(),
            budget,
            seeds: Seeds::from_first(repeat * 1_000_000, most),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            keep_going: false,
        };
        let tally = if steered {
            search.run_steered(&|_| ())
        } else {
            search.run(&|_| ())
        };
        let tally = tally.expect("profiles are valid");
        (tally.runs, tally.failures > 0)
    };
    let mut runs: Vec<(u64, bool)> = (0..repeats).map(search).collect();
    runs.sort_unstable();
    runs
}

#[allow(clippy::print_stdout, reason = "the output is the result")]
fn main() {
    let test = std::env::args().any(|arg| arg == "--test");
    let repeats = argument("--repeats", if test { 1 } else { 20 });
    let most = argument("--most", if test { 20 } else { 3_000 });
    println!(
        "| weakness | schedules | random: mean, median, found | steered: mean, median, found |\n|---|---|---|---|"
    );
    for profile in Profile::ALL {
        for budget in [Budget::Within, Budget::Beyond] {
            if profile.deviations.is_empty() && budget == Budget::Within {
                continue;
            }
            let figure = |steered| {
                let runs = runs(profile, budget, steered, repeats, most);
                let mean = runs.iter().map(|(runs, _)| *runs as f64).sum::<f64>() / runs.len() as f64;
                let found = runs.iter().filter(|(_, found)| *found).count();
                format!("{mean:.0}, {}, {found} of {repeats}", runs[runs.len() / 2].0)
            };
            println!("| {} | {budget} | {} | {} |", profile.name, figure(false), figure(true));
        }
    }
}
