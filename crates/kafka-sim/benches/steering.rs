//! Runs until a weakness is found: schedules drawn at random next to a search steered by what runs have met. `--repeats N`
//! sets how many searches each figure is made of, `--most N` after how many runs one is given up, `--first-seed S` from
//! where, `--threads N` on how many threads. With the feature `mutants` planted flaws are looked for, all that general
//! schedules rarely meet or those named; without it the weak profiles.

fn argument(name: &str, default: u64) -> u64 {
    let mut args = std::env::args().skip_while(|arg| arg != name).skip(1);
    args.next().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() {
    let test = std::env::args().any(|arg| arg == "--test");
    let repeats = argument("--repeats", if test { 1 } else { 20 });
    let most = argument("--most", if test { 20 } else { 2_000 });
    let threads = usize::try_from(argument("--threads", 1)).unwrap_or(1);
    weaknesses::table(argument("--first-seed", 0), repeats, most, threads);
}

#[cfg(feature = "mutants")]
mod weaknesses {
    use std::time::Instant;

    use kafka_sim::search::mutants::{Figures, Level, Measurement, Mutant, Needed, Schedules, Trial};

    /// Flaws for which general schedules drawn at random need more than a generation of the steered search.
    const HARD: &[Mutant] = &[
        Mutant::NonMaximalIsr,
        Mutant::ElrOff,
        Mutant::SingleShotTruncation,
        Mutant::FsyncIgnored,
    ];

    #[allow(clippy::print_stdout, reason = "the output is the result")]
    pub(super) fn table(first_seed: u64, repeats: u64, most: u64, threads: usize) {
        let measurement = Measurement {
            first_seed,
            repeats,
            most,
            until: Level::Invariant,
            threads,
        };
        let named: Vec<Mutant> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
        let wanted = if named.is_empty() { HARD } else { &named };
        println!("| flaw | random: quartiles | steered: quartiles | runs per second |\n|---|---|---|---|");
        for trial in Trial::ALL.iter().filter(|trial| wanted.contains(&trial.mutant)) {
            let began = Instant::now();
            let figures = |needed: Result<Vec<Needed>, _>| {
                let needed: Vec<Needed> = needed.unwrap_or_else(|error: kafka_sim::ConfigError| panic!("{error}"));
                Figures::of(needed.iter().map(Needed::any), most)
            };
            let random = figures(measurement.random(trial, Schedules::General));
            let steered = figures(measurement.steered(trial.mutant));
            let runs: u64 = random.runs.iter().chain(&steered.runs).sum();
            let speed = runs as f64 / began.elapsed().as_secs_f64();
            println!("| {} | {random} | {steered} | {speed:.0} |", trial.mutant);
        }
    }
}

#[cfg(not(feature = "mutants"))]
mod weaknesses {
    use kafka_sim::search::{Budget, Profile, Search, Seeds};

    /// Runs until the first failure, in the order of their numbers; those of a search that found nothing count in full.
    fn runs(
        profile: &Profile,
        budget: Budget,
        steered: bool,
        first_seed: u64,
        most: u64,
        threads: usize,
    ) -> (u64, bool) {
        let search = Search {
            world: profile.world(),
            budget,
            seeds: Seeds::from_first(first_seed, most),
            threads,
            keep_going: false,
        };
        let tally = if steered {
            search.run_steered(&|_| ())
        } else {
            search.run(&|_| ())
        };
        let tally = tally.expect("profiles are valid");
        (tally.runs, tally.failures > 0)
    }

    #[allow(clippy::print_stdout, reason = "the output is the result")]
    pub(super) fn table(first_seed: u64, repeats: u64, most: u64, threads: usize) {
        println!("| weakness | schedules | random: median, found | steered: median, found |\n|---|---|---|---|");
        for profile in Profile::ALL {
            for budget in [Budget::Within, Budget::Beyond] {
                if profile.deviations.is_empty() && budget == Budget::Within {
                    continue;
                }
                let figure = |steered| {
                    let search = |repeat| {
                        let first = first_seed + repeat * 1_000_000;
                        runs(profile, budget, steered, first, most, threads)
                    };
                    let mut runs: Vec<(u64, bool)> = (0..repeats).map(search).collect();
                    runs.sort_unstable();
                    let found = runs.iter().filter(|(_, found)| *found).count();
                    format!("{}, {found} of {repeats}", runs[runs.len() / 2].0)
                };
                println!("| {} | {budget} | {} | {} |", profile.name, figure(false), figure(true));
            }
        }
    }
}
