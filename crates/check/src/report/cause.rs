//! What brings violations about.

use std::fmt;

/// Where between the two applications something went wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// Between the producing application and the leader's log.
    Production,
    /// In the brokers.
    Storage,
    /// Between the log and the consuming application.
    Consumption,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Production => "production",
            Stage::Storage => "storage",
            Stage::Consumption => "consumption",
        })
    }
}

/// A configuration key with a value, as in `min.insync.replicas=2`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Setting {
    /// Kafka's key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Setting {
    /// A setting.
    ///
    /// ```
    /// use kafka_sim_check::Setting;
    /// assert_eq!(Setting::new("acks", "all").to_string(), "acks=all");
    /// ```
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Setting {
        Setting {
            key: key.into(),
            value: value.into(),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// What brought a violation about, and what would have prevented it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cause {
    /// Where it happened.
    pub stage: Stage,
    /// The fault that struck, in words; none if it took no fault.
    pub fault: Option<String>,
    /// The settings that let the fault through.
    pub setting_allowed: Vec<Setting>,
    /// The settings that would have stopped it.
    pub setting_prevents: Vec<Setting>,
    /// The ids of the brokers whose log had the record when the fault struck.
    pub replicas_had_it: Vec<i32>,
}

impl Cause {
    /// A cause of which only the stage is known so far.
    pub fn in_stage(stage: Stage) -> Cause {
        Cause {
            stage,
            fault: None,
            setting_allowed: Vec::new(),
            setting_prevents: Vec::new(),
            replicas_had_it: Vec::new(),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "    stage: {}", self.stage)?;
        if let Some(fault) = &self.fault {
            writeln!(f, "    fault: {fault}")?;
        }
        line(f, "brokers that had it", &self.replicas_had_it)?;
        line(f, "allowed by", &self.setting_allowed)?;
        line(f, "prevented by", &self.setting_prevents)
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, items: &[impl fmt::Display]) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        match at {
            0 => write!(f, "    {name}: {item}")?,
            _ => write!(f, ", {item}")?,
        }
    }
    if items.is_empty() { Ok(()) } else { writeln!(f) }
}
