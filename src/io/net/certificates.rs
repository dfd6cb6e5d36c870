//! The certificates that the user adds to the system's: `SSL_CERT_FILE` and `SSL_CERT_DIR`. A value that adds none is
//! an error that names the variable.
#![expect(clippy::disallowed_methods, reason = "the directories of SSL_CERT_DIR are listed here")]

use std::io;
use std::path::Path;
use std::path::PathBuf;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::io::fs::bounded_read;
use crate::io::net::NetError;
use crate::io::net::error::is_limit;

/// The maximum size of a certificate file, in bytes. System bundles have a quarter of a megabyte.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Certificates that are trusted in addition to the system's.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    /// `SSL_CERT_FILE`.
    pub file: Option<PathBuf>,
    /// The directories of `SSL_CERT_DIR`.
    pub directories: Vec<PathBuf>,
}

impl Certificates {
    /// Reads all of them. Every file in a directory is read, whatever its name, and may contain something else.
    pub(super) fn load(&self) -> Result<Vec<CertificateDer<'static>>, NetError> {
        let mut all = Vec::new();
        if let Some(file) = &self.file {
            let found = in_file(file).map_err(|error| refused("SSL_CERT_FILE", file, error))?;
            all.extend(found);
        }
        for directory in &self.directories {
            let found = in_directory(directory).map_err(|(path, error)| refused("SSL_CERT_DIR", &path, error))?;
            if found.is_empty() {
                return Err(refused("SSL_CERT_DIR", directory, no_certificate()));
            }
            all.extend(found);
        }
        Ok(all)
    }
}

fn in_file(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let found = in_bytes(&bounded_read::read(path, MAX_BYTES)?)?;
    if found.is_empty() { Err(no_certificate()) } else { Ok(found) }
}

fn in_bytes(bytes: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let found =
        found.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("it is not valid PEM: {error}")))?;
    let mut roots = rustls::RootCertStore::empty();
    // A user who names a file relies on its certificates, so an invalid one is an error.
    for certificate in &found {
        roots.add(certificate.clone()).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("it contains an invalid certificate: {error}"))
        })?;
    }
    Ok(found)
}

/// The error includes the path.
fn in_directory(directory: &Path) -> Result<Vec<CertificateDer<'static>>, (PathBuf, io::Error)> {
    let about = |path: &Path, error| (path.to_owned(), error);
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| about(directory, error))? {
        let path = entry.map_err(|error| about(directory, error))?.path();
        // `openssl rehash` creates links, and some may be dangling.
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(about(&path, error)),
        }
        let bytes = bounded_read::read(&path, MAX_BYTES).map_err(|error| about(&path, error))?;
        all.extend(in_bytes(&bytes).map_err(|error| about(&path, error))?);
    }
    // The same certificate usually exists under several names.
    all.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    all.dedup();
    Ok(all)
}

fn no_certificate() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it contains no certificates")
}

fn refused(variable: &'static str, path: &Path, error: io::Error) -> NetError {
    // Reaching the limit of open files says nothing about the certificates.
    if error.raw_os_error().is_some_and(is_limit) {
        return NetError::System { doing: "read the system certificates", source: error };
    }
    let told =
        [(io::ErrorKind::NotFound, "it does not exist"), (io::ErrorKind::NotADirectory, "it is not a directory")];
    let told = told.into_iter().find(|(kind, _)| *kind == error.kind());
    let reason = told.map_or_else(|| error.to_string(), |(_, words)| words.to_owned());
    NetError::Variable { variable, reason: format!("`{}`: {reason}", path.display()) }
}
