//! When faults strike.

use std::fmt;
use std::time::Duration;

use kafka_sim_core::SimTime;
use serde::{Deserialize, Serialize};

use crate::fault::literal::{self, Literal};
use crate::fault::{Fault, serial};
use crate::mark::MarkKind;

/// Faults and the moments they strike. The order matters only between faults of the same moment.
///
/// As JSON it is a list:
/// `[{"at": {"ms": 2000}, "fault": {"kill": {"leader_of": {"topic": "orders", "partition": 0}}}, "heal_after_ms": 5000}]`.
/// A fault without `at` strikes at 0 ms.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schedule {
    /// The faults.
    pub faults: Vec<ScheduledFault>,
}

/// One fault, the moment it strikes and how long it lasts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledFault {
    /// When it strikes.
    #[serde(default)]
    pub at: Trigger,
    /// What it does.
    pub fault: Fault,
    /// How long after striking it is healed; `None` leaves the healing to the end of the run. Without meaning for
    /// faults that leave nothing to heal.
    #[serde(
        rename = "heal_after_ms",
        default,
        skip_serializing_if = "Option::is_none",
        with = "serial::optional_duration"
    )]
    pub heal_after: Option<Duration>,
}

/// The moment a fault strikes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// An instant. In JSON `{"ms": 2000}`.
    #[serde(rename = "ms", with = "serial::sim_time")]
    At(SimTime),
    /// The moment right after the `n`-th occurrence of a mark.
    Nth {
        /// What is counted.
        mark: MarkKind,
        /// Which occurrence, from 1.
        n: u32,
    },
}

impl Default for Trigger {
    /// The start.
    fn default() -> Trigger {
        Trigger::At(SimTime::ZERO)
    }
}

impl From<Vec<ScheduledFault>> for Schedule {
    fn from(faults: Vec<ScheduledFault>) -> Schedule {
        Schedule { faults }
    }
}

impl FromIterator<ScheduledFault> for Schedule {
    fn from_iter<I: IntoIterator<Item = ScheduledFault>>(faults: I) -> Schedule {
        Schedule {
            faults: faults.into_iter().collect(),
        }
    }
}

impl Schedule {
    /// The schedule as a Rust expression that can be pasted into a test. It uses the names `Schedule`,
    /// `ScheduledFault`, `Trigger`, `Fault`, `Role`, `Peer`, `Filter`, `Survivors`, `MarkKind`, `BrokerId`, `SimTime`
    /// and `Duration`, each only where it is needed.
    pub fn to_rust(&self) -> String {
        let mut out = String::from("Schedule::from(vec![\n");
        for fault in &self.faults {
            out.push_str("    ");
            fault.write_literal(&mut out);
            out.push_str(",\n");
        }
        out.push_str("])");
        out
    }
}

impl Literal for ScheduledFault {
    fn write_literal(&self, out: &mut String) {
        let fields: [(&str, &dyn Literal); 3] = [
            ("at", &self.at),
            ("fault", &self.fault),
            ("heal_after", &self.heal_after),
        ];
        literal::fields(out, "ScheduledFault", &fields);
    }
}

impl Literal for Trigger {
    fn write_literal(&self, out: &mut String) {
        match self {
            Trigger::At(at) => literal::call(out, "Trigger::At", at),
            Trigger::Nth { mark, n } => literal::fields(out, "Trigger::Nth", &[("mark", mark), ("n", n)]),
        }
    }
}

impl Fault {
    /// This fault at an instant, not healed before the end.
    pub fn at(self, at: SimTime) -> ScheduledFault {
        ScheduledFault {
            at: Trigger::At(at),
            fault: self,
            heal_after: None,
        }
    }

    /// This fault right after the `n`-th occurrence of `mark`, from 1; not healed before the end.
    pub fn on_nth(self, n: u32, mark: MarkKind) -> ScheduledFault {
        ScheduledFault {
            at: Trigger::Nth { mark, n },
            fault: self,
            heal_after: None,
        }
    }
}

impl ScheduledFault {
    /// The same fault, healed that long after it struck.
    pub fn healed_after(self, heal_after: Duration) -> ScheduledFault {
        ScheduledFault {
            heal_after: Some(heal_after),
            ..self
        }
    }
}

impl fmt::Display for Schedule {
    /// One line per fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ScheduledFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.fault)?;
        match self.heal_after {
            Some(after) if self.fault.is_healable() => write!(f, ", healed after {after:?}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::At(at) => write!(f, "at {:?}", at.since_start()),
            Trigger::Nth { mark, n: 0 | 1 } => write!(f, "on the first {mark}"),
            Trigger::Nth { mark, n } => write!(f, "on occurrence {n} of {mark}"),
        }
    }
}
