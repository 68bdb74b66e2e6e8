//! From the start of the process to serving clients (BrokerLifecycleManager, LogManager startup).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_sim_core::wire::ResponseWriter;
use kafka_sim_core::{ErrorCode, Seed, SmallMap, TopicPartition};
use uuid::Uuid;

use super::{
    Broker, BrokerSpec, ControllerLink, Ctx, Effect, FetchReads, Partition, Purgatory, Timer, Timers, fetch_session,
};
use crate::disk::Disk;
use crate::event::Event;
use crate::group::Coordinators;
use crate::log::{Log, LogConfig, OpenOptions, checkpoint};
use crate::peer::{HeartbeatAnswer, MetadataImage, ToController, Tp};

const META_PROPERTIES: &str = "meta.properties";
/// While starting, and for the first heartbeat of a shutdown.
const EAGER_HEARTBEAT: Duration = Duration::from_millis(10);

/// Where the broker is between start and stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lifecycle {
    /// Not registered yet.
    Starting {
        previous_broker_epoch: i64,
        empty_disk: bool,
    },
    /// Registered; fenced until the controller says otherwise.
    CatchingUp,
    Running,
    /// Asked the controller for permission to stop.
    ShuttingDown,
}

impl Broker {
    /// Starts the process: reads what the disk holds, recovers logs after an unclean stop, and registers.
    pub(crate) fn start(spec: Arc<BrokerSpec>, incarnation: u64, seed: Seed, ctx: &mut Ctx<'_>) -> Broker {
        let rng = Broker::seed_stream(seed, spec.id, incarnation);
        let mut broker = Broker {
            config: spec.config.clone(),
            image: MetadataImage::default(),
            metadata_offset: 0,
            lifecycle: Lifecycle::Starting {
                previous_broker_epoch: -1,
                empty_disk: true,
            },
            broker_epoch: -1,
            partitions: SmallMap::new(),
            connections: SmallMap::new(),
            purgatory: Purgatory::default(),
            fetchers: SmallMap::new(),
            replica_fetches: incarnation << 32,
            followers: SmallMap::new(),
            controller: ControllerLink::numbered_from(incarnation << 32),
            groups: Coordinators::default(),
            sessions: fetch_session::SessionCache::default(),
            producer_ids: 0..0,
            timers: Timers::default(),
            log_dir_offline: false,
            cleaners: BTreeMap::new(),
            rng,
            spare_asks: Vec::new(),
            spare_reads: FetchReads::default(),
            spare_produces: Vec::new(),
            spare_parts: Vec::new(),
            responses: ResponseWriter::default(),
            incarnation,
            answered: Vec::new(),
            spec,
        };
        ctx.event(Event::BrokerStarted { broker: broker.id() });
        broker.load_disk(ctx);
        broker.arm_background_timers(ctx);
        broker.register(ctx);
        broker
    }

    fn load_disk(&mut self, ctx: &mut Ctx<'_>) {
        let marker = checkpoint::take_clean_shutdown(ctx.disk);
        let empty_disk = ctx.disk.lookup(META_PROPERTIES).is_none();
        if empty_disk {
            let text = format!("cluster.id={}\nnode.id={}\n", self.spec.cluster_id, self.id().0);
            if ctx
                .disk
                .write_checkpoint(META_PROPERTIES, text.into(), ctx.now)
                .is_err()
            {
                self.fail_log_dir(ctx);
            }
        }
        self.lifecycle = Lifecycle::Starting {
            previous_broker_epoch: marker.unwrap_or(-1),
            empty_disk,
        };
        let recovery_points = checkpoint::read_recovery_points(ctx.disk);
        let log_starts = checkpoint::read_log_starts(ctx.disk);
        let high_watermarks = checkpoint::read_high_watermarks(ctx.disk);
        let cleaned = checkpoint::read_cleaned(ctx.disk);
        for (name, id) in hosted(ctx.disk) {
            let key = TopicPartition {
                topic: name.0.clone(),
                partition: name.1,
            };
            let options = OpenOptions {
                clean: marker.is_some(),
                recovery_point: recovery_points.get(&key).copied().unwrap_or(0),
                log_start: log_starts.get(&key).copied().unwrap_or(0),
                now: ctx.now,
                now_ms: ctx.now_ms,
            };
            let tp = Tp {
                topic: id,
                partition: name.1,
            };
            let high_watermark = high_watermarks.get(&key).copied().unwrap_or(0);
            let cleaned_to = cleaned.get(&key).copied();
            self.open_partition(ctx, tp, key, LogConfig::default(), options, high_watermark);
            if let Some(partition) = self.partitions.get_mut(&tp) {
                partition.cleaned_to = cleaned_to;
            }
        }
    }

    /// Opens or creates the log of one replica. A failing disk takes the whole log directory offline.
    pub(crate) fn open_partition(
        &mut self,
        ctx: &mut Ctx<'_>,
        tp: Tp,
        name: TopicPartition,
        config: LogConfig,
        options: OpenOptions,
        high_watermark: i64,
    ) {
        let dir = name.to_string();
        let clean = options.clean;
        match Log::open(ctx.disk, &dir, config, options) {
            Ok((log, report)) => {
                // Also when nothing was left to scan: that everything is gone is what has to be told.
                if !clean {
                    ctx.event(Event::Recovered {
                        broker: self.id(),
                        tp,
                        log_end: log.log_end_offset(),
                        cut_bytes: report.truncated_bytes,
                    });
                }
                let partition = Partition::new(tp, name, log, high_watermark);
                #[cfg(feature = "mutants")]
                let partition = partition.with_mutant(self.spec.mutant);
                self.partitions.insert(tp, partition);
            }
            Err(_) => self.fail_log_dir(ctx),
        }
    }

    pub(crate) fn register(&mut self, ctx: &mut Ctx<'_>) {
        if let Lifecycle::Starting {
            previous_broker_epoch,
            empty_disk,
        } = self.lifecycle
        {
            let message = ToController::Register {
                incarnation: self.incarnation,
                rack: self.spec.rack.clone(),
                previous_broker_epoch,
                empty_disk,
            };
            self.send_registration(ctx, message);
        }
    }

    pub(crate) fn on_registered(&mut self, ctx: &mut Ctx<'_>, result: Result<i64, ErrorCode>) {
        match result {
            Ok(epoch) => {
                self.broker_epoch = epoch;
                self.lifecycle = Lifecycle::CatchingUp;
                // Once the metadata has arrived the broker asks to be unfenced; the timer is for when it does not.
                self.fetch_metadata(ctx);
                self.heartbeat_soon(ctx);
                self.send_isr_proposals(ctx);
            }
            // The old session has to lapse first.
            Err(_) => {
                self.timers.set(ctx.now + Duration::from_secs(1), Timer::Register);
            }
        }
    }

    pub(crate) fn heartbeat(&mut self, ctx: &mut Ctx<'_>) {
        if self.broker_epoch < 0 || self.heartbeat_in_flight() {
            return;
        }
        let message = ToController::Heartbeat {
            broker_epoch: self.broker_epoch,
            metadata_offset: self.metadata_offset,
            want_fence: false,
            want_shutdown: self.lifecycle == Lifecycle::ShuttingDown,
            log_dir_offline: self.log_dir_offline,
        };
        self.send_heartbeat(ctx, message);
    }

    pub(crate) fn heartbeat_soon(&mut self, ctx: &Ctx<'_>) {
        self.heartbeat_at(ctx.now + EAGER_HEARTBEAT);
    }

    pub(crate) fn on_heartbeat_answer(&mut self, ctx: &mut Ctx<'_>, result: Result<HeartbeatAnswer, ErrorCode>) {
        let next = match (self.lifecycle, result) {
            (_, Err(_)) => {
                // The registration is void: the controller saw a newer one, or forgot this broker.
                self.lifecycle = Lifecycle::Starting {
                    previous_broker_epoch: -1,
                    empty_disk: false,
                };
                self.broker_epoch = -1;
                self.register(ctx);
                return;
            }
            (Lifecycle::ShuttingDown, Ok(answer)) => {
                if answer.should_shut_down {
                    self.stop_cleanly(ctx);
                    return;
                }
                EAGER_HEARTBEAT * 5
            }
            (Lifecycle::CatchingUp, Ok(answer)) => {
                if answer.fenced {
                    EAGER_HEARTBEAT
                } else {
                    self.lifecycle = Lifecycle::Running;
                    ctx.effects.push(Effect::Listening(true));
                    self.config.broker_heartbeat_interval
                }
            }
            (_, Ok(_)) => self.config.broker_heartbeat_interval,
        };
        self.heartbeat_at(ctx.now + next);
    }

    /// The only log directory failed: the broker gives up what it hosts (LogDirFailureHandler).
    ///
    /// Divergence: Kafka halts when the last directory has failed. Here the process lives on as one that had others does.
    pub(crate) fn fail_log_dir(&mut self, ctx: &mut Ctx<'_>) {
        if self.log_dir_offline {
            return;
        }
        self.log_dir_offline = true;
        ctx.event(Event::LogDirOffline { broker: self.id() });
        let tps: Vec<Tp> = self.partitions.keys().copied().collect();
        self.fetchers.clear();
        for tp in tps {
            self.coordinator_resigned(ctx, tp);
            self.complete_produces(ctx, tp);
            self.complete_fetches(ctx, tp);
        }
        crate::api::delete_records::recheck(self, ctx);
        self.heartbeat(ctx);
    }
}

/// Partition directories on the disk and the topic id recorded in each.
fn hosted(disk: &Disk) -> Vec<((Arc<str>, i32), Uuid)> {
    let mut found = Vec::new();
    for path in disk.list("") {
        let Some(dir) = path.strip_suffix("/partition.metadata") else {
            continue;
        };
        let Some((topic, partition)) = dir.rsplit_once('-') else {
            continue;
        };
        let (Ok(partition), Some(file)) = (partition.parse(), disk.lookup(&path)) else {
            continue;
        };
        let text = disk.read_bytes(file);
        let id = std::str::from_utf8(&text)
            .ok()
            .and_then(|t| t.lines().find_map(|l| l.strip_prefix("topic_id: ")))
            .and_then(|id| Uuid::parse_str(id.trim()).ok());
        if let Some(id) = id {
            found.push(((Arc::from(topic), partition), id));
        }
    }
    found
}
