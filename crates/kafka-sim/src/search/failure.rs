//! A failure as a file that needs nothing else to be repeated.

use std::io;
use std::path::{Path, PathBuf};

use kafka_sim_check::Report;
use kafka_sim_cluster::fault::Schedule;
use kafka_sim_core::{ConfigError, Seed};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use super::{Budget, Claim, World, names, pinned};
use crate::sim::Run;

/// The format this version reads and writes.
const FORMAT: u32 = 1;
const KEY: &str = "kafka_sim_failure";

/// A run that broke a claim: everything that it takes to repeat it, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureFile {
    #[serde(rename = "kafka_sim_failure")]
    pub(super) format: u32,
    /// Version of kafka-sim that found it. Another one may run differently.
    pub version: String,
    /// Name of the profile it was found in; what counts is the settings of `world`.
    pub profile: String,
    /// What faults it was looked for with.
    pub budget: Budget,
    /// Where everything random comes from.
    pub seed: Seed,
    /// The cluster, the application and their settings.
    pub world: World,
    /// The faults.
    pub schedule: Schedule,
    /// The claim that broke.
    pub broken: Claim,
    /// The settings each of which alone would have prevented it.
    pub cures: Vec<String>,
    /// Hash of the run, in JSON 16 hexadecimal digits.
    #[serde(serialize_with = "write_hash", deserialize_with = "read_hash")]
    pub trace_hash: u64,
    /// Rust source of a test that repeats the run.
    pub test: String,
}

/// What is wrong with a failure file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FailureError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It is no failure file, or a damaged one.
    #[error("not a failure that kafka-sim soak has written: {0}")]
    Malformed(serde_json::Error),
    /// Another version of kafka-sim wrote it.
    #[error("failure format {found}, expected format {FORMAT}")]
    Format {
        /// Its format.
        found: u32,
    },
    /// The schedule names something that is not there.
    #[error("the schedule names {0}")]
    UnknownName(String),
    /// The world is one that cannot be made.
    #[error("{0}")]
    Config(#[from] ConfigError),
}

/// A repeated run.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The run.
    pub run: Run,
    /// What came of it.
    pub report: Report,
    /// Whether it was the very run that was written down.
    pub identical: bool,
}

/// What of a failure file every format has.
#[derive(Deserialize)]
struct Format {
    #[serde(rename = "kafka_sim_failure")]
    format: u32,
}

impl FailureFile {
    /// Writes down what `seed` does under `schedule`, after running it once more for its hash.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn of(
        profile: &str,
        budget: Budget,
        world: World,
        seed: Seed,
        schedule: Schedule,
        broken: Claim,
    ) -> Result<FailureFile, ConfigError> {
        let cures = super::cures(&world, seed, &schedule, broken);
        Ok(FailureFile {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            profile: profile.to_owned(),
            budget,
            seed,
            cures: cures.iter().map(ToString::to_string).collect(),
            trace_hash: world.outcome(seed, &schedule)?.trace_hash,
            test: pinned::test(&world, seed, &schedule, broken),
            world,
            schedule,
            broken,
        })
    }

    /// Whether the bytes of a file look like a failure, rather than like a journal.
    pub fn is_likely(text: &[u8]) -> bool {
        let head = &text[..text.len().min(100)];
        head.windows(KEY.len()).any(|part| part == KEY.as_bytes())
    }

    /// Reads a failure from the bytes of its file.
    ///
    /// # Errors
    /// The bytes are not a failure of this format, or describe a run that cannot be made.
    pub fn parse(text: &[u8]) -> Result<FailureFile, FailureError> {
        let Format { format: found } = serde_json::from_slice(text).map_err(FailureError::Malformed)?;
        if found != FORMAT {
            return Err(FailureError::Format { found });
        }
        let failure: FailureFile = serde_json::from_slice(text).map_err(FailureError::Malformed)?;
        failure.world.validate()?;
        match names::unknown(&failure.world, &failure.schedule) {
            Some(unknown) => Err(FailureError::UnknownName(unknown)),
            None => Ok(failure),
        }
    }

    /// Reads a failure from a file.
    ///
    /// # Errors
    /// The file cannot be read, or as [`FailureFile::parse`].
    pub fn read(path: &Path) -> Result<FailureFile, FailureError> {
        let text = std::fs::read(path).map_err(|source| FailureError::Io {
            path: path.to_owned(),
            source,
        })?;
        FailureFile::parse(&text)
    }

    /// The bytes of its file.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("its keys are strings");
        text.push('\n');
        text
    }

    /// Writes it into a directory, which is made if it is not there, under a name made of profile and seed.
    ///
    /// # Errors
    /// The file or the directory cannot be written.
    pub fn write_into(&self, directory: &Path) -> Result<PathBuf, FailureError> {
        let path = directory.join(format!("{}-{}.json", self.profile, self.seed));
        let written = std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&path, self.to_json()));
        match written {
            Ok(()) => Ok(path),
            Err(source) => Err(FailureError::Io { path, source }),
        }
    }

    /// Repeats the run.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn replay(&self) -> Result<Replayed, ConfigError> {
        let (run, report) = self.world.run(self.seed, &self.schedule)?;
        Ok(Replayed {
            identical: run.trace_hash == self.trace_hash,
            run,
            report,
        })
    }
}

fn write_hash<S: Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{hash:016x}"))
}

fn read_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |_| de::Error::invalid_value(de::Unexpected::Str(&text), &"a hash of 16 hexadecimal digits");
    u64::from_str_radix(&text, 16).map_err(wrong)
}
