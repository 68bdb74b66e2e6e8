//! What a process has used, from Linux's `/proc`; absent on other systems.

/// Totals since the process started.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// User and system time in milliseconds.
    pub(crate) cpu_ms: u64,
    /// Peak resident memory in KiB.
    pub(crate) peak_kib: u64,
}

/// Reads the totals of the process `pid`.
pub(crate) fn usage(pid: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses and may hold spaces; utime and stime are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    // A tick is 10 ms on every Linux that has a /proc/<pid>/stat in user hertz.
    Some(Usage {
        cpu_ms: ticks * 10,
        peak_kib: peak.trim().trim_end_matches(" kB").trim().parse().ok()?,
    })
}

/// The processor's name and how many of them there are.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|rest| rest.split_once(':'));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{}, {cores} cores, Linux {}",
        model.map_or("unknown processor", |(_, name)| name.trim()),
        kernel.trim()
    )
}
