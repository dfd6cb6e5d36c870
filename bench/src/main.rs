//! `cargo xtask bench`: compares cold installs with curl and with the same steps done manually, round by round in one run; and
//! measures a repeat run with nothing to do. Prints a table and writes JSON.
#![expect(clippy::disallowed_methods, reason = "programs are run and files are created here")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for people at a terminal")]

mod execution;
mod load;
mod prune;
mod queue;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use fake_github::FakeGitHub;
use fake_github::ReleaseSpec;
use fake_sigstore::Claims;
use fake_sigstore::How;
use fake_sigstore::Instance;
use fake_sigstore::provenance;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use xtask::cargo;
use xtask::host;
use xtask::run as run_command;
use xtask::target_directory;
use xtask::toolchain;

const OURS: &str = "adpena/reproq-worker";
const SIGNED_TAG: &str = "bench-signed";
const WITH_SUMS: &str = "acme/with-sums";

/// Starts one command and prints its wall seconds, CPU seconds and peak KiB, as the system counts them for the command and its
/// children. The smallest measurable peak is that of Python itself, about 13 MiB, which starts the command. Python has the call in
/// its standard library; in Rust it would need unsafe code.
const MEASURE: &str = r"
import os, sys, time
began = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[
    (os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, os.environ['MEASURE_STDERR'], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - began
print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
";

#[derive(Debug, Clone, Copy)]
struct Sample {
    wall: f64,
    cpu: f64,
    peak_kib: f64,
}

struct Case {
    name: &'static str,
    asset: String,
    tag: &'static str,
    archive: bool,
}

struct Bench {
    program: PathBuf,
    directory: tempfile::TempDir,
    github: FakeGitHub,
    certificate: PathBuf,
    rounds: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&xtask::root(), &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the benchmark. `--rounds N` is at least 5; `--quick` skips the 500 MB file; `--size` also builds the program without the
/// feature `attestation` and compares the sizes; `--json FILE` is the output file; `--serve` only keeps the release host running,
/// for a profiler; `--latency` measures with 50 and 150 ms added to every response; `--prune` counts the requests of `release prune` instead; `--queue` measures the
/// commands of the queue on `--rows N` tasks; `--execution` measures the execution of tasks, with and without a fork server;
/// `--load` measures `reproq serve` with many clients for `--seconds N`.
fn run(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    if arguments.contains(&"--help") {
        println!(
            "cargo xtask bench [--rounds N] [--quick] [--size] [--json FILE] [--serve]\n       cargo xtask bench --latency [--rounds N]\n       cargo xtask bench --prune\n       cargo xtask bench --queue [--rows N] [--rounds N]\n       cargo xtask bench --execution [--rounds N]\n       cargo xtask bench --load [--rows N] [--seconds N]"
        );
        return Ok(());
    }
    let value = |name: &str| arguments.iter().position(|a| *a == name).and_then(|at| arguments.get(at + 1)).copied();
    let rounds = value("--rounds").unwrap_or("5").parse::<usize>()?.max(5);
    let json_path = value("--json").map_or_else(|| target_directory().join("bench.json"), PathBuf::from);
    println!("Building the release program and the sample workers …");
    run_command(&mut cargo(&["build", "--release", "--quiet"]))?;
    if arguments.contains(&"--prune") {
        return prune::run(&target_directory().join("release/reproq"));
    }
    if arguments.contains(&"--queue") {
        let rows = value("--rows").unwrap_or("100000").parse()?;
        return queue::run(&target_directory().join("release/reproq"), rows, rounds);
    }
    if arguments.contains(&"--load") {
        let rows = value("--rows").unwrap_or("1000000").parse()?;
        let seconds = value("--seconds").unwrap_or("60").parse()?;
        return load::run(&target_directory().join("release/reproq"), rows, seconds);
    }
    if arguments.contains(&"--execution") {
        return execution::run(&target_directory().join("release/reproq"), rounds);
    }
    let (bench, cases) = Bench::prepare(root, rounds, arguments.contains(&"--quick"))?;
    if arguments.contains(&"--serve") {
        return bench.serve(&cases);
    }
    if arguments.contains(&"--latency") {
        return bench.with_latency(&cases[0]);
    }
    let mut document = BTreeMap::new();
    let binary = fs::metadata(&bench.program)?.len();
    println!(
        "\nprogram: {:.2} MB stripped; {rounds} rounds, medians; wall and CPU seconds, peak MiB\n",
        binary as f64 / 1e6
    );
    println!("| install | command | wall s | × curl | CPU s | peak MiB | requests |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for case in &cases {
        document.insert(case.name.to_owned(), bench.case(case)?);
    }
    println!("\n| with a lockfile | ms | × cp | requests |\n| --- | --- | --- | --- |");
    document.insert("with a lockfile".to_owned(), bench.locked(&cases[0])?);
    println!("\n| up to date | ms | more than `true` |\n| --- | --- | --- |");
    document.insert("up to date".to_owned(), bench.up_to_date(&cases[0])?);
    println!("\n| attestations | ms | more than without |\n| --- | --- | --- |");
    document.insert("attestations".to_owned(), bench.attestations(&cases[0])?);
    if arguments.contains(&"--size") {
        document.insert("size".to_owned(), cost_in_size(binary)?);
    }
    let document = json!({ "program_bytes": binary, "rounds": rounds, "machine": machine(), "cases": document });
    fs::write(&json_path, serde_json::to_string_pretty(&document)?)?;
    println!("\nResults written to {}", json_path.display());
    Ok(())
}

impl Bench {
    fn prepare(root: &Path, rounds: usize, quick: bool) -> anyhow::Result<(Self, Vec<Case>)> {
        let go = toolchain::go()?;
        let directory = tempfile::Builder::new().prefix("bench-").tempdir_in(target_directory())?;
        let worker = directory.path().join("worker");
        toolchain::build_worker(&go, &root.join("tests/fixtures/reproq-worker"), "1.0.0", &host(), &worker)?;
        let worker = fs::read(worker)?;
        let github = FakeGitHub::start_tls();
        let certificate = directory.path().join("ca.pem");
        fs::write(&certificate, github.ca_pem())?;
        let raw = format!("reproq-{}", host());
        let archive = format!("{raw}.tar.gz");
        let mut cases = vec![
            Case { name: "raw 15 MB", asset: raw.clone(), tag: "v1.0.0", archive: false },
            Case { name: "tar.gz 60 MB", asset: archive.clone(), tag: "bench-archive", archive: true },
        ];
        publish(&github, "v1.0.0", &raw, padded(&worker, 15_000_000, 8));
        publish(&github, "bench-archive", &archive, tar_gz(&directory, &padded(&worker, 150_000_000, 3))?);
        if !quick {
            cases.push(Case { name: "raw 500 MB", asset: raw.clone(), tag: "bench-large", archive: false });
            publish(&github, "bench-large", &raw, padded(&worker, 500_000_000, 8));
        }
        let program = target_directory().join("release/reproq");
        Ok((Self { program, directory, github, certificate, rounds }, cases))
    }

    fn serve(&self, cases: &[Case]) -> anyhow::Result<()> {
        println!(
            "export REPROQ_GITHUB_API_URL={} REPROQ_GITHUB_SERVER_URL={}",
            self.github.api_url(),
            self.github.web_url()
        );
        println!("export SSL_CERT_FILE={}", self.certificate.display());
        for case in cases {
            println!("# {}: reproq install --tag {}", case.name, case.tag);
        }
        println!("# press Enter to stop");
        std::io::stdin().read_line(&mut String::new())?;
        Ok(())
    }

    fn case(&self, case: &Case) -> anyhow::Result<serde_json::Value> {
        let mut commands = vec!["curl -o", "reproq install", "manual steps"];
        if self.measure_ubi(case).is_ok() {
            commands.push("ubi");
        }
        let mut samples: BTreeMap<&str, Vec<Sample>> = BTreeMap::new();
        let mut requests: BTreeMap<&str, usize> = BTreeMap::new();
        for round in 0..=self.rounds {
            for command in &commands {
                self.github.clear_log();
                let sample = match *command {
                    "curl -o" => self.measure_curl(case),
                    "reproq install" => self.measure_ours(case),
                    "ubi" => self.measure_ubi(case),
                    _ => self.measure_manual(case),
                }?;
                // The first round warms the caches and is not counted.
                if round > 0 {
                    samples.entry(command).or_default().push(sample);
                }
                requests.insert(command, self.github.requests().len());
            }
        }
        let median_of = |name: &str, of: fn(&Sample) -> f64| median(samples[name].iter().map(of).collect());
        let floor = median_of("curl -o", |sample| sample.wall);
        let mut rows = BTreeMap::new();
        for command in &commands {
            let (wall, cpu) = (median_of(command, |s| s.wall), median_of(command, |s| s.cpu));
            let peak = median_of(command, |s| s.peak_kib) / 1024.0;
            // Per round, so that a slow moment of the machine affects both.
            let pairs = samples[command].iter().zip(&samples["curl -o"]).map(|(ours, curl)| ours.wall / curl.wall);
            let ratio = median(pairs.collect());
            let asked = requests[command];
            println!("| {} | {command} | {wall:.3} | {ratio:.2} | {cpu:.3} | {peak:.1} | {asked} |", case.name);
            rows.insert(
                (*command).to_owned(),
                json!({ "wall_s": wall, "wall_ratio_to_curl": ratio, "cpu_s": cpu, "peak_mib": peak, "requests": asked }),
            );
        }
        ensure!(floor > 0.0, "the clock does not advance");
        Ok(json!(rows))
    }

    /// Simulates a distant server by delaying every response. Loopback hides the cost of sequential requests.
    fn with_latency(&self, case: &Case) -> anyhow::Result<()> {
        println!("\n| added latency | command | wall s | × curl | requests |\n| --- | --- | --- | --- | --- |");
        let first = self.fresh("locked")?;
        self.install(&first, case)?;
        let lock = fs::read(first.join("reproq.lock"))?;
        let program = self.program.to_str().context("UTF-8")?.to_owned();
        let locked = [&program, "install", "--locked", "--no-build"].map(str::to_owned);
        for milliseconds in [50, 150] {
            self.github.latency(Duration::from_millis(milliseconds));
            let commands = ["curl -o", "ubi with its API call, as curl", "reproq install", "reproq install --locked"];
            let mut samples: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
            let mut requests: BTreeMap<&str, usize> = BTreeMap::new();
            for round in 0..=self.rounds {
                for command in commands {
                    self.forget_cache()?;
                    self.github.clear_log();
                    let sample = match command {
                        "curl -o" => self.measure_curl(case)?,
                        "reproq install" => self.measure_ours(case)?,
                        "reproq install --locked" => {
                            let project = self.fresh("far")?;
                            fs::write(project.join("reproq.lock"), &lock)?;
                            self.measure(&project, &locked)?
                        }
                        _ => self.measure_api_then_asset(case)?,
                    };
                    if round > 0 {
                        samples.entry(command).or_default().push(sample.wall);
                    }
                    requests.insert(command, self.github.requests().len());
                }
            }
            for command in commands {
                let pairs = samples[command].iter().zip(&samples["curl -o"]).map(|(ours, curl)| ours / curl);
                let (ratio, wall) = (median(pairs.collect()), median(samples[command].clone()));
                println!("| {milliseconds} ms | {command} | {wall:.3} | {ratio:.2} | {} |", requests[command]);
            }
        }
        self.github.latency(Duration::ZERO);
        Ok(())
    }

    /// What ubi requests when it is given a project and not a URL: the release, then the asset; nothing is verified.
    fn measure_api_then_asset(&self, case: &Case) -> anyhow::Result<Sample> {
        let project = self.fresh("ubi-api")?;
        let certificate = self.certificate.display();
        let script = format!(
            "curl -fsSL --cacert {certificate} -o release.json {}/repos/{OURS}/releases/tags/{} && \
             curl -fsSL --cacert {certificate} -o FILE {}",
            self.github.api_url(),
            case.tag,
            self.url(OURS, case.tag, &case.asset),
        );
        self.measure(&project, &["sh".to_owned(), "-c".to_owned(), script])
    }

    /// Compares an install in a project that has only a lockfile, as on a second machine, with copying the file.
    fn locked(&self, case: &Case) -> anyhow::Result<serde_json::Value> {
        let first = self.fresh("locked")?;
        self.install(&first, case)?;
        let lock = fs::read(first.join("reproq.lock"))?;
        let file = self.directory.path().join("file");
        fs::copy(first.join(".reproq/bin/reproq"), &file)?;
        let file = file.to_str().context("UTF-8")?.to_owned();
        let program = self.program.to_str().context("UTF-8")?.to_owned();
        let install = [&program, "install", "--locked", "--no-django"].map(str::to_owned).to_vec();
        let synced = format!("mkdir -p .reproq/bin && cp {file} .reproq/bin/x && sync -d .reproq/bin/x");
        let mut samples: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let mut requests: BTreeMap<&str, usize> = BTreeMap::new();
        for round in 0..=self.rounds * 2 {
            for (name, command) in [
                ("cp", vec!["cp".to_owned(), file.clone(), "x".to_owned()]),
                ("cp and sync", vec!["sh".to_owned(), "-c".to_owned(), synced.clone()]),
                ("reproq install --locked, cached", install.clone()),
                ("reproq install --locked, not cached", install.clone()),
            ] {
                let project = self.fresh("locked")?;
                fs::write(project.join("reproq.lock"), &lock)?;
                if name.ends_with("not cached") {
                    self.forget_cache()?;
                }
                self.github.clear_log();
                let sample = self.measure(&project, &command)?;
                requests.insert(name, self.github.requests().len());
                if round > 0 {
                    samples.entry(name).or_default().push(sample.wall * 1000.0);
                }
            }
        }
        let mut rows = BTreeMap::new();
        for (name, values) in &samples {
            let ratio = median(values.iter().zip(&samples["cp"]).map(|(ours, cp)| ours / cp).collect());
            let (wall, asked) = (median(values.clone()), requests[name]);
            println!("| {name} | {wall:.1} | {ratio:.2} | {asked} |");
            rows.insert((*name).to_owned(), json!({ "ms": wall, "ratio_to_cp": ratio, "requests": asked }));
        }
        Ok(json!(rows))
    }

    fn up_to_date(&self, case: &Case) -> anyhow::Result<serde_json::Value> {
        let project = self.fresh("noop")?;
        self.install(&project, case)?;
        let runs = 40;
        let mut samples: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let program = self.program.to_str().context("UTF-8")?.to_owned();
        for _ in 0..runs {
            for (name, command) in [
                ("true", vec!["true".to_owned()]),
                ("reproq install", vec![program.clone(), "install".to_owned()]),
                ("reproq which --no-django", vec![program.clone(), "which".to_owned(), "--no-django".to_owned()]),
            ] {
                samples.entry(name).or_default().push(self.measure(&project, &command)?.wall * 1000.0);
            }
        }
        let floor = median(samples["true"].clone());
        let mut rows = BTreeMap::new();
        for (name, values) in samples {
            let value = median(values);
            println!("| {name} | {value:.2} | {:.2} |", value - floor);
            rows.insert(name.to_owned(), json!({ "ms": value, "ms_more_than_true": value - floor }));
        }
        Ok(json!(rows))
    }

    /// Compares the install of an unattested and of an attested release, and the verification of a file with a run of the program
    /// that does nothing.
    fn attestations(&self, case: &Case) -> anyhow::Result<serde_json::Value> {
        let acme = Instance::new("acme", "acme authority");
        let directory = self.directory.path();
        let (root, bundle) = (directory.join("root.json"), directory.join("bundle.json"));
        let sha256 = self.publish_signed(&acme, case, &bundle)?;
        fs::write(&root, acme.root(true).to_string())?;
        let text = |path: &Path| path.to_str().map(str::to_owned).context("UTF-8");
        let (program, root, bundle) = (text(&self.program)?, text(&root)?, text(&bundle)?);
        let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
        self.measure(directory, &command(&[&program, "trust", "accept", &root]))?;
        let digest = format!("sha256:{sha256}");
        let verify = ["verify", &digest, "--bundle", &bundle, "--repo", OURS, "--tag", SIGNED_TAG];
        let verify = command(&[&[program.as_str()], verify.as_slice()].concat());
        let mut samples: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for round in 0..=self.rounds * 4 {
            for name in ["install, unattested", "install, attested", "reproq --version", "reproq verify FILE"] {
                let project = self.fresh("signed")?;
                self.forget_cache()?;
                let sample = match name {
                    "install, unattested" => self.install(&project, case)?,
                    "install, attested" => {
                        let install = [&program, "install", "--tag", SIGNED_TAG, "--no-build", "--require", "attested"];
                        self.measure(&project, &command(&install))?
                    }
                    "reproq --version" => self.measure(&project, &command(&[&program, "--version"]))?,
                    _ => self.measure(&project, &verify)?,
                };
                if round > 0 {
                    samples.entry(name).or_default().push(sample.wall * 1000.0);
                }
            }
        }
        let mut rows = BTreeMap::new();
        for (name, without) in
            [("install, attested", "install, unattested"), ("reproq verify FILE", "reproq --version")]
        {
            let more =
                median(samples[name].iter().zip(&samples[without]).map(|(with, without)| with - without).collect());
            let value = median(samples[name].clone());
            println!("| {name} | {value:.1} | {more:.1} |");
            rows.insert(name.to_owned(), json!({ "ms": value, "ms_more": more }));
        }
        Ok(json!(rows))
    }

    /// Publishes a release that is attested by a test authority; returns the asset's digest.
    fn publish_signed(&self, acme: &Instance, case: &Case, bundle: &Path) -> anyhow::Result<String> {
        let project = self.fresh("unsigned")?;
        self.install(&project, case)?;
        let mut bytes = fs::read(project.join(".reproq/bin/reproq"))?;
        // The bytes must differ from the unattested asset's.
        bytes.push(0);
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let statement = provenance(&case.asset, &sha256);
        let signed = acme.bundle(&Claims::build_of(OURS, SIGNED_TAG), &statement, How::default());
        fs::write(bundle, signed.to_string())?;
        self.github.repo(OURS).add(ReleaseSpec::new(SIGNED_TAG).file(&case.asset, bytes));
        self.github.repo(OURS).attest(&sha256, signed);
        Ok(sha256)
    }

    fn measure_ours(&self, case: &Case) -> anyhow::Result<Sample> {
        let project = self.fresh("ours")?;
        self.forget_cache()?;
        self.install(&project, case)
    }

    /// Simulates a machine where nothing was ever installed.
    fn forget_cache(&self) -> anyhow::Result<()> {
        let cache = self.cache();
        if cache.exists() {
            fs::remove_dir_all(cache)?;
        }
        Ok(())
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn install(&self, project: &Path, case: &Case) -> anyhow::Result<Sample> {
        let program = self.program.to_str().context("UTF-8")?;
        self.measure(project, &[program, "install", "--tag", case.tag, "--no-build"].map(str::to_owned))
    }

    fn measure_curl(&self, case: &Case) -> anyhow::Result<Sample> {
        let project = self.fresh("curl")?;
        let url = self.url(OURS, case.tag, &case.asset);
        let certificate = self.certificate.to_str().context("UTF-8")?;
        self.measure(&project, &["curl", "-fsSL", "--cacert", certificate, "-o", "FILE", &url].map(str::to_owned))
    }

    fn measure_manual(&self, case: &Case) -> anyhow::Result<Sample> {
        let project = self.fresh("manual")?;
        let unpack = if case.archive { format!("tar xzf {}", case.asset) } else { format!("mv {} reproq", case.asset) };
        let certificate = self.certificate.display();
        let script = format!(
            "set -e; mkdir -p bin; d=$(mktemp -d ./bin/.tmp.XXXX); cd $d
             curl -fsSL --retry 3 --cacert {certificate} -O {}
             curl -fsSL --retry 3 --cacert {certificate} -O {}
             grep ' {}$' SHA256SUMS | sha256sum -c - >/dev/null
             {unpack}; chmod 0755 reproq; mv reproq ..",
            self.url(WITH_SUMS, case.tag, &case.asset),
            self.url(WITH_SUMS, case.tag, "SHA256SUMS"),
            case.asset,
        );
        self.measure(&project, &["sh".to_owned(), "-c".to_owned(), script])
    }

    fn measure_ubi(&self, case: &Case) -> anyhow::Result<Sample> {
        let project = self.fresh("ubi")?;
        let url = self.url(OURS, case.tag, &case.asset);
        self.measure(&project, &["ubi", "--url", &url, "--exe", "reproq", "--in", "bin"].map(str::to_owned))
    }

    fn measure(&self, directory: &Path, command: &[String]) -> anyhow::Result<Sample> {
        let stderr = self.directory.path().join("stderr");
        let output = Command::new("python3")
            .arg("-c")
            .arg(MEASURE)
            .args(command)
            .current_dir(directory)
            .env("REPROQ_GITHUB_API_URL", self.github.api_url())
            .env("REPROQ_GITHUB_SERVER_URL", self.github.web_url())
            .env("SSL_CERT_FILE", &self.certificate)
            .env("REPROQ_CACHE_DIR", self.cache())
            .env("REPROQ_TRUST_DIR", self.directory.path().join("trust"))
            .env("MEASURE_STDERR", &stderr)
            .env_remove("GITHUB_TOKEN")
            .env_remove("GH_TOKEN")
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        let figures: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [wall, cpu, peak_kib, code] = figures[..] else {
            anyhow::bail!("could not measure {command:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        ensure!(code == 0.0, "{command:?} failed: {}", fs::read_to_string(&stderr)?);
        Ok(Sample { wall, cpu, peak_kib })
    }

    fn url(&self, repository: &str, tag: &str, asset: &str) -> String {
        format!("{}/{repository}/releases/download/{tag}/{asset}", self.github.web_url())
    }

    fn fresh(&self, name: &str) -> anyhow::Result<PathBuf> {
        let directory = self.directory.path().join(name);
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir(&directory)?;
        Ok(directory)
    }
}

/// The size that the feature `attestation` adds to the program.
fn cost_in_size(with: u64) -> anyhow::Result<serde_json::Value> {
    let directory = target_directory().join("without-attestation");
    let mut build =
        cargo(&["build", "--release", "--quiet", "--no-default-features", "--features=oidc", "--target-dir"]);
    build.arg(&directory);
    run_command(&mut build)?;
    let without = fs::metadata(directory.join("release/reproq"))?.len();
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "\nprogram: {:.2} MB with the feature `attestation`, {:.2} MB without",
        megabytes(with),
        megabytes(without)
    );
    Ok(json!({ "with": with, "without": without }))
}

fn publish(github: &FakeGitHub, tag: &str, asset: &str, bytes: Vec<u8>) {
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let sums = format!("{digest}  {asset}\n");
    let bytes = bytes::Bytes::from(bytes);
    github.repo(OURS).add(ReleaseSpec::new(tag).file(asset, bytes.clone()));
    github.repo(WITH_SUMS).add(ReleaseSpec::new(tag).file(asset, bytes).file("SHA256SUMS", sums.into_bytes()));
}

/// Pads a worker to the size of real ones: the system ignores bytes after the executable's own.
/// `random_bits` of each byte are random, so that the padding compresses like machine code.
fn padded(worker: &[u8], length: usize, random_bits: u32) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mask = u8::try_from((1_u32 << random_bits) - 1).expect("at most eight bits");
    let mut bytes = worker.to_vec();
    bytes.reserve(length.saturating_sub(worker.len()));
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes().map(|byte| byte & mask));
    }
    bytes.truncate(length.max(worker.len()));
    bytes
}

fn tar_gz(directory: &tempfile::TempDir, worker: &[u8]) -> anyhow::Result<Vec<u8>> {
    let pack = directory.path().join("pack");
    fs::create_dir_all(&pack)?;
    fs::write(pack.join("reproq"), worker)?;
    let archive = directory.path().join("pack.tar.gz");
    let mut command = Command::new("tar");
    command.arg("-C").arg(&pack).args(["--owner=0", "--group=0", "--mode=0755", "-czf"]).arg(&archive).arg("reproq");
    run_command(&mut command)?;
    Ok(fs::read(&archive)?)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    format!("{}, {processors} processors, {}", host(), model.trim_start_matches([' ', '\t', ':']))
}
