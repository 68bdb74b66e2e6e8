//! Arguments of `soak`.

use std::path::PathBuf;

use kafka_sim::search::{Profile, Shard};

/// Arguments of `soak`.
#[derive(clap::Args)]
pub(crate) struct SoakArgs {
    /// Seeds to try. 1000 unless a seed is given.
    #[arg(long, value_name = "N")]
    pub(super) seeds: Option<u64>,
    /// The first seed. Alone it tries just that one.
    #[arg(long, value_name = "S")]
    pub(super) seed: Option<u64>,
    /// Settings on trial: safe, acks-one, no-idempotence, min-isr-one or elr-off; or, with a group of three consuming
    /// applications that are paused and die as well, groups, groups-consumer (KIP-848) or groups-offsets-alone.
    #[arg(long, value_name = "NAME", default_value = "safe", value_parser = parse_profile)]
    pub(super) profile: Profile,
    /// Strike several brokers at once as well, which no setting promises to survive.
    #[arg(long)]
    pub(super) beyond: bool,
    /// Try only every N-th seed, from the I-th on; I counts from 0. The N shards together are the whole search.
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE)]
    pub(super) shard: Shard,
    /// Change schedules that reached something new further, instead of drawing each anew. A shard knows only its own.
    #[arg(long)]
    pub(super) greybox: bool,
    /// Threads; as many as there are cores unless given. What is found does not depend on them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,
    /// Merge what all shards of a search have printed with --json, instead of searching.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["seeds", "seed", "beyond", "shard", "greybox", "keep_going", "threads", "profile", "out"])]
    pub(super) merge: Vec<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
    /// Go on after the first seed that fails.
    #[arg(long)]
    pub(super) keep_going: bool,
    /// Where failures are written, a file for each of the first 20.
    #[arg(long, value_name = "DIR", default_value = "soak-failures")]
    pub(super) out: PathBuf,
}

fn parse_profile(name: &str) -> Result<Profile, String> {
    Profile::named(name).ok_or_else(|| {
        let names = Profile::ALL.iter().map(|profile| profile.name);
        let hint = kafka_sim::nearest(name, names.clone()).map(|nearest| format!(", did you mean {nearest}?"));
        let names: Vec<&str> = names.collect();
        format!(
            "there is no profile named {name}{}; the profiles are {}",
            hint.unwrap_or_default(),
            names.join(", ")
        )
    })
}
