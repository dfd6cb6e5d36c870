//! `cargo xtask wheel`: builds the Python wheel for this machine, installs it in the usual ways, and starts the installed
//! program.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use xtask::cargo;
use xtask::python;
use xtask::python::Environment;
use xtask::root;
use xtask::run;
use xtask::target_directory;

/// The maximum size of a wheel in bytes; checked only for the optimized build.
const LARGEST: u64 = 5_000_000;

/// Builds, installs and checks the wheel. `--release` optimizes it as in a release; the default compiles fastest.
pub fn wheel(arguments: &[&str]) -> Result<()> {
    let (Some(python), Some(tools)) = (python::newest(), python::tools("wheel")?) else {
        println!("wheel: no Python 3.11 or newer with venv and pip; not built");
        return Ok(());
    };
    let release = arguments.contains(&"--release");
    let wheel = build(&tools, release)?;
    let size = fs::metadata(&wheel)?.len();
    println!("wheel: {} ({:.2} MB)", wheel.display(), size as f64 / 1e6);
    ensure!(!release || size <= LARGEST, "the wheel has {size} bytes; the limit is {LARGEST}");
    run(Command::new(tools.program("twine")).args(["check", "--strict"]).arg(&wheel))?;
    run(Command::new(tools.program("check-wheel-contents")).arg(&wheel))?;
    let work = tempfile::Builder::new().prefix("reproq-wheel-").tempdir()?;
    in_an_environment(&python, &wheel, work.path())?;
    in_a_target(&python, &wheel, work.path())?;
    println!("wheel: installed and started in a virtual environment and in a target directory");
    Ok(())
}

fn build(tools: &Environment, release: bool) -> Result<PathBuf> {
    // Man pages and completions must exist before the wheel is packed.
    let data = root().join("target/wheel-data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    run(cargo(&["run", "--quiet", "--package", "dist", "--", "share"]).arg(data.join("data")))?;
    run(
        cargo(&["run", "--quiet", "--package", "dist", "--", "description"]).arg(root().join("target/wheel-readme.md"))
    )?;
    let out = target_directory().join("wheels");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    let profile = if release { "release" } else { "dev" };
    let mut maturin = Command::new(tools.program("maturin"));
    maturin.args(["build", "--quiet", "--locked", "--profile", profile, "--out"]).arg(&out);
    run(maturin.current_dir(root()).stdin(Stdio::null()))?;
    let built = fs::read_dir(&out)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    built.into_iter().find(|path| path.extension().is_some_and(|it| it == "whl")).context("maturin built no wheel")
}

/// Runs `pip install reproq`, then checks the command, the module, the man page and the licenses.
fn in_an_environment(python: &Path, wheel: &Path, work: &Path) -> Result<()> {
    let directory = work.join("environment");
    let environment = Environment::new(python, &directory)?;
    let own = environment.python();
    pip_install(&own, wheel, &[])?;
    let by_name = version(&mut Command::new(environment.program("reproq")))?;
    let by_module = version(Command::new(&own).args(["-m", "reproq"]))?;
    ensure!(by_name == by_module, "the command reports {by_name}, the module {by_module}");
    // A usage error exits with 2; the module must pass it on.
    let status = Command::new(&own).args(["-m", "reproq", "no-such-command"]).stderr(Stdio::null()).status()?;
    ensure!(status.code() == Some(2), "`python -m reproq` ended with {status}, not with the program's own status");
    for name in ["share/man/man1/reproq-install.1", "share/bash-completion/completions/reproq"] {
        ensure!(directory.join(name).is_file(), "the wheel does not contain {name}");
    }
    links_are_absolute(&own)?;
    let licences = "import importlib.metadata as m; print(*[f for f in m.files('reproq') if 'LICENSE' in f.name])";
    let output = Command::new(&own).args(["-c", licences]).output()?;
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        listed.contains("LICENSE-MIT") && listed.contains("LICENSE-APACHE"),
        "the wheel contains the licenses `{listed}`"
    );
    Ok(())
}

/// PyPI shows the description of the wheel, where links relative to the repository lead nowhere.
fn links_are_absolute(python: &Path) -> Result<()> {
    let script = "import importlib.metadata as m; print(m.metadata('reproq').get_payload() or m.metadata('reproq')['Description'])";
    let output = Command::new(python).args(["-c", script]).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let targets: Vec<&str> = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)).collect();
    let relative = targets.iter().find(|target| !target.contains("://") && !target.starts_with('#'));
    ensure!(relative.is_none(), "the description of the wheel has the relative link {relative:?}");
    ensure!(targets.iter().any(|target| target.ends_with(".svg")), "the description of the wheel has no picture");
    Ok(())
}

/// With `pip install --target DIR reproq` the program is next to the package, and `python -m reproq` must find it.
fn in_a_target(python: &Path, wheel: &Path, work: &Path) -> Result<()> {
    let directory = work.join("target");
    pip_install(python, wheel, &["--target".as_ref(), directory.as_os_str()])?;
    version(Command::new(python).args(["-m", "reproq"]).env("PYTHONPATH", &directory))?;
    Ok(())
}

fn pip_install(python: &Path, wheel: &Path, more: &[&std::ffi::OsStr]) -> Result<()> {
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
        "--root-user-action=ignore",
    ]);
    run(pip.args(more).arg(wheel))
}

fn version(command: &mut Command) -> Result<String> {
    // Not in the checkout, whose `python` directory would be found first.
    let output =
        command.arg("--version").current_dir(std::env::temp_dir()).output().with_context(|| format!("{command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(
        text.starts_with("reproq-cli "),
        "{command:?} printed `{text}` {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}
