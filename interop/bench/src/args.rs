//! The command line.

use std::path::PathBuf;

use crate::Outcome;
use crate::server::{Subject, TopicSpec};

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
usage: kafka-sim-bench [--sim PATH | --address HOST:PORT,.. | --mock-only] [--rounds N] [--messages N]
                       [--flood-bytes N] [--pings N] [--starts N] [--only client|flood|ping|start] [--strict] [--json]

  --sim PATH        the kafka-sim binary to start (default: ../../target/release/kafka-sim)
  --address LIST    measure servers that are already up; starting is then not measured
  --mock-only       measure librdkafka's mock alone
  --rounds N        rounds per measure, the median counts (default 3)
  --messages N      messages per client round (default 1000000)
  --flood-bytes N   bytes of Produce frames per flood round (default 2000000000)
  --pings N         requests per ping round (default 60000)
  --starts N        processes started for the start measure (default 15)
  --only NAME       one measure instead of all four
  --strict          exit with status 1 when a mark is missed
  --json            print an object instead of a table";

/// What the command line asks for.
pub(crate) enum Command {
    /// Print the usage.
    Help,
    /// Host librdkafka's mock until standard input ends.
    Mock(Vec<TopicSpec>),
    /// Measure.
    Bench(Plan),
}

/// The sizes of a run.
pub(crate) struct Plan {
    /// The servers, the mark first.
    pub(crate) subjects: Vec<Subject>,
    /// Rounds per measure.
    pub(crate) rounds: usize,
    /// Messages per client round.
    pub(crate) messages: usize,
    /// Bytes of Produce frames per flood round.
    pub(crate) flood_bytes: usize,
    /// Requests per ping round.
    pub(crate) pings: usize,
    /// Processes started for the start measure.
    pub(crate) starts: usize,
    /// The only measure wanted, if not all.
    pub(crate) only: Option<String>,
    /// Whether a missed mark fails the run.
    pub(crate) strict: bool,
    /// Whether to print JSON.
    pub(crate) json: bool,
}

impl Plan {
    /// Whether the measure `name` is part of this run.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == name)
    }
}

/// Reads the arguments.
pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Outcome<Command> {
    let mut plan = Plan {
        subjects: vec![Subject::Mock],
        rounds: 3,
        messages: 1_000_000,
        flood_bytes: 2_000_000_000,
        pings: 60_000,
        starts: 15,
        only: None,
        strict: false,
        json: false,
    };
    let mut other = Some(Subject::Sim(PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../target/release/kafka-sim"
    ))));
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "-h" | "--help" => return Ok(Command::Help),
            "mock" => {
                return Ok(Command::Mock(
                    args.map(|topic| topic.parse()).collect::<Result<_, _>>()?,
                ));
            }
            "--sim" => other = Some(Subject::Sim(value()?.into())),
            "--address" => other = Some(Subject::Running(value()?)),
            "--mock-only" => other = None,
            "--rounds" => plan.rounds = value()?.parse()?,
            "--messages" => plan.messages = value()?.parse()?,
            "--flood-bytes" => plan.flood_bytes = value()?.parse()?,
            "--pings" => plan.pings = value()?.parse()?,
            "--starts" => plan.starts = value()?.parse()?,
            "--only" => plan.only = Some(value()?),
            "--strict" => plan.strict = true,
            "--json" => plan.json = true,
            _ => return Err(format!("unknown argument {arg}\n{USAGE}").into()),
        }
    }
    if let Some(Subject::Sim(path)) = &other
        && !path.is_file()
    {
        return Err(format!(
            "{} is not there: build it (cargo build --release) or pass --sim, --mock-only",
            path.display()
        )
        .into());
    }
    if plan.rounds == 0 || plan.starts == 0 || plan.messages == 0 || plan.pings == 0 {
        return Err("counts start at 1".into());
    }
    plan.subjects.extend(other);
    Ok(Command::Bench(plan))
}
