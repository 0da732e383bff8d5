//! Ours against sops 3.13.3 on the same work, in one run: `cargo bench --bench sops`.
//!
//! Whole processes, from start to end, taking turns: ours as `hecate-seal sops`, which keeps the layout of a file, ours called as `sops`,
//! which writes in sops' own, and sops. Prints medians, processor time, the largest resident memory, and the targets of
//! `docs/performance.md`. `-- --quick` does a tenth of the runs.
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

/// An identity of C2SP's vectors, and its recipient.
const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
const RECIPIENT: &str = "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef";

#[derive(Clone, Copy)]
struct Measure {
    wall: Duration,
    processor: Duration,
    resident: u64,
}

fn run(program: &Path, words: &[&str], input: &Path, output: &Path) -> Measure {
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(words)
        .arg(input)
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("SOPS_AGE_KEY", IDENTITY)
        .current_dir(input.parent().unwrap())
        .stdin(Stdio::null())
        .stdout(File::create(output).unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let used = child.wait4().unwrap();
    assert!(used.status.success(), "{} {words:?} failed", program.display());
    let wall = start.elapsed();
    Measure { wall, processor: used.rusage.utime + used.rusage.stime, resident: used.rusage.maxrss }
}

fn median(mut runs: Vec<Measure>) -> Measure {
    runs.sort_by_key(|run| run.wall);
    let resident = runs.iter().map(|run| run.resident).max().unwrap();
    let median = runs[runs.len() / 2];
    runs.sort_by_key(|run| run.processor);
    Measure { resident, processor: runs[runs.len() / 2].processor, ..median }
}

struct Work<'a> {
    title: &'a str,
    words: Vec<&'a str>,
    input: PathBuf,
    runs: usize,
    /// How many times as fast, and in how many mebibytes.
    target: (f64, Option<f64>),
}

/// Ours under its own name and as `sops`, and sops.
struct Programs {
    ours: PathBuf,
    as_sops: PathBuf,
    sops: PathBuf,
}

fn compare(work: &Work<'_>, programs: &Programs, output: &Path) {
    let our_words: Vec<&str> = std::iter::once("sops").chain(work.words.iter().copied()).collect();
    let contestants = [
        ("hecate-seal sops", &programs.ours, &our_words),
        ("ours as sops", &programs.as_sops, &work.words),
        ("sops", &programs.sops, &work.words),
    ];
    let mut runs: [Vec<Measure>; 3] = Default::default();
    for n in 0..=work.runs {
        for offset in 0..contestants.len() {
            // Nobody is always the first or always behind the same.
            let which = (n + offset) % contestants.len();
            let (_, program, words) = contestants[which];
            let measure = run(program, words, &work.input, output);
            // The first round only warms up.
            if n > 0 {
                runs[which].push(measure);
            }
        }
    }
    let medians = runs.map(median);
    let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!("\n{}  (median of {} runs)", work.title, work.runs);
    let (fast, small) = work.target;
    let met = |met| if met { "met" } else { "MISSED" };
    for ((name, ..), used) in contestants.iter().zip(&medians) {
        let (wall, processor) = (milliseconds(used.wall), milliseconds(used.processor));
        print!("  {name:16} {wall:8.2} ms wall {processor:8.2} ms processor {:8.1} MiB", megabytes(used.resident));
        if *name == "sops" {
            println!();
            continue;
        }
        let ratio = medians[2].wall.as_secs_f64() / used.wall.as_secs_f64();
        let of_processor = medians[2].processor.as_secs_f64() / used.processor.as_secs_f64();
        print!("  {ratio:.1} times as fast ({of_processor:.1} in processor time), target {fast}: {}", met(ratio >= fast));
        match small {
            Some(small) => println!("; target {small} MiB: {}", met(megabytes(used.resident) <= small)),
            None => println!(),
        }
    }
}

/// Writes `count` values, piece by piece: this process must stay smaller than those it measures.
fn write_values(path: &Path, count: usize) {
    let mut file = std::io::BufWriter::new(File::create(path).unwrap());
    for n in 0..count {
        if n % 10 == 0 {
            writeln!(file, "app-{}:", n / 10).unwrap();
        }
        writeln!(file, "    key-{}: value-{n}-9f86d081884c7d659a2feaa0c55ad015", n % 10).unwrap();
    }
}

fn main() {
    let Some(sops) = support::peers::get(&support::peers::SOPS) else { return };
    let quick = std::env::args().any(|arg| arg == "--quick");
    let runs = |count: usize| if quick { (count / 10).max(2) } else { count };
    let folder = support::temp_dir();
    let at = |name: &str| folder.path().join(name);
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_hecate-seal"));
    let as_sops = at("sops");
    std::os::unix::fs::symlink(&ours, &as_sops).unwrap();
    let programs = Programs { ours, as_sops, sops };
    for (count, name) in [(10, "small.yaml"), (10_000, "large.yaml")] {
        write_values(&at(name), count);
        run(&programs.sops, &["encrypt", "--age", RECIPIENT], &at(name), &at(&format!("sealed-{name}")));
    }
    let encrypt = vec!["encrypt", "--age", RECIPIENT];
    for work in [
        Work {
            title: "decrypt 10 values",
            words: vec!["decrypt"],
            input: at("sealed-small.yaml"),
            runs: runs(100),
            target: (5.0, Some(8.0)),
        },
        Work {
            title: "encrypt 10 values",
            words: encrypt.clone(),
            input: at("small.yaml"),
            runs: runs(100),
            target: (5.0, Some(8.0)),
        },
        Work {
            title: "decrypt 10,000 values",
            words: vec!["decrypt"],
            input: at("sealed-large.yaml"),
            runs: runs(20),
            target: (10.0, None),
        },
        Work { title: "encrypt 10,000 values", words: encrypt, input: at("large.yaml"), runs: runs(20), target: (10.0, None) },
    ] {
        compare(&work, &programs, &at("output"));
    }
}
