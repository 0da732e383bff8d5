//! Ours against kubeseal on the same work, in one run: `cargo bench --bench kubeseal`.
//!
//! Whole processes, from start to end, with input and output in files, the two programs taking turns so that whatever else the
//! machine does hits both. Prints medians, the largest resident memory, and the targets of `docs/performance.md`. `-- --quick`
//! does a tenth of the runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "printing is its purpose")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

/// Secrets of the large stream, and values in each.
const SECRETS: usize = 300;
const VALUES: usize = 5;

/// One program on one piece of work.
struct Job {
    program: PathBuf,
    args: Vec<String>,
    /// Each file is the standard input of one process; the processes run one after another.
    inputs: Vec<PathBuf>,
}

#[derive(Clone, Copy)]
struct Measure {
    wall: Duration,
    cpu: Duration,
    /// Largest resident set of a process, bytes.
    resident: u64,
}

impl Job {
    fn new(program: impl Into<PathBuf>, args: &[&str], inputs: &[PathBuf]) -> Job {
        Job { program: program.into(), args: args.iter().map(|arg| (*arg).to_owned()).collect(), inputs: inputs.to_vec() }
    }

    /// Runs it once. Output goes to a file, as in a repository.
    fn run(&self, output: &Path) -> Measure {
        let start = Instant::now();
        let (mut cpu, mut resident) = (Duration::ZERO, 0);
        for input in &self.inputs {
            let mut child = Command::new(&self.program)
                .args(&self.args)
                .env_clear()
                .env("HOME", "/nonexistent")
                .stdin(File::open(input).unwrap())
                .stdout(File::create(output).unwrap())
                .stderr(Stdio::inherit())
                .spawn()
                .unwrap();
            let used = child.wait4().unwrap();
            assert!(used.status.success(), "{} {:?} failed", self.program.display(), self.args);
            cpu += used.rusage.utime + used.rusage.stime;
            resident = resident.max(used.rusage.maxrss);
        }
        Measure { wall: start.elapsed(), cpu, resident }
    }
}

/// The middle one by wall time; of the memory the largest.
fn summary(mut runs: Vec<Measure>) -> Measure {
    runs.sort_by_key(|run| run.wall);
    let resident = runs.iter().map(|run| run.resident).max().unwrap();
    Measure { resident, ..runs[runs.len() / 2] }
}

/// What is promised, and whether a ratio of wall times and our resident mebibytes keep it.
type Target = (&'static str, fn(f64, f64) -> bool);

fn compare(title: &str, runs: usize, ours: &Job, theirs: &Job, folder: &Path, targets: &[Target]) {
    let output = folder.join("output");
    for job in [ours, theirs] {
        job.run(&output);
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for n in 0..runs {
        // Neither always runs after the other.
        if n % 2 == 0 {
            a.push(ours.run(&output));
            b.push(theirs.run(&output));
        } else {
            b.push(theirs.run(&output));
            a.push(ours.run(&output));
        }
    }
    let (a, b) = (summary(a), summary(b));
    let ratio = b.wall.as_secs_f64() / a.wall.as_secs_f64();
    let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!("\n{title}  (median of {runs} runs)");
    println!("                   wall        CPU    largest resident");
    for (name, run) in [("hecate-seal", a), ("kubeseal", b)] {
        let (wall, cpu) = (run.wall.as_secs_f64() * 1e3, run.cpu.as_secs_f64() * 1e3);
        println!("  {name:11} {wall:8.2} ms {cpu:7.1} ms {:8.1} MiB", megabytes(run.resident));
    }
    println!("  {ratio:.1} times as fast");
    for (text, met) in targets {
        println!("  target {text}: {}", if met(ratio, megabytes(a.resident)) { "met" } else { "MISSED" });
    }
}

/// Writes `count` Secrets of five values as a YAML stream, piece by piece: this process must stay smaller than those it
/// measures, because a child's peak begins with its parent's.
fn write_secrets(path: &Path, count: usize) {
    let mut file = std::io::BufWriter::new(File::create(path).unwrap());
    for n in 0..count {
        writeln!(
            file,
            "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: app-{n}\n  namespace: team-a\ntype: Opaque\nstringData:"
        )
        .unwrap();
        for value in 0..VALUES {
            writeln!(file, "  KEY_{value}: value-{n}-{value}-9f86d081884c7d659a2feaa0c55ad015").unwrap();
        }
    }
    file.flush().unwrap();
}

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let runs = |full: usize| if quick { full.div_ceil(10) } else { full };
    let kubeseal = support::peers::kubeseal().expect("Go is needed, to build kubeseal");
    let ours = support::kubeseal_link();
    let hecate = env!("CARGO_BIN_EXE_hecate-seal");
    let folder = support::temp_dir();
    let folder = folder.path();

    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or(": unknown")
        .trim_start_matches(['\t', ' ', ':']);
    println!("{} cores, {model}; kubeseal {}", std::thread::available_parallelism().unwrap(), support::peers::KUBESEAL.version);

    let (cert, key) = (support::key("test-only-4096.crt.pem"), support::key("test-only-4096.key.pem"));
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let (one, many) = (folder.join("one.yaml"), folder.join("many.yaml"));
    write_secrets(&one, 1);
    write_secrets(&many, SECRETS);

    let seal = ["--cert", cert, "--format", "yaml"];
    let inputs = [one.clone()];
    compare(
        "seal one manifest of 5 values, RSA-4096",
        runs(200),
        &Job::new(&ours, &seal, &inputs),
        &Job::new(&kubeseal, &seal, &inputs),
        folder,
        &[("at least 4 times as fast", |ratio, _| ratio >= 4.0), ("at most 8 MiB", |_, resident| resident <= 8.0)],
    );
    let inputs = [many.clone()];
    compare(
        "seal 300 Secrets of 5 values, RSA-4096",
        runs(30),
        &Job::new(&ours, &seal, &inputs),
        &Job::new(&kubeseal, &seal, &inputs),
        folder,
        &[("at least 8 times as fast", |ratio, _| ratio >= 8.0)],
    );

    // What is opened: kubeseal's own output. It opens one object a process, so its 300 are 300 processes.
    let (sealed_one, sealed_many) = (folder.join("one.sealed.yaml"), folder.join("many.sealed.yaml"));
    Job::new(&kubeseal, &seal, &[one]).run(&sealed_one);
    Job::new(&kubeseal, &seal, &[many]).run(&sealed_many);
    let each: Vec<PathBuf> = std::fs::read_to_string(&sealed_many)
        .unwrap()
        .split("---\n")
        .filter(|document| !document.is_empty())
        .enumerate()
        .map(|(n, document)| {
            let path = folder.join(format!("{n}.sealed.yaml"));
            std::fs::write(&path, document).unwrap();
            path
        })
        .collect();
    assert_eq!(each.len(), SECRETS);
    let open = ["--recovery-unseal", "--recovery-private-key", key, "--format", "yaml"];
    compare(
        "open one SealedSecret of 5 values, RSA-4096",
        runs(200),
        &Job::new(&ours, &open, std::slice::from_ref(&sealed_one)),
        &Job::new(&kubeseal, &open, &[sealed_one]),
        folder,
        &[],
    );
    compare(
        "open 300 SealedSecrets of 5 values, RSA-4096 (kubeseal: 300 processes)",
        runs(3),
        &Job::new(hecate, &["unseal", "--private-key", key], &[sealed_many]),
        &Job::new(&kubeseal, &open, &each),
        folder,
        &[],
    );
}
