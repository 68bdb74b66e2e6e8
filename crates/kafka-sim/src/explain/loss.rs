//! Why an acknowledged message is gone.

use kafka_sim_check::{Cause, MessageId, Moment, Observation, Setting, Stage};
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::peer::Tp;
use kafka_sim_core::{BrokerId, Offset, SimTime};

use super::Explainer;
use super::trail::{Taken, Trail};

impl Explainer<'_> {
    pub(super) fn explain_loss(
        &self,
        message: MessageId,
        producer: u32,
        topic: &str,
        partition: i32,
        offset: Option<Offset>,
        acked_at: SimTime,
    ) -> (Vec<String>, Cause) {
        let settings = self.settings.producer(producer);
        if settings.is_some_and(|s| s.ignores_results) {
            return self.explain_ignored(acked_at);
        }
        let kept = settings.and_then(|s| s.keeping);
        let offset = match kept {
            Some(_) => offset.or_else(|| self.offset_seen(message)),
            None => offset,
        };
        if let (Some(handling), None) = (kept, offset) {
            return self.explain_unkept(handling, producer, acked_at);
        }
        let (Some(tp), Some(offset)) = (self.tp_at(topic, partition, acked_at), offset) else {
            return self.explain_without_acks(message, acked_at);
        };
        let trail = Trail::of(self.events, tp, offset, acked_at);
        let acks = settings.map_or(-1, |s| s.acks);
        let decisive = self.decisive(&trail, tp, acked_at);
        let mut told = self.tell(&trail, topic, partition, offset, acks);
        told.extend(decisive.iter().map(|decisive| (decisive.at, decisive.sentence.clone())));
        // Stable: what happened at one instant stays in the order of cause and effect.
        told.sort_by_key(|(at, _)| *at);
        let mut story: Vec<String> = told
            .into_iter()
            .map(|(at, sentence)| format!("{} {sentence}", clock(at)))
            .collect();
        if trail.appended.is_none() {
            story.push(format!(
                "no leader of {topic}-{partition} ever had a record at offset {offset}"
            ));
        }
        let when = decisive.as_ref().map_or(acked_at, |decisive| decisive.at);
        let mut cause = self.blame(&trail, tp, topic, acks, decisive.as_ref());
        cause.fault = self.fault_behind(&trail, when);
        (story, cause)
    }

    fn explain_ignored(&self, sent_at: SimTime) -> (Vec<String>, Cause) {
        let story = vec![
            format!(
                "{} the application handed it over and never looked at the outcome",
                clock(sent_at)
            ),
            "the producer could not deliver it, and nobody was listening when it said so".into(),
        ];
        let cause = Cause {
            fault: self.last_fault(SimTime::MAX),
            setting_allowed: vec![Setting::new("application", "ignores send results")],
            setting_prevents: vec![Setting::new("application", "handles send results")],
            ..Cause::in_stage(Stage::Production)
        };
        (story, cause)
    }

    /// Where some reader saw the message.
    pub(super) fn offset_seen(&self, message: MessageId) -> Option<Offset> {
        self.history.observations().find_map(|seen| match seen {
            Observation::Read {
                message: Some(read),
                offset,
                ..
            } if read == message => Some(offset),
            _ => None,
        })
    }

    fn explain_without_acks(&self, message: MessageId, acked_at: SimTime) -> (Vec<String>, Cause) {
        let seen = self
            .history
            .observations()
            .any(|seen| matches!(seen, Observation::Read { message: Some(read), .. } if read == message));
        let fate = if seen {
            "it was readable for a while, so a leader had it, and a later leader did not"
        } else {
            "no reader ever saw it: it died on the way to the leader, or with the leader"
        };
        let story = vec![
            format!(
                "{} the producer counted it as sent when its request left the client: acks=0 has no answer to wait for",
                clock(acked_at)
            ),
            fate.into(),
        ];
        let cause = Cause {
            fault: self.last_fault(SimTime::MAX),
            setting_allowed: vec![Setting::new("acks", "0")],
            setting_prevents: vec![Setting::new("acks", "all"), Setting::new("min.insync.replicas", "2")],
            ..Cause::in_stage(Stage::Production)
        };
        (story, cause)
    }

    /// What became of the record, each sentence with its moment.
    fn tell(&self, trail: &Trail, topic: &str, partition: i32, offset: Offset, acks: i16) -> Vec<(SimTime, String)> {
        let Some((leader, appended_at, epoch)) = trail.appended else {
            return Vec::new();
        };
        let mut told = vec![(
            appended_at,
            format!(
                "broker {} appended it to {topic}-{partition} at offset {offset} in leader epoch {epoch}, into its page cache",
                leader.0
            ),
        )];
        let fetched = trail.held.iter().filter(|(broker, _)| **broker != leader);
        told.extend(fetched.map(|(broker, since)| (*since, format!("broker {} fetched it", broker.0))));
        if let Some((at, isr)) = &trail.answered {
            let acks = if acks == -1 { "all".to_owned() } else { acks.to_string() };
            told.push((
                *at,
                format!(
                    "the producer got its answer (acks={acks}) while the in-sync replicas were {}",
                    list(isr)
                ),
            ));
        }
        told.extend(
            trail
                .taken
                .iter()
                .map(|(broker, (at, taken))| (*at, sentence(*broker, *taken))),
        );
        told
    }

    /// The moment from which it could not come back: the election of a leader without it, or the end of the last copy.
    fn decisive(&self, trail: &Trail, tp: Tp, acked_at: SimTime) -> Option<Decisive> {
        let (since, epoch) = trail
            .appended
            .map_or((acked_at, -1), |(_, at, epoch)| (at.min(acked_at), epoch));
        let without = self
            .events
            .iter()
            .filter(|(at, _)| *at >= since)
            .find_map(|(at, event)| match event {
                Event::LeaderElected {
                    tp: there,
                    leader: Some(leader),
                    leader_epoch,
                    unclean,
                } if *there == tp && *leader_epoch > epoch && !trail.holders_at(*at).contains(leader) => {
                    let how = if *unclean { "uncleanly " } else { "" };
                    Some(Decisive {
                        at: *at,
                        leader: Some(*leader),
                        sentence: format!(
                            "broker {}, which does not have it, was {how}elected leader in epoch {leader_epoch}",
                            leader.0
                        ),
                    })
                }
                _ => None,
            });
        let last_copy = trail.taken.values().map(|(at, _)| *at).max();
        without.or(last_copy.map(|at| Decisive {
            at,
            leader: None,
            sentence: "the last copy was gone".to_owned(),
        }))
    }

    fn blame(&self, trail: &Trail, tp: Tp, topic: &str, acks: i16, decisive: Option<&Decisive>) -> Cause {
        let answered_at = trail.answered.as_ref().map(|(at, _)| *at);
        let had_it = answered_at.map_or_else(|| trail.held.keys().copied().collect(), |at| trail.holders_at(at));
        let (allowed, prevents) = self.settings_behind(trail, tp, topic, acks, decisive);
        Cause {
            setting_allowed: vec![allowed],
            setting_prevents: prevents,
            replicas_had_it: ids(&had_it),
            ..Cause::in_stage(Stage::Storage)
        }
    }

    /// The setting that allowed the loss, and those that would have prevented it: the first that applies of an
    /// acknowledgement that waited for nobody, an election that asked nobody, a copy that had no second, a minimum that
    /// let the leader stand alone, trust in a leader that came back without its tail, and storage itself.
    fn settings_behind(
        &self,
        trail: &Trail,
        tp: Tp,
        topic: &str,
        acks: i16,
        decisive: Option<&Decisive>,
    ) -> (Setting, Vec<Setting>) {
        let value = |key: &'static str, default| Setting::new(key, self.settings.topic(topic, key, key, default));
        let min_isr_two = || Setting::new("min.insync.replicas", "2");
        let copies_left = decisive.map_or(0, |decisive| trail.holders_at(decisive.at).len());
        let answered_by = trail.answered.as_ref().map_or(0, |(_, isr)| isr.len());
        let min_isr = value("min.insync.replicas", "1");
        let replicas = self.view.partition(topic, tp.partition).map_or(0, |p| p.replicas.len());
        let elected_never_had_it = decisive
            .and_then(|d| d.leader)
            .map_or(trail.held.len() <= 1, |leader| !trail.held.contains_key(&leader));
        let elr = self.settings.broker("eligible.leader.replicas.enable", "true");
        if acks == 1 && replicas > 1 && elected_never_had_it {
            (
                Setting::new("acks", "1"),
                vec![Setting::new("acks", "all"), min_isr_two()],
            )
        } else if let Some(unclean) = self.unclean_election(trail, tp, topic) {
            (unclean, vec![Setting::new("unclean.leader.election.enable", "false")])
        } else if replicas <= 1 {
            (
                Setting::new("replication.factor", "1"),
                vec![Setting::new("replication.factor", "3"), min_isr_two()],
            )
        } else if min_isr.value == "1" && (answered_by == 1 || copies_left > 0) {
            (min_isr, vec![min_isr_two()])
        } else if elr == "false" && copies_left > 0 {
            (
                Setting::new("eligible.leader.replicas.enable", elr),
                vec![Setting::new("eligible.leader.replicas.enable", "true")],
            )
        } else {
            self.storage_behind(trail, topic, replicas)
        }
    }

    /// Who allowed an unclean election after the record was appended: the topic, or an operator. The election of the last
    /// known leader (KIP-966) is not one that anybody had to allow.
    fn unclean_election(&self, trail: &Trail, tp: Tp, topic: &str) -> Option<Setting> {
        let (_, since, _) = trail.appended?;
        let after = || self.events.iter().filter(move |(at, _)| *at >= since);
        if !after()
            .any(|(_, event)| matches!(event, Event::LeaderElected { tp: there, unclean: true, .. } if *there == tp))
        {
            return None;
        }
        let key = "unclean.leader.election.enable";
        let by_operator = after().any(|(_, event)| matches!(event, Event::FaultFired { description, .. } if description.starts_with("unclean election")));
        let allowed = self.settings.topic(topic, key, key, "false") == "true";
        allowed
            .then(|| Setting::new(key, "true"))
            .or(by_operator.then(|| Setting::new("operator", "asks for an unclean election")))
    }

    /// Storage lost it: nothing was flushed in time, the disk did not do what it said, or every disk is gone.
    fn storage_behind(&self, trail: &Trail, topic: &str, replicas: usize) -> (Setting, Vec<Setting>) {
        let never = "9223372036854775807";
        let by_count = self
            .settings
            .topic(topic, "flush.messages", "log.flush.interval.messages", never);
        let by_time = self.settings.topic(topic, "flush.ms", "log.flush.interval.ms", never);
        let disk_lied = self.events.iter().any(|(_, event)| matches!(event, Event::FaultFired { description, .. } if description.contains("lying fsync") || description.contains("failing fsync")));
        if !trail.taken.values().any(|(_, how)| *how == Taken::Power) && !trail.taken.is_empty() {
            return (
                Setting::new("replication.factor", replicas.to_string()),
                vec![Setting::new("replication.factor", "more than disks that fail together")],
            );
        }
        if by_count == "1" && disk_lied {
            return (
                Setting::new("disk", "does not keep what fsync promised"),
                vec![Setting::new("disk", "honest fsync")],
            );
        }
        let allowed = if by_count == never && by_time != never {
            Setting::new("flush.ms", by_time)
        } else {
            Setting::new("flush.messages", by_count)
        };
        (
            allowed,
            vec![
                Setting::new("flush.messages", "1"),
                Setting::new("broker.rack", "replicas on independent power"),
            ],
        )
    }

    /// The latest fault before `when` that struck a broker which had the record; else the latest of all.
    fn fault_behind(&self, trail: &Trail, when: SimTime) -> Option<String> {
        let struck_holder = self.events.iter().rev().find_map(|(at, event)| match event {
            Event::FaultFired {
                description, brokers, ..
            } if *at <= when && brokers.iter().any(|b| trail.held.contains_key(b)) => {
                Some(format!("{} at {}", description, clock(*at)))
            }
            _ => None,
        });
        struck_holder.or_else(|| self.last_fault(when))
    }

    pub(super) fn last_fault(&self, until: SimTime) -> Option<String> {
        self.events.iter().rev().find_map(|(at, event)| match event {
            Event::FaultFired { description, .. } if *at <= until => Some(format!("{description} at {}", clock(*at))),
            _ => None,
        })
    }
}

/// The moment from which a record could not come back.
struct Decisive {
    at: SimTime,
    /// Who was elected without it.
    leader: Option<BrokerId>,
    sentence: String,
}

fn sentence(broker: BrokerId, taken: Taken) -> String {
    match taken {
        Taken::Power => format!("broker {} lost power, and it was not on the platter", broker.0),
        Taken::Damage => format!(
            "broker {} found its log damaged when it started, and cut it off",
            broker.0
        ),
        Taken::Truncation => format!("broker {} cut it off to match the log of its new leader", broker.0),
        Taken::Wipe => format!("broker {} lost its disk", broker.0),
        Taken::Deletion => "the topic was deleted".into(),
    }
}

pub(super) fn clock(at: SimTime) -> Moment {
    Moment(at.as_nanos())
}

fn list(brokers: &[BrokerId]) -> String {
    let ids: Vec<String> = brokers.iter().map(|b| b.0.to_string()).collect();
    if ids.is_empty() {
        "unknown".into()
    } else {
        ids.join(", ")
    }
}

fn ids(brokers: &[BrokerId]) -> Vec<i32> {
    brokers.iter().map(|b| b.0).collect()
}
