//! Stopping a broker in an orderly way.

use std::time::Duration;

use super::{Broker, Ctx, Effect, Lifecycle, Timer};
use crate::event::Event;
use crate::log::checkpoint;

/// How long BrokerServer waits for the controller to let it go.
const PATIENCE: Duration = Duration::from_secs(300);

impl Broker {
    /// Asks the controller to move leaderships away first (controlled shutdown).
    pub(crate) fn begin_controlled_shutdown(&mut self, ctx: &mut Ctx<'_>) {
        if self.broker_epoch < 0 {
            return self.stop_cleanly(ctx);
        }
        if self.lifecycle != Lifecycle::ShuttingDown {
            self.lifecycle = Lifecycle::ShuttingDown;
            self.timers.set(ctx.now + PATIENCE, Timer::StopAnyway);
        }
        self.heartbeat(ctx);
    }

    /// The controller gave no permission in time.
    pub(crate) fn stop_anyway(&mut self, ctx: &mut Ctx<'_>) {
        if self.lifecycle == Lifecycle::ShuttingDown {
            self.stop_cleanly(ctx);
        }
    }

    /// Flushes every log, writes the checkpoints and, if all went well, the clean-shutdown marker with the broker epoch.
    pub(crate) fn stop_cleanly(&mut self, ctx: &mut Ctx<'_>) {
        self.write_high_watermark_checkpoint(ctx);
        let mut clean = !self.log_dir_offline;
        for partition in self.partitions.values_mut() {
            clean &= partition.log.close_clean(ctx.disk, ctx.now).is_ok();
        }
        self.write_recovery_point_checkpoint(ctx);
        self.write_log_start_checkpoint(ctx);
        if clean && !self.log_dir_offline {
            let _ = checkpoint::write_clean_shutdown(ctx.disk, self.broker_epoch, ctx.now);
        }
        ctx.event(Event::BrokerStopped {
            broker: self.id(),
            controlled: self.lifecycle == Lifecycle::ShuttingDown,
        });
        ctx.effects.push(Effect::Exit);
    }
}
