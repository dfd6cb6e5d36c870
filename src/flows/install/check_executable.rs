//! Checks a staged executable before it is installed: its header, one start for its version, and the receipt.

use std::path::Path;
use std::time::Duration;

use crate::flows::install::AcquireError;
use crate::flows::install::ExecutableError;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::InstallRequest;
use crate::flows::install::acquire::Acquired;
use crate::platform;
use crate::worker::executable;
use crate::worker::executable::LoaderHost;
use crate::worker::executable::VersionCheck;
use crate::worker::store;
use crate::worker::store::Receipt;

/// How long the worker may take to print its version.
const SMOKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Inspects the executable, starts it once for its version, and creates the receipt.
pub(super) fn check_executable(
    request: &InstallRequest,
    context: &InstallContext<'_>,
    acquired: &Acquired,
) -> Result<Receipt, InstallError> {
    let name = || acquired.name.clone();
    let inspection = executable::inspect(&acquired.path).map_err(ExecutableError::from)?;
    let host = request.runs_here().then(|| LoaderHost::read(Path::new("/"), request.options.target, &inspection));
    let notes = executable::preflight(&inspection, request.options.target, &request.options.tool, host.as_ref())
        .map_err(|source| ExecutableError::Preflight { name: name(), source })?;
    let mut notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
    platform::make_executable(&acquired.path)
        .map_err(|source| AcquireError::Staging { doing: "make the binary executable", source })?;
    let mut version = None;
    if request.runs_here() {
        let said =
            executable::smoke_check(&acquired.path, &request.options.tool, SMOKE_TIMEOUT, &platform::is_interrupted)
                .map_err(|source| ExecutableError::Smoke { name: name(), source })?;
        if let Some(tag) = &acquired.tag {
            match executable::check_version(&said, tag) {
                Ok(VersionCheck::Equal) => {}
                Ok(VersionCheck::TagWithoutVersion) => {
                    notes.push(format!("the tag {tag} is not a version, so {} could not be compared", said.version));
                }
                Err(source) => return Err(ExecutableError::Version { name: name(), source }.into()),
            }
        }
        version = Some(said.version.to_string());
    } else {
        let here = request.options.host.map_or_else(|| "another platform".to_owned(), |host| host.to_string());
        notes.push(format!("not started: it is for {}, but this platform is {here}", request.options.target));
    }
    Ok(Receipt {
        schema: store::RECEIPT_SCHEMA.to_owned(),
        tool: request.options.tool.name.to_owned(),
        target: request.options.target,
        sha256: acquired.sha256,
        size: acquired.size,
        version,
        verdict: acquired.verdict,
        evidence: acquired.evidence.clone(),
        attestations: acquired.signed.proofs.clone(),
        origin: acquired.origin.clone(),
        notes,
        installer: concat!("reproq-cli ", env!("CARGO_PKG_VERSION")).to_owned(),
        installed_at: context.now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    })
}
