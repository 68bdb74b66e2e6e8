//! What the settings of a consuming application allow, and what would not.

use kafka_sim_check::Setting;

use crate::sim::{ConsumerPlan, OnFailure, Pattern};

/// What allowed something, and what prevents it.
pub(super) type Blame = (Vec<Setting>, Vec<Setting>);

/// What the members of a group were set to.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerSettings {
    pub(super) group: String,
    pattern: Pattern,
    on_failure: OnFailure,
    handler_fails: bool,
    auto_commit: bool,
    offset_reset: String,
}

fn application(allowed: &str, prevents: &str) -> Blame {
    let setting = |value| vec![Setting::new("application", value)];
    (setting(allowed), setting(prevents))
}

impl ConsumerSettings {
    pub(crate) fn of(plan: &ConsumerPlan) -> ConsumerSettings {
        ConsumerSettings {
            group: plan.group.to_string(),
            pattern: plan.pattern,
            on_failure: plan.on_failure,
            handler_fails: plan.fails_every.is_some() || plan.poison.is_some(),
            auto_commit: plan.config.auto_commit,
            offset_reset: format!("{:?}", plan.config.reader.offset_reset).to_lowercase(),
        }
    }

    /// Records that nobody was given.
    pub(super) fn resetting(&self) -> Blame {
        let allowed = Setting::new("auto.offset.reset", self.offset_reset.as_str());
        (vec![allowed], vec![Setting::new("auto.offset.reset", "earliest")])
    }

    /// Commits that pass over what is not processed.
    pub(super) fn passing(&self) -> Blame {
        let auto = |value: &str| Setting::new("enable.auto.commit", value);
        if self.handler_fails && self.on_failure == OnFailure::Skip {
            return application("skips records whose handler fails", "reads them again");
        }
        match self.pattern {
            Pattern::CommitThenProcess => application("commits before it processes", "commits after it has processed"),
            Pattern::FlagStore { atomic: false } => {
                application("sets the flag before the effect", "flag and effect in one transaction")
            }
            Pattern::AutoCommitQueue { .. } => {
                let (mut allowed, mut prevents) = application(
                    "hands records to a queue in memory",
                    "commits when all workers are done",
                );
                allowed.insert(0, auto("true"));
                prevents.insert(0, auto("false"));
                (allowed, prevents)
            }
            _ if self.auto_commit => (vec![auto("true")], vec![auto("false")]),
            _ => Blame::default(),
        }
    }

    /// Effects that take place again when a record is handed out again.
    pub(super) fn repeating(&self) -> Blame {
        let prevents = "flag and effect in one transaction";
        match self.pattern {
            Pattern::FlagAfterEffect => application("sets the flag after the effect", prevents),
            _ => application("handler is not idempotent", prevents),
        }
    }
}
