//! AlterConfigs and IncrementalAlterConfigs (ConfigurationControlManager).

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_sim_core::{ConfigError, ErrorCode};

use super::publish::Changes;
use super::topic_names::check_topic_name;
use super::{Controller, refuse};
use crate::config::{
    Overrides, broker_key, check_broker_value, list_items, topic_key, topic_number, validate_group_config,
    validate_topic_config,
};
use crate::peer::{ConfigChange, ConfigOp, ConfigResource, MetadataRecord, Refusal};

/// The key that decides when members of the ISR become eligible leader replicas.
const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// Longest value, in bytes.
const MAX_VALUE_BYTES: usize = i16::MAX as usize;

/// New values by key; `None` removes an override.
type Updates = BTreeMap<Arc<str>, Option<Arc<str>>>;

impl Controller {
    /// Changes the overrides of resources, each on its own and as a whole.
    pub(super) fn alter_configs(
        &mut self,
        requested: Vec<ConfigChange>,
        validate_only: bool,
        changes: &mut Changes,
    ) -> Vec<(ConfigResource, Result<(), Refusal>)> {
        let mut times: BTreeMap<ConfigResource, usize> = BTreeMap::new();
        requested
            .iter()
            .for_each(|change| *times.entry(change.resource.clone()).or_default() += 1);
        let mut answers = Vec::with_capacity(requested.len());
        for change in requested {
            let outcome = if times[&change.resource] > 1 {
                Err(refuse(
                    ErrorCode::INVALID_REQUEST,
                    "The resource is listed more than once.",
                ))
            } else {
                self.updates(&change)
                    .and_then(|updates| self.check_updates(&change.resource, updates))
            };
            let outcome = outcome.map(|updates| {
                if !validate_only {
                    self.write_updates(&change.resource, updates, changes);
                }
            });
            answers.push((change.resource, outcome));
        }
        answers
    }

    /// Overrides that a topic is created with.
    pub(super) fn check_new_topic_configs(&self, configs: &[(Arc<str>, Option<Arc<str>>)]) -> Result<(), Refusal> {
        let mut overrides = Overrides::new();
        for (key, value) in configs {
            let Some(value) = value else {
                let message = format!("A topic cannot be created with a null value for {key}.");
                return Err(refuse(ErrorCode::INVALID_CONFIG, message));
            };
            overrides.insert(key.clone(), value.clone());
        }
        self.check_topic_overrides(&overrides)
    }

    /// What the operations make of the present overrides.
    fn updates(&self, change: &ConfigChange) -> Result<Updates, Refusal> {
        let invalid = |message: String| Err(refuse(ErrorCode::INVALID_REQUEST, message));
        let mut updates = Updates::new();
        for (key, op, value) in &change.ops {
            if value.is_none() && *op != ConfigOp::Delete {
                return invalid(format!("A null value for {key} can only be deleted."));
            }
            let update = match op {
                ConfigOp::Set => value.clone(),
                ConfigOp::Delete => None,
                ConfigOp::Append | ConfigOp::Subtract => {
                    Some(self.changed_list(&change.resource, key, *op, value.as_deref().unwrap_or_default())?)
                }
                ConfigOp::Unknown(number) => return invalid(format!("Operation {number} on {key} does not exist.")),
            };
            if updates.insert(key.clone(), update).is_some() {
                return invalid(format!("Key {key} is changed more than once."));
            }
        }
        if change.replace_all {
            let present = self
                .image
                .configs
                .get(&change.resource)
                .into_iter()
                .flat_map(BTreeMap::keys);
            present.for_each(|key| _ = updates.entry(key.clone()).or_insert(None));
        }
        Ok(updates)
    }

    /// Appends to or subtracts from a list. What counts so far is the override, or Kafka's own default.
    fn changed_list(
        &self,
        resource: &ConfigResource,
        key: &Arc<str>,
        op: ConfigOp,
        value: &str,
    ) -> Result<Arc<str>, Refusal> {
        let def = match resource {
            ConfigResource::Topic(_) => topic_key(key).map(|def| &def.key),
            _ => broker_key(key),
        };
        let Some(def) = def.filter(|def| def.kind.is_list()) else {
            let message = format!("{key} is not a list, so nothing can be appended to or subtracted from it.");
            return Err(refuse(ErrorCode::INVALID_CONFIG, message));
        };
        let overrides = self.image.configs.get(resource);
        let present = overrides
            .and_then(|overrides| overrides.get(key))
            .map(|value| &**value)
            .or(def.default);
        let mut items: Vec<&str> = list_items(present.unwrap_or_default()).collect();
        for item in list_items(value) {
            match op {
                ConfigOp::Subtract => items.retain(|present| *present != item),
                _ if items.contains(&item) => {}
                _ => items.push(item),
            }
        }
        Ok(Arc::from(items.join(",")))
    }

    /// Checks the overrides that would result, then that the resource exists.
    fn check_updates(&self, resource: &ConfigResource, updates: Updates) -> Result<Updates, Refusal> {
        if updates.values().flatten().any(|value| value.len() > MAX_VALUE_BYTES) {
            let message = format!("A configuration value exceeds the maximum of {MAX_VALUE_BYTES} bytes.");
            return Err(refuse(ErrorCode::INVALID_CONFIG, message));
        }
        match resource {
            ConfigResource::Topic(name) => {
                check_topic_name(name).map_err(|reason| {
                    refuse(
                        ErrorCode::INVALID_TOPIC_EXCEPTION,
                        format!("Topic name is invalid: {reason}"),
                    )
                })?;
                let overrides = self.overrides_after(resource, &updates);
                self.check_topic_overrides(&overrides)?;
                if !self.image.names.contains_key(name) {
                    let message = format!("There is no topic '{name}'.");
                    return Err(refuse(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, message));
                }
            }
            ConfigResource::Group(_) => {
                let overrides = self.overrides_after(resource, &updates);
                validate_group_config(&self.defaults, &overrides).map_err(invalid_config)?;
            }
            ConfigResource::Broker(id) => {
                self.check_broker_updates(&updates, false)?;
                if !self.image.brokers.contains_key(id) {
                    let message = format!("Broker {id} is not registered.");
                    return Err(refuse(ErrorCode::BROKER_ID_NOT_REGISTERED, message));
                }
            }
            ConfigResource::ClusterDefault => self.check_broker_updates(&updates, true)?,
        }
        Ok(updates)
    }

    fn overrides_after(&self, resource: &ConfigResource, updates: &Updates) -> Overrides {
        let mut overrides = self.image.configs.get(resource).cloned().unwrap_or_default();
        for (key, value) in updates {
            match value {
                Some(value) => overrides.insert(key.clone(), value.clone()),
                None => overrides.remove(key),
            };
        }
        overrides
    }

    fn check_topic_overrides(&self, overrides: &Overrides) -> Result<(), Refusal> {
        for (key, value) in overrides {
            validate_topic_config(key, value).map_err(invalid_config)?;
        }
        let lag = |key: &str| topic_number(&self.defaults, Some(overrides), key);
        let (min, max) = (lag("min.compaction.lag.ms"), lag("max.compaction.lag.ms"));
        if min > max {
            let message = "min.compaction.lag.ms must not exceed max.compaction.lag.ms";
            return Err(refuse(ErrorCode::INVALID_CONFIG, message));
        }
        Ok(())
    }

    fn check_broker_updates(&self, updates: &Updates, cluster_wide: bool) -> Result<(), Refusal> {
        for (key, value) in updates {
            // A removal is checked for its key alone.
            let def = match (value, broker_key(key)) {
                (None, Some(def)) => def,
                _ => check_broker_value(key, value.as_deref().unwrap_or_default()).map_err(invalid_config)?,
            };
            if !def.dynamic {
                return Err(refuse(
                    ErrorCode::INVALID_REQUEST,
                    format!("{key} cannot change while a broker runs."),
                ));
            }
            if self.elr_enabled() && &**key == MIN_INSYNC_REPLICAS && (!cluster_wide || value.is_none()) {
                let message = "While ELR is enabled, min.insync.replicas belongs to the cluster and cannot be removed.";
                return Err(refuse(ErrorCode::INVALID_CONFIG, message));
            }
        }
        Ok(())
    }

    fn write_updates(&mut self, resource: &ConfigResource, updates: Updates, changes: &mut Changes) {
        let topic = match resource {
            ConfigResource::Topic(name) => Some(name.clone()),
            _ => None,
        };
        let (mut min_isr_changed, mut unclean_allowed) = (false, false);
        for (key, value) in updates {
            let present = self
                .image
                .configs
                .get(resource)
                .and_then(|overrides| overrides.get(&key));
            if present == value.as_ref() {
                continue;
            }
            min_isr_changed |= &*key == MIN_INSYNC_REPLICAS;
            unclean_allowed |= &*key == "unclean.leader.election.enable";
            self.write(MetadataRecord::Config(resource.clone(), key, value), changes);
        }
        if min_isr_changed && self.elr_enabled() {
            self.clear_elr(topic.as_ref(), changes);
        }
        if unclean_allowed && !matches!(resource, ConfigResource::Broker(_)) {
            self.elect_uncleanly_now(topic.as_deref(), changes);
        }
    }
}

fn invalid_config(error: ConfigError) -> Refusal {
    refuse(ErrorCode::INVALID_CONFIG, error.to_string())
}
