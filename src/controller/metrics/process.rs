//! `process_*`: processor time, memory, open files and start time of this process, read from /proc whenever they are asked for.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Ticks of /proc/…/stat a second: Linux has shown user space this number on every architecture that we build for.
const TICKS: f64 = 100.0;

pub(super) fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Process));
}

#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let found = Found::now();
        let mut counter = |name: &str, help: &str, value: Option<f64>| -> std::fmt::Result {
            let Some(value) = value else { return Ok(()) };
            let metric = ConstCounter::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        counter("process_cpu_seconds", "Processor time of user and system in seconds", found.cpu_seconds)?;
        let gauges = [
            ("process_resident_memory_bytes", "Resident memory in bytes", found.resident),
            ("process_virtual_memory_bytes", "Virtual memory in bytes", found.virtual_),
            ("process_virtual_memory_max_bytes", "Most virtual memory that there may be, in bytes", found.virtual_max),
            ("process_open_fds", "Open files", found.open_files),
            ("process_max_fds", "Most files that may be open", found.max_files),
            ("process_start_time_seconds", "Start of the process since the Unix epoch in seconds", found.start),
        ];
        for (name, help, value) in gauges {
            let Some(value) = value else { continue };
            let metric = ConstGauge::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
        }
        Ok(())
    }
}

/// What /proc says; nothing where there is no /proc.
#[derive(Debug, Default)]
struct Found {
    cpu_seconds: Option<f64>,
    resident: Option<f64>,
    virtual_: Option<f64>,
    virtual_max: Option<f64>,
    open_files: Option<f64>,
    max_files: Option<f64>,
    start: Option<f64>,
}

impl Found {
    fn now() -> Self {
        let mut found = Self::default();
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let stat = text("/proc/self/stat");
        // The program's name, in brackets, may hold blanks: fields are counted behind it. The first there is number 3.
        let fields: Vec<f64> = stat
            .rsplit_once(')')
            .map(|(_, rest)| rest.split_ascii_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect())
            .unwrap_or_default();
        let field = |number: usize| fields.get(number - 3).copied();
        found.cpu_seconds = field(14).zip(field(15)).map(|(user, system)| (user + system) / TICKS);
        let boot = text("/proc/stat").lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
        found.start = field(22).zip(boot).map(|(start, boot)| boot + start / TICKS);
        found.virtual_ = field(23);
        let status = text("/proc/self/status");
        found.resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok())
            .map(|kilobytes| kilobytes * 1024.0);
        let limits = text("/proc/self/limits");
        let soft = |name: &str| {
            let word = limits.lines().find_map(|line| line.strip_prefix(name))?.split_ascii_whitespace().next()?;
            // Unlimited is the largest number there is, as Prometheus' client for Go shows it.
            if word == "unlimited" { Some(u64::MAX as f64) } else { word.parse().ok() }
        };
        found.virtual_max = soft("Max address space");
        found.max_files = soft("Max open files");
        found.open_files = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64);
        found
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_this_process() {
        let found = Found::now();
        let now = time::OffsetDateTime::now_utc().unix_timestamp() as f64;
        let start = found.start.unwrap();
        assert!(start <= now + 1.0 && start > now - 86400.0, "{start} {now}");
        let megabytes = found.resident.unwrap() / f64::from(1 << 20);
        assert!((1.0..10_000.0).contains(&megabytes), "{megabytes}");
        assert!(found.virtual_.unwrap() >= found.resident.unwrap());
        assert!(found.open_files.unwrap() >= 3.0 && found.max_files.unwrap() >= found.open_files.unwrap());
        assert!(found.cpu_seconds.is_some() && found.virtual_max.is_some());
    }
}
