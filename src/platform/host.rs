//! The platform of this machine, also if this program is emulated on a different processor.

#[cfg(all(target_os = "macos", target_arch = "x86_64"))]
use crate::io::process;
use crate::model::Os;
use crate::model::Target;
use crate::model::TargetError;

/// Facts about this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostFacts {
    /// The operating system this program was compiled for.
    pub os: String,
    /// The processor this program was compiled for.
    pub arch: String,
    /// Whether macOS runs this program under Rosetta on an Apple processor.
    pub rosetta: bool,
    /// The native processor, if the environment names it (Windows).
    pub native_arch: Option<String>,
}

impl HostFacts {
    /// Reads the facts. `variable` returns an environment variable.
    pub(crate) fn read(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            rosetta: is_translated(),
            native_arch: native_arch(variable),
        }
    }
}

/// The native target: arm64 under Rosetta and under Windows' emulation.
pub(crate) fn host_target(facts: &HostFacts) -> Result<Target, TargetError> {
    let compiled = Target::from_names(&facts.os, &facts.arch);
    let native = match (os_of(&facts.os), &facts.native_arch) {
        (Some(Os::Darwin), _) if facts.rosetta => Some("arm64"),
        (Some(Os::Windows), Some(arch)) => Some(arch.as_str()),
        (Some(Os::Linux | Os::Darwin | Os::Windows) | None, _) => None,
    };
    // An unknown native name does not make the processor this program runs on unusable.
    native.and_then(|arch| Target::from_names(&facts.os, arch).ok()).map_or(compiled, Ok)
}

fn os_of(name: &str) -> Option<Os> {
    Target::from_names(name, "amd64").ok().map(|target| target.os)
}

/// A 32-bit program finds the native processor in the first variable. For an emulated 64-bit program Windows rewrites
/// `PROCESSOR_ARCHITECTURE` but keeps the full name of the processor: "ARMv8 (64-bit) Family 8 …".
fn native_arch(variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let is_arm64 = |name: &String| name.starts_with("ARMv") && name.contains("64-bit");
    let by_name = || variable("PROCESSOR_IDENTIFIER").filter(is_arm64).map(|_| "ARM64".to_owned());
    variable("PROCESSOR_ARCHITEW6432").or_else(by_name).or_else(|| variable("PROCESSOR_ARCHITECTURE"))
}

/// Queries macOS with its own program, because the system call needs unsafe code. Only a program compiled for the other
/// processor has to do this.
#[cfg(all(target_os = "macos", target_arch = "x86_64"))]
fn is_translated() -> bool {
    let question = process::Request {
        program: std::path::Path::new("/usr/sbin/sysctl"),
        arguments: &["-n".as_ref(), "sysctl.proc_translated".as_ref()],
        directory: None,
        environment: &[],
        stdin: process::Stdin::Empty,
        limit: std::time::Duration::from_secs(5),
        output_limit: 4096,
        keep: process::Keep::All,
    };
    process::run(&question, &|| false).is_ok_and(|answer| answer.stdout.trim_ascii() == b"1")
}

/// No other system runs a program under emulation without a variable that shows it.
#[cfg(not(all(target_os = "macos", target_arch = "x86_64")))]
const fn is_translated() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(os: &str, arch: &str, rosetta: bool, native: Option<&str>) -> Result<String, TargetError> {
        let native_arch = native.map(str::to_owned);
        let facts = HostFacts { os: os.to_owned(), arch: arch.to_owned(), rosetta, native_arch };
        host_target(&facts).map(|target| target.to_string())
    }

    #[test]
    fn the_native_platform_is_reported_and_not_the_emulated_one() {
        for (os, arch, rosetta, native, expected) in [
            ("linux", "x86_64", false, None, "linux-amd64"),
            ("linux", "x86_64", false, Some("ARM64"), "linux-amd64"),
            ("macos", "x86_64", false, None, "darwin-amd64"),
            ("macos", "x86_64", true, None, "darwin-arm64"),
            ("macos", "aarch64", false, None, "darwin-arm64"),
            ("windows", "x86_64", false, Some("AMD64"), "windows-amd64"),
            ("windows", "x86_64", false, Some("ARM64"), "windows-arm64"),
            ("windows", "x86", false, Some("AMD64"), "windows-amd64"),
            ("windows", "x86_64", false, Some("IA64"), "windows-amd64"),
        ] {
            assert_eq!(target(os, arch, rosetta, native), Ok(expected.to_owned()), "{os} {arch} {native:?}");
        }
    }

    #[test]
    fn unsupported_platforms_are_errors() {
        assert_eq!(target("freebsd", "x86_64", false, None), Err(TargetError::Os("freebsd".to_owned())));
        assert_eq!(target("linux", "arm", false, None), Err(TargetError::Arch("arm".to_owned())));
        assert_eq!(target("windows", "x86", false, Some("x86")), Err(TargetError::Arch("x86".to_owned())));
    }

    #[test]
    fn the_environment_of_windows_is_read_in_the_right_order() {
        let arm = "ARMv8 (64-bit) Family 8 Model D4B Revision   0, Qualcomm Technologies Inc";
        for (variables, expected) in [
            (&[("PROCESSOR_ARCHITECTURE", "x86"), ("PROCESSOR_ARCHITEW6432", "ARM64")][..], Some("ARM64")),
            (&[("PROCESSOR_ARCHITECTURE", "AMD64"), ("PROCESSOR_IDENTIFIER", arm)], Some("ARM64")),
            (&[("PROCESSOR_ARCHITECTURE", "AMD64"), ("PROCESSOR_IDENTIFIER", "Intel64 Family 6")], Some("AMD64")),
            (&[], None),
        ] {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(HostFacts::read(&variable).native_arch.as_deref(), expected);
        }
    }

    #[test]
    fn this_machine_has_a_target() {
        assert!(host_target(&HostFacts::read(&|_| None)).is_ok());
    }
}
